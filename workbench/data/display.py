"""Display of images: frames, counts, notes and pictures."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pandas as pd

from workbench.data.items import SPLITS, Items
from workbench.data.pixels.decoding import ResizeConfig, decode_image, explain_decoding_error
from workbench.data.pixels.image_files import ImageHeader, UnreadableImage
from workbench.data.pixels.pixel_cache import decode_square
from workbench.data.pixels.pixel_ranges import format_pixel_range
from workbench.data.pixels.pixel_sources import FileSource
from workbench.data.pixels.range_estimation import get_pixel_range
from workbench.errors import BadValue, UnknownName
from workbench.formatting import format_quantity

THUMBNAIL_SIZE = 160
LONG_IMAGE_FRACTION = 0.4  # fraction outside the centre square from which an image counts as elongated: 5:3 and more


def to_frame(items: Items, rows: np.ndarray) -> pd.DataFrame:
    """Build a frame, one row per image: id, label (or a column per tag or task), split, domain, path, other columns."""
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


def count_classes(items: Items, rows: np.ndarray) -> pd.DataFrame:
    """Count the images of each class (tag, task's class) in each split, by domain if there are several."""
    labels, values = items.labels, items.labels.values[rows]
    splits, domains = items.splits[rows], items.domains[rows]
    counts: dict[tuple[str, ...], list[int]] = {}
    for code in sorted(set(domains.tolist())):
        in_domain = domains == code
        domain = (items.domain_names[code],) if len(items.domain_names) > 1 else ()
        for name, has_label in _label_masks(labels.kind, labels.tasks, values):
            counts[(*domain, *name)] = np.bincount(splits[in_domain & has_label], minlength=3).tolist()
    levels = (["domain"] if len(items.domain_names) > 1 else []) + (["task"] if labels.kind == "tasks" else [])
    table = pd.DataFrame(counts.values(), columns=list(SPLITS), dtype=np.int64)
    if levels:
        table.index = pd.MultiIndex.from_tuples(list(counts), names=[*levels, "label"])
    else:
        table.index = pd.Index([key[0] for key in counts], name="label")
    return table.assign(total=table.sum(axis=1))


def decode_row(items: Items, row: int, size: int | None) -> np.ndarray:
    """Decode one image: uint8 (H, W, 3) in its own size, or its centre square at `size` pixels.

    Raises:
        BadValue: it cannot be decoded.
    """
    try:
        raw = items.read(row)
        if size is not None:
            return decode_square(items, row, raw, ResizeConfig(size, pixel_range=items.pixel_range))
        pixels = np.array(decode_image(raw, None, items.pixel_range, items.max_pixels))
        shift = items.shift(row)
        return pixels if shift is None else shift(pixels, items.hash_key(row))
    except (UnreadableImage, OSError) as error:
        items.read_log.unreadable[row] = explain_decoding_error(error)
        raise BadValue(f"the image {items.ids[row]} cannot be shown: {explain_decoding_error(error)}") from error


def list_notes(items: Items, rows: np.ndarray) -> list[str]:
    """List sentences on the whole set: the range of high-bit-depth greyscale, elongated images, files of several."""
    headers = {int(r): items.pixel_source.header(int(items.source_index[r])) for r in rows}
    return [
        *_describe_gray_range(items, headers),
        *_describe_long_images(items, headers),
        *_describe_more_frames(items, headers),
    ]


def _describe_gray_range(items: Items, headers: dict[int, ImageHeader | None]) -> list[str]:
    pixel_range = get_pixel_range(items)
    if pixel_range is None:
        return []
    from_files = isinstance(items.pixel_source, FileSource)
    n_high_bit_depth = (
        sum(header is not None and header.is_high_bit_depth for header in headers.values())
        if from_files
        else len(headers)
    )
    sample = f"a sample of {items.n_range_samples:,} of them" if items.n_range_samples else "a sample of them"
    origin = "as given" if items.pixel_range and not items.n_range_samples else f"estimated from {sample}"
    black, white = format_pixel_range(pixel_range).split(" to ")
    clipped = {row: fraction for row, fraction in items.read_log.clipped_fractions.items() if row in headers}
    worst = max(clipped.values(), default=0.0)
    clipped_note = (
        f"{len(clipped):,} images have pixels outside this range, up to {worst:.0%} of them; " if clipped else ""
    )
    return [
        f"{n_high_bit_depth:,} of {len(headers):,} images are greyscale of more than eight bits: {black} is black "
        f"and {white} is white in all of them, {origin}; {clipped_note}pixel_range= sets another range"
    ]


def _describe_long_images(items: Items, headers: dict[int, ImageHeader | None]) -> list[str]:
    fractions = {row: header.cropped_fraction for row, header in headers.items() if header is not None}
    long = {row: fraction for row, fraction in fractions.items() if fraction >= LONG_IMAGE_FRACTION}
    if not long:
        return []
    worst = max(long, key=lambda row: long[row])
    subject = "images" if len(fractions) == len(headers) else "images checked so far"
    mean_fraction = np.mean(list(long.values()))
    return [
        f"{len(long):,} of {len(fractions):,} {subject} are so elongated that {mean_fraction:.0%} of each on average "
        f"({long[worst]:.0%} of {items.ids[worst]}) is outside the centre square, the only part that a net sees; "
        'to use whole images, load the net with preprocessing={"crop_mode": "border"}, or "squash"'
    ]


def _describe_more_frames(items: Items, headers: dict[int, ImageHeader | None]) -> list[str]:
    several = [row for row, header in headers.items() if header is not None and header.has_more_frames]
    if not several:
        return []
    return [
        f"{len(several):,} of {len(headers):,} files hold several pages or frames, such as {items.ids[several[0]]}; "
        "only the first of each is used: save the others as files of their own to use them too"
    ]


def format_caption(items: Items, row: int) -> str:
    """Format the label of an image in words."""
    labels, value = items.labels, items.labels.values[row]
    if labels.kind == "classes":
        return labels.names[int(value)]
    if labels.kind == "tags":
        return ", ".join(n for n, on in zip(labels.names, value, strict=True) if on) or "no tag"
    return ", ".join(names[int(v)] for names, v in zip(labels.tasks.values(), value, strict=True))


def plot_images(items: Items, rows: np.ndarray, n_images: int, split: str | None, label: str | None, seed: int) -> Any:
    """Plot `n_images` images drawn at random, with their labels, as a matplotlib figure.

    Raises:
        UnknownName: no such split or label.
        BadValue: no image to show.
    """
    from workbench.figures import image_grid

    chosen = _select_rows(items, rows, split, label)
    if not len(chosen):
        raise BadValue(f"{items.name} has no images of that split and label to show")
    order = np.random.default_rng(seed).permutation(chosen)
    pictures: list[np.ndarray] = []
    captions: list[str] = []
    for row in map(int, order):
        if len(pictures) == n_images:
            break
        try:
            pictures.append(decode_row(items, row, THUMBNAIL_SIZE))
        except BadValue:
            continue
        domain = items.domain_names[items.domains[row]] if len(items.domain_names) > 1 else ""
        captions.append(f"{format_caption(items, row)} ({domain})" if domain else format_caption(items, row))
    kind = " ".join(w for w in (split, label) if w)
    return image_grid(
        pictures, captions, title=f"{items.name}: {len(pictures)} of {len(chosen):,} {kind} images".replace("  ", " ")
    )


def format_summary(items: Items, rows: np.ndarray) -> str:
    """Format the set in one line: `clothing · 3,068 train · 341 valid · 10 classes`."""
    counts = np.bincount(items.splits[rows], minlength=3)
    parts = [items.name, *(f"{count:,} {name}" for name, count in zip(SPLITS, counts.tolist(), strict=True) if count)]
    names, kind = items.labels.names, items.labels.kind
    parts.append(f"{len(items.labels.tasks)} tasks" if kind == "tasks" else f"{len(names)} {kind}")
    present = [items.domain_names[c] for c in sorted(set(items.domains[rows].tolist())) if c >= 0]
    if len(present) > 1:
        parts.append(f"{len(present)} domains")
    if items.pixel_range is not None:
        parts.append(f"greys from {format_pixel_range(items.pixel_range)}")
    bad = len(items.excluded) + len(items.read_log.unreadable)
    parts += [f"{bad:,} left out (see .problems)"] if bad else []
    parts += [f"{format_quantity(len(items.notes), 'note')} (see .notes)"] if items.notes else []
    return " · ".join(parts)


def to_html(items: Items, rows: np.ndarray) -> str:
    """Format the summary and the counts as HTML, with every name escaped."""
    table = count_classes(items, rows)
    short = table.head(30)
    remainder = f"<div>and {len(table) - 30} more rows: see .class_counts()</div>" if len(table) > 30 else ""
    notes = "".join(f"<div>{html.escape(note)}</div>" for note in items.notes)
    counts = short.to_html(escape=True, border=0)
    return f"<div><b>{html.escape(format_summary(items, rows))}</b></div>{notes}{counts}{remainder}"


def _label_masks(
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


def _select_rows(items: Items, rows: np.ndarray, split: str | None, label: str | None) -> np.ndarray:
    keep = np.ones(len(rows), bool)
    if split is not None:
        if split not in SPLITS:
            raise UnknownName.of("split", split, SPLITS)
        keep &= items.splits[rows] == SPLITS.index(split)
    if label is not None:
        having = {
            ": ".join(name): has
            for name, has in _label_masks(items.labels.kind, items.labels.tasks, items.labels.values[rows])
        }
        if label not in having:
            raise UnknownName.of("label", label, having)
        keep &= having[label]
    return rows[keep]
