"""A CSV file or a DataFrame: a path and one or several labels a row."""

from __future__ import annotations

import codecs
import csv
import itertools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import BadData, Unavailable, UnknownName
from workbench.images.image_files import is_image
from workbench.images.items import UNDECIDED, Items, Labels
from workbench.images.labels import labels_of
from workbench.images.options import Options, words
from workbench.images.origins import Files
from workbench.images.splits import WORDS

PATHS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "name")
LABELS = ("label", "labels", "class", "class_name", "category", "target", "y")
PIECE = 1 << 20  # bytes read at a time
LINES = 20  # lines that the separator is told from
USUAL = frozenset((*PATHS, *LABELS, "split", "domain", "id"))  # names of columns, never of images
MISSING = ("", "nan", "NaN", "None", "<NA>", "NaT")


def read(path: str, root: str | None = None, joint: str | None = None) -> tuple[pd.DataFrame, list[str]]:
    """A CSV or TSV file as words; nothing but an empty cell is taken for missing (a class may be called NA).

    Args:
        path: the file.
        root: the folder that relative paths in it start from; its own if None.
        joint: what stands between several tags in one cell, which then separates no columns.

    Returns:
        The table, and what a person should know of how it was read.

    Raises:
        BadData: the file is empty or not a table.
    """
    try:
        rows = _read(path, _encoding(path), joint)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error, UnicodeError) as error:
        raise BadData(f"{path} is not a table with a header and a row an image: {error}") from error
    except OSError as error:
        raise Unavailable(f"the table {path} cannot be read: {error.strerror or error}") from error
    first = [str(cell).strip() for cell in rows.iloc[0].tolist()]
    if _is_image_row(first, root or os.path.dirname(os.path.abspath(path))):
        return _headed(rows, first), ["the table has no header: its first row names an image, and counts as one"]
    names = [name or f"Unnamed: {i}" for i, name in enumerate(first)]
    frame = rows.iloc[1:].set_axis(names, axis=1).reset_index(drop=True)
    if frame.empty:
        raise BadData(f"{path} has a header but no rows; it wants a row an image")
    return frame, []


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
    _check_header(frame, root)
    path = _column(frame, options.path, PATHS, "path") or _guess_path(frame)
    labels = words(options.label) or [_column(frame, None, LABELS, "label") or _no_label(frame, path)]
    for column in labels:
        _column(frame, column, (), "label")
    split = _column(frame, options.split, ("split",), "split")
    domain = _column(frame, options.domain, ("domain",), "domain")
    _check_single(frame, [path, *labels, split, domain])
    ids = [_slashed(p) for p in _cells(frame, path, "path")]
    _check_unique(ids, path)
    known, codes = _domains(frame, domain)
    used = {path, *labels, split, domain}
    extra = frame.loc[:, [c not in used for c in frame.columns]]
    return Items(
        name=name,
        origin=Files(root, ids),
        at=np.arange(len(ids)),
        ids=ids,
        labels=_labels(frame, labels, options),
        splits=_splits(frame, split),
        domains=codes,
        domain_names=known,
        extra=extra if len(extra.columns) else None,
    )


def _labels(frame: pd.DataFrame, columns: Sequence[str], options: Options) -> Labels:
    held = {column: frame[column].tolist() for column in columns}
    where = f"the column {columns[0]!r}" if len(held) == 1 else f"the columns {', '.join(columns)}"
    return labels_of(held, where=where, classes=options.classes, kind=options.kind, separator=options.separator)


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


def _encoding(path: str) -> str:
    """The encoding of a file: Unicode where it says so or reads as such, else what spreadsheets write."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open(path, "rb") as file:
        if file.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        try:
            while piece := file.read(PIECE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _read(path: str, encoding: str, joint: str | None) -> pd.DataFrame:
    """All rows as words, the header among them."""
    with open(path, encoding=encoding, newline="") as file:
        head = [line for line in itertools.islice(file, LINES) if line.strip()]
    separator = _separator(head, joint)
    return pd.read_csv(
        path, sep=separator, header=None, dtype=str, encoding=encoding, keep_default_na=False, skipinitialspace=True
    )


def _separator(head: Sequence[str], joint: str | None) -> str:
    """What stands between the columns: that which parts all lines into equally many, sets paths free, parts most."""
    found = {}
    for separator in "\t;,|":
        rows = list(csv.reader(head, delimiter=separator, skipinitialspace=True))
        counts = {len(row) for row in rows}
        if separator != joint and max(counts, default=1) > 1:
            paths = sum(is_image(cell.strip()) for row in rows for cell in row)
            found[separator] = (len(counts) == 1, paths, max(counts))
    return max(found, key=lambda s: found[s]) if found else ","


def _is_image_row(cells: Sequence[str], root: str) -> bool:
    """Whether what should be a header is an image with its label: a cell of it is the path of a file."""
    paths = [_slashed(cell) for cell in cells if cell and cell.lower() not in USUAL]
    return any(("." in path and is_image(path)) or os.path.isfile(os.path.join(root, path)) for path in paths)


def _headed(rows: pd.DataFrame, first: Sequence[str]) -> pd.DataFrame:
    """A table without a header under names of its own: path, label if there is one other column, else numbers."""
    path = next((i for i, cell in enumerate(first) if is_image(_slashed(cell))), 0)
    names = [f"column {i}" for i in range(len(first))]
    if len(names) == 2:
        names[1 - path] = "label"
    names[path] = "path"
    return rows.set_axis(names, axis=1)


def _check_header(frame: pd.DataFrame, root: str) -> None:
    """Refuses a frame whose first row was taken for the names of its columns."""
    if _is_image_row([str(column) for column in frame.columns], root):
        raise BadData(
            f"the columns of the table are called {', '.join(map(str, frame.columns[:3]))}: its first row was taken "
            "for a header. Read it again without one (pandas.read_csv(..., header=None)), so that it is not lost"
        )


def _check_single(frame: pd.DataFrame, columns: Sequence[str | None]) -> None:
    """Refuses a column that is read and stands in the table twice."""
    for column in columns:
        if column is not None and (frame.columns == column).sum() > 1:
            raise BadData(f"two columns of the table are called {column!r}; give each a name of its own")


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
