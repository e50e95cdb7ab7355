"""Encoding of labels of any form as numbers with names: classes, tags or tasks, by one rule for every source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.data.items import Labels
from workbench.data.labels.label_normalization import is_whole_number, normalize_label, normalize_labels, sort_names
from workbench.errors import BadData

BINARY_WORDS = {"1": 1.0, "true": 1.0, "True": 1.0, "TRUE": 1.0, "0": 0.0, "false": 0.0, "False": 0.0, "FALSE": 0.0}
NUMPY_VECTOR = re.compile(r"\[[0-9.\s]+\]")  # how numpy prints an array
TAG_SEPARATORS = (" ", ",", ";", "|", "/", "+")


def encode_labels(
    labels: Any,
    *,
    where: str = "y",
    classes: Sequence[Any] | None = None,
    kind: str | None = None,
    separator: str | None = None,
) -> Labels:
    """Encode labels of any form; used by every source of images.

    A column of words or whole numbers is classes; several columns of 0 and 1 are classes if every row has exactly
    one 1, else tags; several other columns are tasks; lists, and with `separator` words in one cell, are tags.

    Args:
        labels: one label per image, as an array, tensor, series or list; (N, K) of 0 and 1; a list of tags per image;
            or a mapping, or frame, of several such columns.
        where: name of the labels in error messages.
        classes: names of whole-number labels 0 to K - 1, or of K columns.
        kind: classes, tags or tasks, if the form is ambiguous or misleading.
        separator: separator between several tags in one cell.

    Raises:
        BadData: an image without a label, a fraction, or labels that are not of the requested kind.
    """
    if hasattr(labels, "columns") and hasattr(labels, "iloc"):
        labels = {str(name): labels.iloc[:, i] for i, name in enumerate(labels.columns)}
    if isinstance(labels, Mapping) and len(labels) != 1:
        return _encode_columns(
            {str(name): _to_cells(column, where) for name, column in labels.items()}, where, kind, separator
        )
    name, column = next(iter(labels.items())) if isinstance(labels, Mapping) else ("", labels)
    cells = _to_cells(column, where)
    if separator is not None:
        _check_label_kind(kind, "tags", where, f"separator={separator!r} divides a cell into tags")
        return encode_tags(
            [
                _split_tags(word, separator)
                for word in normalize_labels(map(normalize_unless_text, cells), where, allow_any_text=True)
            ],
            where,
        )
    if isinstance(cells, np.ndarray) and cells.ndim == 2:
        return _encode_matrix(cells, _column_names(classes, cells.shape[1]), where, kind)
    cells = _parse_list_text(cells)
    if any(_is_list_like(cell) for cell in cells):
        return _encode_lists(cells, where, classes, kind)
    words = normalize_labels(cells, where)
    if kind == "tags" and set(words) <= BINARY_WORDS.keys():
        return _encode_matrix(
            _to_binary_matrix({name: words}), (name or (str(classes[0]) if classes else "0"),), where, kind
        )
    if kind == "tags":
        return encode_tags([[word] for word in words], where)
    _check_label_kind(kind, "classes", where, "one column holds one label per image")
    return _encode_named_classes(words, classes, where)


def encode_classes(words: Sequence[str], order: Iterable[str] | None = None) -> Labels:
    """Encode one label per image, with the classes in natural order or in the one given."""
    names = sort_names(set(words)) if order is None else tuple(order)
    code = {name: i for i, name in enumerate(names)}
    return Labels(
        "classes", np.fromiter((code[w] for w in words), np.int64, len(words)), {"": names}, _suggest_separator(names)
    )


def encode_tags(rows: Sequence[Iterable[Any]], where: str = "y") -> Labels:
    """Encode several tags per image, with the tags in natural order; an empty list is an image without tags."""
    lists = [normalize_labels(row, f"the tags of row {i} of {where}") for i, row in enumerate(rows)]
    names = sort_names({word for words in lists for word in words})
    code = {name: i for i, name in enumerate(names)}
    values = np.zeros((len(lists), len(names)), np.float32)
    for row, words in enumerate(lists):
        values[row, [code[word] for word in words]] = 1
    if not names:
        raise BadData(f"no row of {where} has a tag; there is nothing to learn")
    return Labels("tags", values, {"": names})


def normalize_unless_text(cell: Any) -> Any:
    """Return text unchanged, since it may hold several tags, and normalise any other cell."""
    return cell if isinstance(cell, str) else normalize_label(cell)


def _to_cells(column: Any, where: str) -> np.ndarray | list[Any]:
    """Convert a column to a list of cells, or to a numeric array (N, K)."""
    if hasattr(column, "detach"):
        column = column.detach().cpu()
        column = np.asarray(column if column.dtype.is_floating_point is False else column.double())
    if hasattr(column, "toarray"):
        column = np.asarray(column.toarray())
    if isinstance(column, np.ndarray):
        if column.ndim == 2 and column.shape[1] == 1:
            column = column[:, 0]
        if column.ndim not in (1, 2):
            raise BadData(f"expected {where} of shape (N,) for classes or (N, K) for tags, got {tuple(column.shape)}")
        if column.ndim == 2 and column.dtype.kind in "biuf":
            return column
        if column.dtype.kind in "US":
            # numpy stores a missing label among words as the word nan
            return [None if cell in ("nan", b"nan") else cell for cell in column.tolist()]
        return column.tolist()
    if isinstance(column, (str, bytes, Mapping)) or not hasattr(column, "__len__") or not hasattr(column, "__iter__"):
        raise BadData(f"expected one label per image in {where}, as an array or a list; got {type(column).__name__}")
    if isinstance(column, (set, frozenset)):
        raise BadData(f"expected a list with one label per image in {where}, got a set, which has no order")
    return list(column)


def _encode_columns(columns: dict[str, Any], where: str, kind: str | None, separator: str | None) -> Labels:
    if not columns:
        raise BadData(f"expected one label per image in {where}, got no columns")
    if separator is not None:
        raise BadData(
            f"separator= divides the cells of one column, but {where} has {len(columns)}: {', '.join(columns)}"
        )
    words = {name: normalize_labels(cells, f"the column {name!r}") for name, cells in columns.items()}
    if kind != "tasks" and all(set(cells) <= BINARY_WORDS.keys() for cells in words.values()):
        return _encode_matrix(_to_binary_matrix(words), tuple(words), where, kind)
    _check_label_kind(kind, "tasks", where, "several columns that are not all 0 and 1 are tasks")
    single = {task: encode_classes(cells) for task, cells in words.items()}
    values = np.stack([s.values for s in single.values()], axis=1)
    return Labels("tasks", values, {task: s.tasks[""] for task, s in single.items()})


def _encode_matrix(values: np.ndarray, names: tuple[str, ...], where: str, kind: str | None) -> Labels:
    """Encode columns of 0 and 1: classes if each row has exactly one 1, else tags; other numbers only as tasks."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise BadData(f"row {row} of {where} has no label: it contains NaN or infinity")
    if kind == "tasks":
        columns = {name: values[:, i].tolist() for i, name in enumerate(names)}
        return _encode_columns(columns, where, kind, None)
    if not np.isin(values, (0, 1)).all():
        raise BadData(
            f"expected only 0 and 1 in the columns of {where}, one column per tag; got other values. If each column is "
            'a separate task with whole numbers as classes, set kind="tasks"'
        )
    hot = values.astype(bool).sum(axis=1)
    if kind == "tags" or (kind is None and (len(names) < 2 or (hot != 1).any())):
        return Labels("tags", values.astype(np.float32), {"": names})
    if (hot != 1).any():
        row = int(np.flatnonzero(hot != 1)[0])
        raise BadData(f'row {row} of {where} has {hot[row]} ones; kind="classes" needs exactly one per row')
    codes = values.argmax(axis=1)
    kept = np.flatnonzero(np.bincount(codes, minlength=len(names)))
    note = f'each row of {where} has exactly one 1, so it is read as classes; if they are tags, set kind="tags"'
    order = [names[k] for k in kept]
    return replace(encode_classes([names[k] for k in codes], order), note=note if kind is None else "")


def _encode_lists(cells: Sequence[Any], where: str, classes: Sequence[Any] | None, kind: str | None) -> Labels:
    """Encode one list per image: tags, or a table if all lists have equally many numbers."""
    row = next((row for row, cell in enumerate(cells) if not _is_list_like(cell)), None)
    if row is not None:
        raise BadData(f"row {row} of {where} is {str(cells[row])[:30]!r} while others are lists; give every row a list")
    rows = [cell.tolist() if hasattr(cell, "tolist") else list(cell) for cell in cells]
    lengths, flat = {len(row) for row in rows}, [value for row in rows for value in row]
    if any(map(_is_list_like, flat)):
        raise BadData(f"the rows of {where} are lists of lists; give one label, or one list of tags, per image")
    same = len(lengths) == 1 and lengths != {0}
    if same and lengths == {1} and kind != "tags":
        return encode_labels(flat, where=where, classes=classes, kind=kind)
    numeric = all(isinstance(value, (bool, int, float, np.bool_, np.number)) for value in flat)
    if same and numeric and (kind != "tags" or set(flat) <= {0, 1}):
        return _encode_matrix(np.array(rows), _column_names(classes, len(rows[0])), where, kind)
    if same and kind == "tasks":
        return _encode_columns({str(i): [row[i] for row in rows] for i in range(len(rows[0]))}, where, kind, None)
    if same and kind is None and all(isinstance(cell, tuple) for cell in cells):
        raise BadData(
            f'each row of {where} has {len(rows[0])} values, such as {str(cells[0])[:40]}; set kind="tags" if they '
            'are tags, kind="tasks" if each is a separate task, or pass only one of them'
        )
    _check_label_kind(kind, "tags", where, "lists of several labels are tags")
    return encode_tags(rows, where)


def _encode_named_classes(words: list[str], classes: Sequence[Any] | None, where: str) -> Labels:
    """Encode whole numbers, and True or False, by the names in `classes`, unless these are the labels themselves."""
    given = [str(c) for c in classes or ()]
    bare = [{"False": "0", "True": "1"}.get(word, word) for word in words]
    if not given or set(given) & set(words) or not all(map(is_whole_number, set(bare))):
        return encode_classes(words)
    numbers = [int(word) for word in bare]
    if max(numbers, default=0) >= len(given):
        raise BadData(
            f"classes names {len(given)} classes, numbers 0 to {len(given) - 1}, "
            f"but {where} runs from {min(numbers)} to {max(numbers)}"
        )
    return Labels("classes", np.array(numbers, np.int64), {"": tuple(given)})


def _column_names(classes: Sequence[Any] | None, count: int) -> tuple[str, ...]:
    return tuple(str(c) for c in (classes if classes is not None and len(classes) == count else range(count)))


def _to_binary_matrix(columns: Mapping[str, Sequence[str]]) -> np.ndarray:
    return np.ascontiguousarray(
        np.array([[BINARY_WORDS[c] for c in cells] for cells in columns.values()], np.float32).T
    )


def _parse_list_text(cells: Any) -> Any:
    """Parse lists that a table stores as text, such as `['cat', 'dog']`."""
    if not len(cells) or not isinstance(cells[0], str) or not cells[0].lstrip().startswith("["):
        return cells
    texts = [cell.strip() if isinstance(cell, str) else "" for cell in cells]
    if not all(text[:1] == "[" and text[-1:] == "]" for text in texts):
        return cells
    try:
        return [
            list(map(float, t[1:-1].split())) if NUMPY_VECTOR.fullmatch(t) else list(ast.literal_eval(t)) for t in texts
        ]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return cells


def _is_list_like(cell: Any) -> bool:
    return isinstance(cell, (list, tuple, set, frozenset)) or getattr(cell, "ndim", 0) > 0


def _split_tags(word: str, separator: str) -> list[str]:
    return [part.strip() for part in word.split(separator) if part.strip()]


def _suggest_separator(names: Sequence[str]) -> str:
    """Suggest a separator if some classes are combinations of others; empty if none is."""
    known = set(names)
    for separator in TAG_SEPARATORS:
        for name in names:
            parts = _split_tags(name, separator) if separator in name else []
            if len(parts) > 1 and known.issuperset(parts):
                return f"the class {name!r} may be several tags; if so, set separator={separator!r}"
    return ""


def _check_label_kind(kind: str | None, found: str, where: str, why: str) -> None:
    if kind is not None and kind != found:
        raise BadData(f'kind="{kind}" does not fit {where}: {why}; leave kind out, or pass other labels')
