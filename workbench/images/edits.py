"""A cleaning list: what a person says of images, kept in a CSV beside the data, which stay as they are."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench import disk
from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue, Unavailable, UnknownName, printable_text
from workbench.images.labelled import Images
from workbench.images.origins import Files, digest

COLUMNS = ("time", "id", "edit", "label")
EDITS = ("relabel", "remove", "keep", "undo")
PATIENCE = 20.0  # seconds that another writer may take


class Cleaning:
    """What a person decided of images, one decision at a time; each is on disk before the call returns.

    The list only grows: a later decision on an image counts instead of an earlier one, and `undo` is a decision too.
    Several notebooks may write to one list at once.

    Args:
        images: the images; their files and labels are never changed.
        file: where the list is; beside the folder or table of the images if None, and where that may not be written,
            or for images in memory, below the workbench's home.

    Attributes:
        file: where the list is written.
    """

    def __init__(self, images: Images, file: str | os.PathLike[str] | None = None) -> None:
        if images.kind != "classes":
            raise BadData(f"a cleaning list is for images with one label each; {images.name} holds {images.kind}")
        self._images = images
        self._known = dict(zip(images.frame["id"], images.labels(), strict=True))
        self._places = [Path(file).expanduser()] if file is not None else places(images)
        self.file = next((p for p in self._places if writable(p)), None) or self._places[-1]

    @property
    def history(self) -> pd.DataFrame:
        """Every decision ever made: time, id, edit and label, the oldest first."""
        rows = [row for place in self._places for row in read(place)]
        return pd.DataFrame(sorted(rows, key=lambda row: row[0]), columns=list(COLUMNS), dtype=object)

    @property
    def frame(self) -> pd.DataFrame:
        """What holds now: a row an image that was decided on: id, edit, was (its label) and label."""
        last = self.history.drop_duplicates("id", keep="last")
        last = last[(last["edit"] != "undo") & last["id"].isin(set(self._known))]
        was = [self._images.classes[int(self._known[name])] for name in last["id"]]
        return last.assign(was=was)[["id", "edit", "was", "label"]].reset_index(drop=True)

    def relabel(self, ids: Any, label: Any) -> Cleaning:
        """Says that images are of another class: one label for all, or one each."""
        names = self._ids(ids)
        single = isinstance(label, str) or not isinstance(label, Iterable)
        labels = [str(label)] * len(names) if single else [str(k) for k in label]
        if len(labels) != len(names):
            raise BadValue(f"one label for all images or one each; got {len(labels)} for {len(names)}")
        for name in set(labels):
            if name not in self._images.classes:
                raise UnknownName.of("class", name, self._images.classes)
        return self._write([("relabel", *pair) for pair in zip(names, labels, strict=True)])

    def remove(self, ids: Any) -> Cleaning:
        """Says that images belong to no class here."""
        return self._write([("remove", name, "") for name in self._ids(ids)])

    def keep(self, ids: Any) -> Cleaning:
        """Says that images were looked at and are right, so that nobody looks again."""
        return self._write([("keep", name, "") for name in self._ids(ids)])

    def undo(self, ids: Any) -> Cleaning:
        """Takes back what was decided of images."""
        return self._write([("undo", name, "") for name in self._ids(ids)])

    def applied(self) -> Images:
        """The images as they are after cleaning, for a plan: relabelled, and without those removed."""
        from workbench.images.stored import HeldImages

        held, last = self._images, self.frame
        removed = set(last["id"][last["edit"] == "remove"])
        label = {row.id: held.classes.index(row.label) for row in last.itertuples() if row.edit == "relabel"}
        items, values = held._items, held._items.labels.values.copy()
        for row in held._rows:
            values[row] = label.get(items.ids[row], values[row])
        clean = replace(items, labels=replace(items.labels, values=values), shelves={})
        rows = np.array([row for row in held._rows if items.ids[row] not in removed], dtype=np.int64)
        return HeldImages(clean, rows, source=held._source, target=held._target)

    def __len__(self) -> int:
        return len(self.frame)

    @printable_text
    def __str__(self) -> str:
        counts = self.frame["edit"].value_counts()
        said = [f"{counts[edit]} {word}" for edit, word in _SAID.items() if edit in counts]
        return f"{', '.join(said) or 'nothing decided yet'}: {self.file}"

    __repr__ = __str__

    def _ids(self, ids: Any) -> list[str]:
        held = getattr(ids, "columns", None)
        names = list(ids["id"]) if held is not None and "id" in held else ids
        names = [names] if isinstance(names, str) else [str(name) for name in names]
        for name in names:
            if name not in self._known:
                raise UnknownName.of(f"image of {self._images.name}", name, list(self._known)[:5000])
        return names

    def _write(self, edits: list[tuple[str, str, str]]) -> Cleaning:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        rows, refused = [(now, name, edit, label) for edit, name, label in edits], []
        for place in [self.file, *(p for p in self._places if p != self.file)]:
            try:
                append(place, rows)
            except OSError as error:
                refused.append(f"{place} ({error})")
                continue
            self.file = place
            return self
        raise Unavailable(f"nothing of this decision was kept: it cannot be written to {' or '.join(refused)}")


_SAID = {"relabel": "relabelled", "remove": "removed", "keep": "looked at and kept"}


@check_arguments
def cleaning(images: Images, file: str | os.PathLike[str] | None = None) -> Cleaning:
    """The cleaning list of some images: decisions on labels that outlive the notebook, in a CSV beside the data.

    Args:
        images: as `wb.images` opened them.
        file: where the list is; found by itself if None.

    Raises:
        BadData: images with several labels each.
    """
    return Cleaning(images, file)


def places(images: Images) -> list[Path]:
    """Where the list of some images may be: beside the data, then below the workbench's home."""
    origin = images._items.origin
    plain = re.sub(r"[^\w.-]+", "-", images.name, flags=re.ASCII).strip("-.") or "images"
    if isinstance(origin, Files):
        root = Path(origin.root).resolve()
        there = hashlib.blake2b(os.fsencode(root), digest_size=6).hexdigest()
        beside = [root.parent / f"{root.name}.cleaning.csv"]
    else:
        # images in memory have no place: they are known by their first
        there, beside = digest(origin.read(0)).hex()[:12], []
    return [*beside, disk.home() / "cleaning" / f"{plain}-{there}.csv"]


def append(file: Path, rows: list[tuple[str, ...]]) -> None:
    """Adds decisions to a list: all of them or, if this fails, none."""
    disk.make_folder(file.parent)
    # what another notebook wrote meanwhile is read again, under a lock, before the file is replaced
    with disk.lock(file.with_name(f".{file.name}.lock"), PATIENCE):
        disk.write(file, written([*read(file), *rows]))


def writable(file: Path) -> bool:
    """Whether a file can be written, or made where it is not."""
    if file.exists():
        return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
    folder = file.parent
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)


def read(file: Path) -> list[tuple[str, ...]]:
    """The decisions in a list; none where there is no list.

    Raises:
        BadData: a file that is no cleaning list.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{file} cannot be read ({error}); move it away to begin a new cleaning list") from error
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or tuple(rows[0]) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise BadData(f"{file} is no cleaning list: its columns are not {', '.join(COLUMNS)}; move it away")
    return [tuple(row) for row in rows[1:]]


def written(rows: Iterable[tuple[str, ...]]) -> str:
    """Decisions as CSV."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([COLUMNS, *rows])
    return out.getvalue()
