"""Labels of any form as numbers with names: classes, tags or tasks, by one rule for every source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.errors import BadData
from workbench.images.items import Labels
from workbench.images.label_words import in_order, is_whole, to_word, words_of

ONES = {"1": 1.0, "true": 1.0, "True": 1.0, "TRUE": 1.0, "0": 0.0, "false": 0.0, "False": 0.0, "FALSE": 0.0}
VECTOR = re.compile(r"\[[0-9.\s]+\]")  # how numpy prints an array
JOINTS = (" ", ",", ";", "|", "/", "+")


def labels_of(
    given: Any,
    *,
    where: str = "y",
    classes: Sequence[Any] | None = None,
    kind: str | None = None,
    separator: str | None = None,
) -> Labels:
    """Labels of any form; every source of images asks this function.

    A column of words or whole numbers is classes; several columns of 0 and 1 are classes where every row has exactly
    one 1, else tags; several other columns are tasks; lists, and with `separator` words in one cell, are tags.

    Args:
        given: one label per image, as an array, tensor, series or list; (N, K) of 0 and 1; a list of tags per image;
            or a mapping, or frame, of several such columns.
        where: what the labels are called in a refusal.
        classes: names of whole-number labels 0 to K - 1, or of K columns.
        kind: classes, tags or tasks, where the form does not say or says it wrongly.
        separator: what stands between several tags in one cell.

    Raises:
        BadData: an image without a label, a fraction, or labels that are not of the kind that was asked for.
    """
    if hasattr(given, "columns") and hasattr(given, "iloc"):
        given = {str(name): given.iloc[:, i] for i, name in enumerate(given.columns)}
    if isinstance(given, Mapping) and len(given) != 1:
        return _of_columns({str(name): _cells(column, where) for name, column in given.items()}, where, kind, separator)
    name, column = next(iter(given.items())) if isinstance(given, Mapping) else ("", given)
    cells = _cells(column, where)
    if separator is not None:
        _check_kind(kind, "tags", where, f"separator={separator!r} divides a cell into tags")
        return tags_of(
            [_parted(word, separator) for word in words_of(map(str_if_word, cells), where, named=True)], where
        )
    if isinstance(cells, np.ndarray) and cells.ndim == 2:
        return _of_matrix(cells, _names(classes, cells.shape[1]), where, kind)
    cells = _parsed(cells)
    if any(_is_list(cell) for cell in cells):
        return _of_lists(cells, where, classes, kind)
    words = words_of(cells, where)
    if kind == "tags" and set(words) <= ONES.keys():
        return _of_matrix(_ones({name: words}), (name or (str(classes[0]) if classes else "0"),), where, kind)
    if kind == "tags":
        return tags_of([[word] for word in words], where)
    _check_kind(kind, "classes", where, "one column holds one label per image")
    return _named(words, classes, where)


def classes_of(words: Sequence[str], order: Iterable[str] | None = None) -> Labels:
    """One label per image, classes in natural order or in the one given."""
    names = in_order(set(words)) if order is None else tuple(order)
    code = {name: i for i, name in enumerate(names)}
    return Labels("classes", np.fromiter((code[w] for w in words), np.int64, len(words)), {"": names}, _joined(names))


def tags_of(rows: Sequence[Iterable[Any]], where: str = "y") -> Labels:
    """Several tags per image, in natural order; an empty list is an image without any."""
    lists = [words_of(row, f"the tags of row {i} of {where}") for i, row in enumerate(rows)]
    names = in_order({word for words in lists for word in words})
    code = {name: i for i, name in enumerate(names)}
    values = np.zeros((len(lists), len(names)), np.float32)
    for row, words in enumerate(lists):
        values[row, [code[word] for word in words]] = 1
    if not names:
        raise BadData(f"no row of {where} has a tag; there is nothing to learn")
    return Labels("tags", values, {"": names})


def str_if_word(cell: Any) -> Any:
    """A cell that holds several tags stays text, whatever it reads as."""
    return cell if isinstance(cell, str) else to_word(cell)


def _cells(column: Any, where: str) -> np.ndarray | list[Any]:
    """A column as a list of cells, or a numeric (N, K) array."""
    if hasattr(column, "detach"):
        column = column.detach().cpu()
        column = np.asarray(column if column.dtype.is_floating_point is False else column.double())
    if hasattr(column, "toarray"):
        column = np.asarray(column.toarray())
    if isinstance(column, np.ndarray):
        if column.ndim == 2 and column.shape[1] == 1:
            column = column[:, 0]
        if column.ndim not in (1, 2):
            raise BadData(f"{where} wants the shape (N,) of classes or (N, K) of tags; got {tuple(column.shape)}")
        if column.ndim == 2 and column.dtype.kind in "biuf":
            return column
        if column.dtype.kind in "US":
            # numpy writes a missing label among words as the word nan
            return [None if cell in ("nan", b"nan") else cell for cell in column.tolist()]
        return column.tolist()
    if isinstance(column, (str, bytes, Mapping)) or not hasattr(column, "__len__") or not hasattr(column, "__iter__"):
        raise BadData(f"{where} wants one label per image, as an array or a list; got {type(column).__name__}")
    if isinstance(column, (set, frozenset)):
        raise BadData(f"{where} is a set, which has no order; give a list with one label per image")
    return list(column)


def _of_columns(columns: dict[str, Any], where: str, kind: str | None, separator: str | None) -> Labels:
    if not columns:
        raise BadData(f"{where} has no columns; it wants one label per image")
    if separator is not None:
        raise BadData(
            f"separator= divides the cells of one column, but {where} has {len(columns)}: {', '.join(columns)}"
        )
    words = {name: words_of(cells, f"the column {name!r}") for name, cells in columns.items()}
    if kind != "tasks" and all(set(cells) <= ONES.keys() for cells in words.values()):
        return _of_matrix(_ones(words), tuple(words), where, kind)
    _check_kind(kind, "tasks", where, "several columns that are not all 0 and 1 are tasks")
    single = {task: classes_of(cells) for task, cells in words.items()}
    values = np.stack([s.values for s in single.values()], axis=1)
    return Labels("tasks", values, {task: s.tasks[""] for task, s in single.items()})


def _of_matrix(values: np.ndarray, names: tuple[str, ...], where: str, kind: str | None) -> Labels:
    """Columns of 0 and 1: classes where each row has exactly one 1, else tags; other numbers only as tasks."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise BadData(f"row {row} of {where} has no label: it holds what is not a number")
    if kind == "tasks":
        columns = {name: values[:, i].tolist() for i, name in enumerate(names)}
        return _of_columns(columns, where, kind, None)
    if not np.isin(values, (0, 1)).all():
        raise BadData(
            f"{where} has several columns, so each is a tag and wants 0 or 1; it holds other values. If each column is "
            'a question of its own with whole numbers for classes, say kind="tasks"'
        )
    hot = values.astype(bool).sum(axis=1)
    if kind == "tags" or (kind is None and (len(names) < 2 or (hot != 1).any())):
        return Labels("tags", values.astype(np.float32), {"": names})
    if (hot != 1).any():
        row = int(np.flatnonzero(hot != 1)[0])
        raise BadData(f'row {row} of {where} holds {hot[row]} ones; kind="classes" wants exactly one in each row')
    codes = values.argmax(axis=1)
    kept = np.flatnonzero(np.bincount(codes, minlength=len(names)))
    note = f'each row of {where} holds exactly one 1, so it is read as classes; if they are tags, say kind="tags"'
    order = [names[k] for k in kept]
    return replace(classes_of([names[k] for k in codes], order), note=note if kind is None else "")


def _of_lists(cells: Sequence[Any], where: str, classes: Sequence[Any] | None, kind: str | None) -> Labels:
    """A list per image: tags, unless all have as many numbers, which is a table."""
    odd = next((row for row, cell in enumerate(cells) if not _is_list(cell)), None)
    if odd is not None:
        raise BadData(f"row {odd} of {where} is {str(cells[odd])[:30]!r} while others are lists; give every row a list")
    rows = [cell.tolist() if hasattr(cell, "tolist") else list(cell) for cell in cells]
    lengths, flat = {len(row) for row in rows}, [value for row in rows for value in row]
    if any(map(_is_list, flat)):
        raise BadData(f"the rows of {where} are lists of lists; give one label, or one list of tags, per image")
    same = len(lengths) == 1 and lengths != {0}
    if same and lengths == {1} and kind != "tags":
        return labels_of(flat, where=where, classes=classes, kind=kind)
    numeric = all(isinstance(value, (bool, int, float, np.bool_, np.number)) for value in flat)
    if same and numeric and (kind != "tags" or set(flat) <= {0, 1}):
        return _of_matrix(np.array(rows), _names(classes, len(rows[0])), where, kind)
    if same and kind == "tasks":
        return _of_columns({str(i): [row[i] for row in rows] for i in range(len(rows[0]))}, where, kind, None)
    if same and kind is None and all(isinstance(cell, tuple) for cell in cells):
        raise BadData(
            f'each row of {where} holds {len(rows[0])} values, such as {str(cells[0])[:40]}; say kind="tags" if they '
            'are tags, kind="tasks" if each answers a question of its own, or give one of them alone'
        )
    _check_kind(kind, "tags", where, "lists of several labels are tags")
    return tags_of(rows, where)


def _named(words: list[str], classes: Sequence[Any] | None, where: str) -> Labels:
    """Whole numbers, and yes or no, take the names in `classes` as long as these are not themselves the labels."""
    given = [str(c) for c in classes or ()]
    bare = [{"False": "0", "True": "1"}.get(word, word) for word in words]
    if not given or set(given) & set(words) or not all(map(is_whole, set(bare))):
        return classes_of(words)
    numbers = [int(word) for word in bare]
    if max(numbers, default=0) >= len(given):
        raise BadData(
            f"classes names {len(given)} classes, numbers 0 to {len(given) - 1}, "
            f"but {where} runs from {min(numbers)} to {max(numbers)}"
        )
    return Labels("classes", np.array(numbers, np.int64), {"": tuple(given)})


def _names(classes: Sequence[Any] | None, count: int) -> tuple[str, ...]:
    return tuple(str(c) for c in (classes if classes is not None and len(classes) == count else range(count)))


def _ones(columns: Mapping[str, Sequence[str]]) -> np.ndarray:
    return np.ascontiguousarray(np.array([[ONES[c] for c in cells] for cells in columns.values()], np.float32).T)


def _parsed(cells: Any) -> Any:
    """Lists that a table wrote out as text, such as `['cat', 'dog']`, as lists again."""
    if not len(cells) or not isinstance(cells[0], str) or not cells[0].lstrip().startswith("["):
        return cells
    texts = [cell.strip() if isinstance(cell, str) else "" for cell in cells]
    if not all(text[:1] == "[" and text[-1:] == "]" for text in texts):
        return cells
    try:
        return [list(map(float, t[1:-1].split())) if VECTOR.fullmatch(t) else list(ast.literal_eval(t)) for t in texts]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return cells


def _is_list(cell: Any) -> bool:
    return isinstance(cell, (list, tuple, set, frozenset)) or getattr(cell, "ndim", 0) > 0


def _parted(word: str, separator: str) -> list[str]:
    return [part.strip() for part in word.split(separator) if part.strip()]


def _joined(names: Sequence[str]) -> str:
    """A hint where some classes read as several others joined; empty where none does."""
    known = set(names)
    for joint in JOINTS:
        for name in names:
            parts = _parted(name, joint) if joint in name else []
            if len(parts) > 1 and known.issuperset(parts):
                return f"the class {name!r} reads as several tags; if it is, say separator={joint!r}"
    return ""


def _check_kind(kind: str | None, found: str, where: str, why: str) -> None:
    if kind is not None and kind != found:
        raise BadData(f'kind="{kind}" is not what {where} holds: {why}; leave kind out, or give other labels')
