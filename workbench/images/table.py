"""A CSV file or a DataFrame: a path and one or several labels a row."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import BadData, UnknownName
from workbench.images.image_files import is_image
from workbench.images.items import UNDECIDED, Items
from workbench.images.labels import columns_of
from workbench.images.options import Options, words
from workbench.images.origins import Files
from workbench.images.splits import WORDS

PATHS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "name")
LABELS = ("label", "labels", "class", "class_name", "category", "target", "y")
MISSING = ("", "nan", "NaN", "None", "<NA>", "NaT")


def read(path: str) -> pd.DataFrame:
    """A CSV or TSV file as words; nothing but an empty cell is taken for missing (a class may be called NA).

    Raises:
        BadData: the file is empty or not a table.
    """
    try:
        frame = _read(path, "utf-8-sig")
    except UnicodeDecodeError:
        frame = _read(path, "cp1252")  # what spreadsheets write where UTF-8 is not the custom
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        raise BadData(f"{path} is not a table with a header and a row an image: {error}") from error
    if frame.empty:
        raise BadData(f"{path} has a header but no rows; it wants a row an image")
    return frame


def items_of(frame: pd.DataFrame, options: Options, root: str, name: str) -> Items:
    """The rows of a table.

    Args:
        frame: one row an image.
        options: which columns say what.
        root: the folder that relative paths start from.
        name: what the set is called.

    Raises:
        UnknownName: a column that is not there.
        BadData: a missing cell, an unknown split, a path that stands twice.
    """
    if frame.empty:
        raise BadData("the table has no rows; it wants a row an image")
    frame = frame.rename(columns=str).reset_index(drop=True)
    path = _column(frame, options.path, PATHS, "path") or _guess_path(frame)
    labels = words(options.label) or [_column(frame, None, LABELS, "label") or _no_label(frame, path)]
    for column in labels:
        _column(frame, column, (), "label")
    split = _column(frame, options.split, ("split",), "split")
    domain = _column(frame, options.domain, ("domain",), "domain")
    ids = [_slashed(p) for p in _cells(frame, path, "path")]
    _check_unique(ids, path)
    known, codes = _domains(frame, domain)
    used = {path, *labels, split, domain}
    extra = frame.loc[:, [c for c in frame.columns if c not in used]]
    return Items(
        name=name,
        origin=Files(root, ids),
        at=np.arange(len(ids)),
        ids=ids,
        labels=columns_of({c: _cells(frame, c, "label") for c in labels}),
        splits=_splits(frame, split),
        domains=codes,
        domain_names=known,
        extra=extra if len(extra.columns) else None,
    )


def split_codes(cells: Sequence[str], column: str) -> np.ndarray:
    """Words such as train, val and test as numbers.

    Raises:
        BadData: other words.
    """
    unknown = sorted({c for c in cells if c.lower() not in WORDS})
    if unknown:
        raise BadData(
            f"the split column {column!r} says {', '.join(map(repr, unknown[:3]))}; "
            f"a split is one of {', '.join(WORDS)}"
        )
    return np.fromiter((WORDS[c.lower()] for c in cells), np.int8, len(cells))


def _read(path: str, encoding: str) -> pd.DataFrame:
    with open(path, encoding=encoding, newline="") as file:
        head = file.readline()
    counts: Mapping[str, int] = {sep: head.count(sep) for sep in "\t;,|"}
    separator = max(counts, key=lambda s: counts[s]) if any(counts.values()) else ","
    return pd.read_csv(path, sep=separator, dtype=str, encoding=encoding, keep_default_na=False, skipinitialspace=True)


def _column(frame: pd.DataFrame, given: str | None, usual: Sequence[str], what: str) -> str | None:
    if given is not None:
        if given not in frame.columns:
            raise UnknownName.of(f"{what} column", given, [str(c) for c in frame.columns])
        return given
    lowered = {str(c).strip().lower(): str(c) for c in frame.columns}
    return next((lowered[u] for u in usual if u in lowered), None)


def _guess_path(frame: pd.DataFrame) -> str:
    for column in frame.columns:
        if is_image(str(frame[column].iloc[0])):
            return column
    raise BadData(f"no column of the table holds image files (it has {', '.join(frame.columns)}); say which with path=")


def _no_label(frame: pd.DataFrame, path: str) -> str:
    others = [c for c in frame.columns if c != path]
    if len(others) == 1:
        return others[0]
    raise BadData(f"no column of the table is called label (it has {', '.join(frame.columns)}); say which with label=")


def _cells(frame: pd.DataFrame, column: str, what: str) -> list[str]:
    """A column as stripped words, whole numbers without a point.

    Raises:
        BadData: an empty cell.
    """
    cells = [_word(v) for v in frame[column].tolist()]
    empty = [i for i, cell in enumerate(cells) if cell is None]
    if empty:
        more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        raise BadData(
            f"row {empty[0]}{more} of the table has no {what}: its cell in the column {column!r} is empty. "
            "Fill it in, or leave the row out"
        )
    return cells  # type: ignore[return-value]


def _word(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    word = str(value).strip()
    if not word or (not isinstance(value, str) and word in MISSING):
        return None
    return word


def _slashed(path: str) -> str:
    return path.replace("\\", "/") if "\\" in path and os.sep == "/" and "/" not in path else path


def _check_unique(ids: list[str], column: str) -> None:
    if len(set(ids)) == len(ids):
        return
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        if name in first:
            raise BadData(
                f"the path {name!r} stands in rows {first[name]} and {row} of the table; it wants one row an image, "
                "and several labels in several columns"
            )
        first[name] = row


def _splits(frame: pd.DataFrame, column: str | None) -> np.ndarray:
    if column is None:
        return np.full(len(frame), UNDECIDED, np.int8)
    return split_codes(_cells(frame, column, "split"), column)


def _domains(frame: pd.DataFrame, column: str | None) -> tuple[tuple[str, ...], np.ndarray]:
    if column is None:
        return (), np.full(len(frame), -1, np.int16)
    cells = _cells(frame, column, "domain")
    known = sorted(set(cells))
    code = {name: i for i, name in enumerate(known)}
    return tuple(known), np.fromiter((code[c] for c in cells), np.int16, len(cells))
