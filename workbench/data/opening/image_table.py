"""Table of images, a CSV file or a DataFrame: one path and one or several labels per row."""

from __future__ import annotations

import codecs
import csv
import itertools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.data.items import UNDECIDED, Items, Labels
from workbench.data.labels.label_encoding import encode_labels
from workbench.data.opening.load_options import LoadOptions, to_name_list
from workbench.data.pixels.image_files import has_image_extension
from workbench.data.pixels.pixel_sources import FileSource
from workbench.data.splits import SPLIT_SYNONYMS
from workbench.errors import BadData, Unavailable, UnknownName
from workbench.formatting import summarize_names

PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "name")
LABEL_COLUMNS = ("label", "labels", "class", "class_name", "category", "target", "y")
CHUNK_BYTES = 1 << 20  # bytes read at a time
N_HEAD_LINES = 20  # lines from which the separator is detected
KNOWN_COLUMNS = frozenset((*PATH_COLUMNS, *LABEL_COLUMNS, "split", "domain", "id"))  # names of columns, never of images
MISSING_WORDS = ("", "nan", "NaN", "None", "<NA>", "NaT")


def read_csv_table(
    path: str, root: str | None = None, tag_separator: str | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Read a CSV or TSV file as text; only an empty cell is missing (a class may be called NA).

    Args:
        path: the file.
        root: folder that relative paths in it start from; the file's own if None.
        tag_separator: separator between several tags in one cell, which then is not a column separator.

    Returns:
        The table, and notes for the user on how it was read.

    Raises:
        BadData: the file is empty or not a table.
    """
    try:
        rows = _read_rows(path, _detect_encoding(path), tag_separator)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error, UnicodeError) as error:
        raise BadData(f"expected a table with a header and one row per image in {path}: {error}") from error
    except OSError as error:
        raise Unavailable(f"the table {path} cannot be read: {error.strerror or error}") from error
    first = [str(cell).strip() for cell in rows.iloc[0].tolist()]
    if _is_image_row(first, root or os.path.dirname(os.path.abspath(path))):
        return _add_header(rows, first), ["the table has no header: its first row is an image, and is read as one"]
    names = [name or f"Unnamed: {i}" for i, name in enumerate(first)]
    frame = rows.iloc[1:].set_axis(names, axis=1).reset_index(drop=True)
    if frame.empty:
        raise BadData(f"expected one row per image in {path}, got a header without rows")
    return frame, []


def items_from_table(frame: pd.DataFrame, options: LoadOptions, root: str, name: str) -> Items:
    """Build items from a table.

    Args:
        frame: one row per image.
        options: names of the columns.
        root: folder that relative paths start from.
        name: name of the set.

    Raises:
        UnknownName: a column that does not exist.
        BadData: a missing cell, an unknown split, a path that occurs twice.
    """
    if frame.empty:
        raise BadData("expected one row per image in the table, got no rows")
    frame = frame.rename(columns=str).reset_index(drop=True)
    _check_header(frame, root)
    path = _find_column(frame, options.path, PATH_COLUMNS, "path") or _guess_path_column(frame)
    labels = to_name_list(options.label) or [
        _find_column(frame, None, LABEL_COLUMNS, "label") or _fallback_label_column(frame, path)
    ]
    for column in labels:
        _find_column(frame, column, (), "label")
    split = _find_column(frame, options.split, ("split",), "split")
    domain = _find_column(frame, options.domain, ("domain",), "domain")
    _check_unique_columns(frame, [path, *labels, split, domain])
    ids = [_to_forward_slashes(p) for p in _column_words(frame, path, "path")]
    _check_unique_paths(ids, path)
    domain_names, codes = _read_domain_column(frame, domain)
    used = {path, *labels, split, domain}
    extra = frame.loc[:, [c not in used for c in frame.columns]]
    return Items(
        name=name,
        pixel_source=FileSource(root, ids),
        source_index=np.arange(len(ids)),
        ids=ids,
        labels=_encode_label_columns(frame, labels, options),
        splits=_read_split_column(frame, split),
        domains=codes,
        domain_names=domain_names,
        extra=extra if len(extra.columns) else None,
    )


def _encode_label_columns(frame: pd.DataFrame, columns: Sequence[str], options: LoadOptions) -> Labels:
    cells = {column: frame[column].tolist() for column in columns}
    where = f"the column {columns[0]!r}" if len(cells) == 1 else f"the columns {', '.join(columns)}"
    return encode_labels(cells, where=where, classes=options.classes, kind=options.kind, separator=options.separator)


def encode_splits(cells: Sequence[str], column: str) -> np.ndarray:
    """Encode words such as train, val and test as numbers.

    Raises:
        BadData: other words.
    """
    unknown = sorted({c for c in cells if c.lower() not in SPLIT_SYNONYMS})
    if unknown:
        raise BadData(
            f"the split column {column!r} contains {summarize_names(map(repr, unknown), 3)}; "
            f"a split is one of {', '.join(SPLIT_SYNONYMS)}"
        )
    return np.fromiter((SPLIT_SYNONYMS[c.lower()] for c in cells), np.int8, len(cells))


def _detect_encoding(path: str) -> str:
    """Detect the encoding of a file: Unicode if it is marked or valid, else that of spreadsheet programs (cp1252)."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open(path, "rb") as file:
        if file.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        try:
            while piece := file.read(CHUNK_BYTES):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _read_rows(path: str, encoding: str, tag_separator: str | None) -> pd.DataFrame:
    """Read all rows as text, including the header."""
    with open(path, encoding=encoding, newline="") as file:
        head = [line for line in itertools.islice(file, N_HEAD_LINES) if line.strip()]
    separator = _detect_separator(head, tag_separator)
    return pd.read_csv(
        path, sep=separator, header=None, dtype=str, encoding=encoding, keep_default_na=False, skipinitialspace=True
    )


def _detect_separator(head: Sequence[str], tag_separator: str | None) -> str:
    """Detect the column separator: equal column counts in all lines first, then most image paths, then most columns."""
    scores = {}
    for separator in "\t;,|":
        rows = list(csv.reader(head, delimiter=separator, skipinitialspace=True))
        counts = {len(row) for row in rows}
        if separator != tag_separator and max(counts, default=1) > 1:
            paths = sum(has_image_extension(cell.strip()) for row in rows for cell in row)
            scores[separator] = (len(counts) == 1, paths, max(counts))
    return max(scores, key=lambda s: scores[s]) if scores else ","


def _is_image_row(cells: Sequence[str], root: str) -> bool:
    """Return True if the first row is an image rather than a header: one of its cells is the path of a file."""
    paths = [_to_forward_slashes(cell) for cell in cells if cell and cell.lower() not in KNOWN_COLUMNS]
    return any(
        ("." in path and has_image_extension(path)) or os.path.isfile(os.path.join(root, path)) for path in paths
    )


def _add_header(rows: pd.DataFrame, first: Sequence[str]) -> pd.DataFrame:
    """Name the columns of a table without a header: path, label if there is one other column, else numbers."""
    path = next((i for i, cell in enumerate(first) if has_image_extension(_to_forward_slashes(cell))), 0)
    names = [f"column {i}" for i in range(len(first))]
    if len(names) == 2:
        names[1 - path] = "label"
    names[path] = "path"
    return rows.set_axis(names, axis=1)


def _check_header(frame: pd.DataFrame, root: str) -> None:
    """Refuse a frame whose first row was read as the header."""
    if _is_image_row([str(column) for column in frame.columns], root):
        raise BadData(
            f"the columns of the table are called {', '.join(map(str, frame.columns[:3]))}: its first row was taken "
            "for a header. Read it again without one (pandas.read_csv(..., header=None)), so that it is not lost"
        )


def _check_unique_columns(frame: pd.DataFrame, columns: Sequence[str | None]) -> None:
    """Refuse a column that is needed and occurs twice in the table."""
    for column in columns:
        if column is not None and (frame.columns == column).sum() > 1:
            raise BadData(f"two columns of the table are called {column!r}; give each a name of its own")


def _find_column(frame: pd.DataFrame, given: str | None, candidates: Sequence[str], what: str) -> str | None:
    if given is not None:
        if given not in frame.columns:
            raise UnknownName.of(f"{what} column", given, [str(c) for c in frame.columns])
        return given
    lowered = {str(c).strip().lower(): str(c) for c in frame.columns}
    return next((lowered[u] for u in candidates if u in lowered), None)


def _guess_path_column(frame: pd.DataFrame) -> str:
    for column in frame.columns:
        if has_image_extension(str(frame[column].iloc[0])):
            return column
    raise BadData(f"no column of the table has image files (got {', '.join(frame.columns)}); choose one with path=")


def _fallback_label_column(frame: pd.DataFrame, path: str) -> str:
    others = [c for c in frame.columns if c != path]
    if len(others) == 1:
        return others[0]
    raise BadData(f"no column of the table is called label (got {', '.join(frame.columns)}); choose one with label=")


def _column_words(frame: pd.DataFrame, column: str, what: str) -> list[str]:
    """Return a column as stripped text, whole numbers without a decimal point.

    Raises:
        BadData: an empty cell.
    """
    cells = [_to_text(v) for v in frame[column].tolist()]
    empty = [i for i, cell in enumerate(cells) if cell is None]
    if empty:
        more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        raise BadData(
            f"row {empty[0]}{more} of the table has no {what}: its cell in the column {column!r} is empty. "
            "Fill it in, or leave the row out"
        )
    return cells  # type: ignore[return-value]


def _to_text(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    word = str(value).strip()
    if not word or (not isinstance(value, str) and word in MISSING_WORDS):
        return None
    return word


def _to_forward_slashes(path: str) -> str:
    return path.replace("\\", "/") if "\\" in path and os.sep == "/" and "/" not in path else path


def _check_unique_paths(ids: list[str], column: str) -> None:
    if len(set(ids)) == len(ids):
        return
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        if name in first:
            raise BadData(
                f"the path {name!r} occurs in rows {first[name]} and {row} of the table; expected one row per image, "
                "and several labels in several columns"
            )
        first[name] = row


def _read_split_column(frame: pd.DataFrame, column: str | None) -> np.ndarray:
    if column is None:
        return np.full(len(frame), UNDECIDED, np.int8)
    return encode_splits(_column_words(frame, column, "split"), column)


def _read_domain_column(frame: pd.DataFrame, column: str | None) -> tuple[tuple[str, ...], np.ndarray]:
    if column is None:
        return (), np.full(len(frame), -1, np.int16)
    cells = _column_words(frame, column, "domain")
    names = sorted(set(cells))
    code = {name: i for i, name in enumerate(names)}
    return tuple(names), np.fromiter((code[c] for c in cells), np.int16, len(cells))
