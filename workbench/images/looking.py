"""Images as frames, counts and pictures, for a person to look at."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import BadValue, UnknownName
from workbench.images.decoding import Framing, picture, reason
from workbench.images.grey_levels import described
from workbench.images.grey_scale import scale_of
from workbench.images.image_files import Header, Unreadable
from workbench.images.items import SPLITS, Items
from workbench.images.origins import Files
from workbench.images.shelf import looked_at

THUMBNAIL = 160
LONG = 0.4  # share outside the centre square from which an image is called long: 5:3 and more


def frame(items: Items, rows: np.ndarray) -> pd.DataFrame:
    """One row an image: id, label (or a column a tag or task), split, domain, path, and a table's own columns."""
    columns: dict[str, Any] = {"id": [items.ids[r] for r in rows]}
    labels, values = items.labels, items.labels.values[rows]
    if labels.kind == "tags":
        columns |= {name: values[:, i].astype(np.int64) for i, name in enumerate(labels.names)}
    elif labels.kind == "tasks":
        columns |= {t: np.array(n, object)[values[:, i]] for i, (t, n) in enumerate(labels.tasks.items())}
    else:
        columns["label"] = np.array(labels.names, object)[values]
    columns["split"] = np.array(SPLITS, object)[items.splits[rows]]
    domains = np.array([*items.domain_names, None], object)
    columns["domain"] = pd.Series(domains[items.domains[rows]], dtype=object)
    columns["path"] = pd.Series([items.path(r) for r in rows], dtype=object)
    built = pd.DataFrame(columns)
    if items.extra is not None:
        extra = items.extra.iloc[rows].reset_index(drop=True)
        built = built.join(extra[[c for c in extra.columns if c not in built.columns]])
    return built


def counts(items: Items, rows: np.ndarray) -> pd.DataFrame:
    """How many images each class (tag, task's class) has in each split, by domain where there are several."""
    labels, values = items.labels, items.labels.values[rows]
    splits, domains = items.splits[rows], items.domains[rows]
    found: dict[tuple[str, ...], list[int]] = {}
    for code in sorted(set(domains.tolist())):
        here = domains == code
        above = (items.domain_names[code],) if len(items.domain_names) > 1 else ()
        for name, has in _having(labels.kind, labels.tasks, values):
            found[(*above, *name)] = np.bincount(splits[here & has], minlength=3).tolist()
    heads = (["domain"] if len(items.domain_names) > 1 else []) + (["task"] if labels.kind == "tasks" else [])
    table = pd.DataFrame(found.values(), columns=list(SPLITS), dtype=np.int64)
    if heads:
        table.index = pd.MultiIndex.from_tuples(list(found), names=[*heads, "label"])
    else:
        table.index = pd.Index([key[0] for key in found], name="label")
    return table.assign(total=table.sum(axis=1))


def pixels(items: Items, row: int, size: int | None) -> np.ndarray:
    """One image, decoded now: uint8 (H, W, 3) as it is, or its centre square at `size` pixels.

    Raises:
        BadValue: it cannot be decoded.
    """
    try:
        raw = items.read(row)
        if size is not None:
            return looked_at(items, row, raw, Framing(size, pixel_range=items.pixel_range))
        whole = np.array(picture(raw, None, items.pixel_range, items.max_pixels))
        shift = items.shift(row)
        return whole if shift is None else shift(whole, items.anchor(row))
    except (Unreadable, OSError) as error:
        items.unreadable[row] = reason(error)
        raise BadValue(f"the image {items.ids[row]} cannot be shown: {reason(error)}") from error


def notes(items: Items, rows: np.ndarray) -> list[str]:
    """What is to be known of a set as a whole, in sentences: the scale of deep greys, and long images."""
    headers = {int(r): items.origin.header(int(items.at[r])) for r in rows}
    return [*_on_greys(items, headers), *_on_long(items, headers)]


def _on_greys(items: Items, headers: dict[int, Header | None]) -> list[str]:
    scale = scale_of(items)
    if scale is None:
        return []
    files = isinstance(items.origin, Files)
    deep = sum(header is not None and header.deep for header in headers.values()) if files else len(headers)
    sample = f"a sample of {items.range_sample:,} of them" if items.range_sample else "a sample of them"
    found = "as it was given" if items.pixel_range and not items.range_sample else f"found from {sample}"
    black, white = described(scale).split(" to ")
    clipped = {row: share for row, share in items.clipped.items() if row in headers}
    worst = max(clipped.values(), default=0.0)
    beyond = f"{len(clipped):,} images lie beyond it in part, up to {worst:.0%} of their pixels; " if clipped else ""
    return [
        f"{deep:,} of {len(headers):,} images hold greys of more than eight bits: {black} is black and {white} is "
        f"white in all of them, {found}; {beyond}pixel_range= sets another scale"
    ]


def _on_long(items: Items, headers: dict[int, Header | None]) -> list[str]:
    seen = {row: header.outside for row, header in headers.items() if header is not None}
    long = {row: share for row, share in seen.items() if share >= LONG}
    if not long:
        return []
    worst = max(long, key=lambda row: long[row])
    whole = "images" if len(seen) == len(headers) else "images that were looked at"
    usual = np.mean(list(long.values()))
    return [
        f"{len(long):,} of {len(seen):,} {whole} are so long that {usual:.0%} of each on average "
        f"({long[worst]:.0%} of {items.ids[worst]}) lies outside the centre square, which is all that a net sees; "
        'to show it everything, load it with preprocessing={"crop_mode": "border"}, or "squash"'
    ]


def caption(items: Items, row: int) -> str:
    """The label of an image in words."""
    labels, value = items.labels, items.labels.values[row]
    if labels.kind == "classes":
        return labels.names[int(value)]
    if labels.kind == "tags":
        return ", ".join(n for n, on in zip(labels.names, value, strict=True) if on) or "no tag"
    return ", ".join(names[int(v)] for names, v in zip(labels.tasks.values(), value, strict=True))


def show(items: Items, rows: np.ndarray, n: int, split: str | None, label: str | None, seed: int) -> Any:
    """A matplotlib figure of `n` images drawn at random, with their labels.

    Raises:
        UnknownName: no such split or label.
        BadValue: no image to show.
    """
    from workbench.figures import thumbnails

    chosen = _chosen(items, rows, split, label)
    if not len(chosen):
        raise BadValue(f"{items.name} has no images of that split and label to show")
    order = np.random.default_rng(seed).permutation(chosen)
    shown: list[np.ndarray] = []
    captions: list[str] = []
    for row in map(int, order):
        if len(shown) == n:
            break
        try:
            shown.append(pixels(items, row, THUMBNAIL))
        except BadValue:
            continue
        domain = items.domain_names[items.domains[row]] if len(items.domain_names) > 1 else ""
        captions.append(f"{caption(items, row)} ({domain})" if domain else caption(items, row))
    kind = " ".join(w for w in (split, label) if w)
    return thumbnails(
        shown, captions, title=f"{items.name}: {len(shown)} of {len(chosen):,} {kind} images".replace("  ", " ")
    )


def summary(items: Items, rows: np.ndarray) -> str:
    """The set in a line: `clothing · 3,068 train · 341 valid · 10 classes`."""
    held = np.bincount(items.splits[rows], minlength=3)
    parts = [items.name, *(f"{count:,} {name}" for name, count in zip(SPLITS, held.tolist(), strict=True) if count)]
    names, kind = items.labels.names, items.labels.kind
    parts.append(f"{len(items.labels.tasks)} tasks" if kind == "tasks" else f"{len(names)} {kind}")
    present = [items.domain_names[c] for c in sorted(set(items.domains[rows].tolist())) if c >= 0]
    if len(present) > 1:
        parts.append(f"{len(present)} domains")
    if items.pixel_range is not None:
        parts.append(f"greys from {described(items.pixel_range)}")
    bad = len(items.left_out) + len(items.unreadable)
    parts += [f"{bad:,} left out (see .problems)"] if bad else []
    parts += [f"{len(items.notes)} {'note' if len(items.notes) == 1 else 'notes'} (see .notes)"] if items.notes else []
    return " · ".join(parts)


def markup(items: Items, rows: np.ndarray) -> str:
    """The summary and the counts as HTML, with every name escaped."""
    table = counts(items, rows)
    short = table.head(30)
    rest = f"<div>and {len(table) - 30} more rows: see .counts()</div>" if len(table) > 30 else ""
    notes = "".join(f"<div>{html.escape(note)}</div>" for note in items.notes)
    return f"<div><b>{html.escape(summary(items, rows))}</b></div>{notes}{short.to_html(escape=True, border=0)}{rest}"


def _having(
    kind: str, tasks: dict[str, tuple[str, ...]], values: np.ndarray
) -> list[tuple[tuple[str, ...], np.ndarray]]:
    if kind == "classes":
        return [((name,), values == i) for i, name in enumerate(tasks[""])]
    if kind == "tags":
        return [((name,), values[:, i] == 1) for i, name in enumerate(tasks[""])]
    return [
        ((task, name), values[:, t] == i)
        for t, (task, names) in enumerate(tasks.items())
        for i, name in enumerate(names)
    ]


def _chosen(items: Items, rows: np.ndarray, split: str | None, label: str | None) -> np.ndarray:
    keep = np.ones(len(rows), bool)
    if split is not None:
        if split not in SPLITS:
            raise UnknownName.of("split", split, SPLITS)
        keep &= items.splits[rows] == SPLITS.index(split)
    if label is not None:
        having = {
            ": ".join(name): has
            for name, has in _having(items.labels.kind, items.labels.tasks, items.labels.values[rows])
        }
        if label not in having:
            raise UnknownName.of("label", label, having)
        keep &= having[label]
    return rows[keep]
