"""Corrections of labels by a person, stored in a CSV file beside the data; the data is never changed."""

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

from workbench import _paths
from workbench.argument_checks import check_arguments
from workbench.data.labeled_images import Images
from workbench.data.pixels.pixel_sources import FileSource, hash_content
from workbench.errors import BadData, BadValue, Unavailable, UnknownName, escape_returned_text
from workbench.formatting import join_names

__all__ = ["label_edits"]

COLUMNS = ("time", "id", "edit", "label")
EDITS = ("relabel", "remove", "keep", "undo")
LOCK_TIMEOUT = 20.0  # seconds to wait for another writer


class LabelEdits:
    """List of label edits, one decision at a time; each is on disk before the call returns.

    The list only grows: a later decision on an image replaces an earlier one, and `undo` is a decision too.
    Several notebooks may write to one list at once.

    Args:
        images: images to edit; their files and labels are never changed.
        path: file of the list; if None, beside the folder or table of the images, or, if that is not writable or the
            images are in memory, below the workbench's home.

    Attributes:
        path: file that the list is written to.
    """

    def __init__(self, images: Images, path: str | os.PathLike[str] | None = None) -> None:
        if images.kind != "classes":
            raise BadData(f"expected images with one label each to edit, got {images.name} with {images.kind}")
        self._images = images
        self._label_by_id = dict(zip(images.frame["id"], images.labels(), strict=True))
        self._paths = [Path(path).expanduser()] if path is not None else candidate_paths(images)
        self.path = next((p for p in self._paths if is_writable(p)), None) or self._paths[-1]

    @property
    def history(self) -> pd.DataFrame:
        """Every decision ever made: time, id, edit and label, the oldest first."""
        rows = [row for path in self._paths for row in read_rows(path)]
        return pd.DataFrame(sorted(rows, key=lambda row: row[0]), columns=list(COLUMNS), dtype=object)

    @property
    def frame(self) -> pd.DataFrame:
        """Current decisions, one row per edited image: id, edit, was (its label) and label."""
        last = self.history.drop_duplicates("id", keep="last")
        last = last[(last["edit"] != "undo") & last["id"].isin(set(self._label_by_id))]
        was = [self._images.classes[int(self._label_by_id[name])] for name in last["id"]]
        return last.assign(was=was)[["id", "edit", "was", "label"]].reset_index(drop=True)

    def relabel(self, ids: Any, label: Any) -> LabelEdits:
        """Assign images to another class: one label for all, or one label each."""
        names = self._check_ids(ids)
        single = isinstance(label, str) or not isinstance(label, Iterable)
        labels = [str(label)] * len(names) if single else [str(k) for k in label]
        if len(labels) != len(names):
            raise BadValue(f"expected one label for all images or one each, got {len(labels)} for {len(names)} images")
        for name in set(labels):
            if name not in self._images.classes:
                raise UnknownName.of("class", name, self._images.classes)
        return self._append_edits([("relabel", *pair) for pair in zip(names, labels, strict=True)])

    def remove(self, ids: Any) -> LabelEdits:
        """Mark images as belonging to none of the classes."""
        return self._append_edits([("remove", name, "") for name in self._check_ids(ids)])

    def keep(self, ids: Any) -> LabelEdits:
        """Mark images as reviewed and correct, so that they are not reviewed again."""
        return self._append_edits([("keep", name, "") for name in self._check_ids(ids)])

    def undo(self, ids: Any) -> LabelEdits:
        """Undo the decisions on images."""
        return self._append_edits([("undo", name, "") for name in self._check_ids(ids)])

    def apply(self) -> Images:
        """Return the edited images, for a plan: relabelled, and without those removed."""
        images, last = self._images, self.frame
        removed = set(last["id"][last["edit"] == "remove"])
        label = {row.id: images.classes.index(row.label) for row in last.itertuples() if row.edit == "relabel"}
        items, values = images.items, images.items.labels.values.copy()
        for row in images.rows:
            values[row] = label.get(items.ids[row], values[row])
        clean = replace(items, labels=replace(items.labels, values=values), caches={})
        rows = np.array([row for row in images.rows if items.ids[row] not in removed], dtype=np.int64)
        return images.with_items(clean, rows)

    def __len__(self) -> int:
        return len(self.frame)

    @escape_returned_text
    def __str__(self) -> str:
        counts = self.frame["edit"].value_counts()
        descriptions = [f"{counts[edit]} {word}" for edit, word in _EDIT_WORDS.items() if edit in counts]
        return f"{', '.join(descriptions) or 'no edits yet'}: {self.path}"

    __repr__ = __str__

    def _check_ids(self, ids: Any) -> list[str]:
        columns = getattr(ids, "columns", None)
        names = list(ids["id"]) if columns is not None and "id" in columns else ids
        names = [names] if isinstance(names, str) else [str(name) for name in names]
        for name in names:
            if name not in self._label_by_id:
                raise UnknownName.of(f"image of {self._images.name}", name, list(self._label_by_id)[:5000])
        return names

    def _append_edits(self, edits: list[tuple[str, str, str]]) -> LabelEdits:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        rows, refused = [(now, name, edit, label) for edit, name, label in edits], []
        for path in [self.path, *(p for p in self._paths if p != self.path)]:
            try:
                append_rows(path, rows)
            except OSError as error:
                refused.append(f"{path} ({error})")
                continue
            self.path = path
            return self
        raise Unavailable(f"the edit was not saved: cannot write to {join_names(refused, 'or')}")


_EDIT_WORDS = {"relabel": "relabelled", "remove": "removed", "keep": "confirmed"}


@check_arguments
def label_edits(images: Images, path: str | os.PathLike[str] | None = None) -> LabelEdits:
    """Open the label edits of images: decisions that outlive the notebook, in a CSV file beside the data.

    Args:
        images: images from `wb.load_images`.
        path: file of the list; chosen automatically if None.

    Raises:
        BadData: images with several labels each.
    """
    return LabelEdits(images, path)


def candidate_paths(images: Images) -> list[Path]:
    """List the possible files of a list: beside the data, then below the workbench's home."""
    source = images.items.pixel_source
    plain = re.sub(r"[^\w.-]+", "-", images.name, flags=re.ASCII).strip("-.") or "images"
    if isinstance(source, FileSource):
        root = Path(source.root).resolve()
        digest = hashlib.blake2b(os.fsencode(root), digest_size=6).hexdigest()
        paths = [root.parent / f"{root.name}.cleaning.csv"]
    else:
        # images in memory have no folder: they are identified by the content of the first
        digest, paths = hash_content(source.read(0)).hex()[:12], []
    return [*paths, _paths.workbench_home() / "cleaning" / f"{plain}-{digest}.csv"]


def append_rows(path: Path, rows: list[tuple[str, ...]]) -> None:
    """Append decisions to a list: all of them or, if this fails, none."""
    _paths.make_folder(path.parent)
    # under a lock, the file is read again before it is replaced: another notebook may have written to it
    with _paths.hold_lock(path.with_name(f".{path.name}.lock"), LOCK_TIMEOUT):
        _paths.write_file(path, rows_to_csv([*read_rows(path), *rows]))


def is_writable(path: Path) -> bool:
    """Return True if a file can be written, or created where it does not exist."""
    if path.exists():
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)


def read_rows(path: Path) -> list[tuple[str, ...]]:
    """Read the decisions of a list; empty if the file does not exist.

    Raises:
        BadData: a file that is no list of label edits.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path} cannot be read ({error}); move it away to start a new list of label edits") from error
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or tuple(rows[0]) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise BadData(f"{path} is not a list of label edits: expected the columns {', '.join(COLUMNS)}; move it away")
    return [tuple(row) for row in rows[1:]]


def rows_to_csv(rows: Iterable[tuple[str, ...]]) -> str:
    """Format decisions as CSV."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([COLUMNS, *rows])
    return out.getvalue()
