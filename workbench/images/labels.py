"""From columns of labels to numbers with names: classes, tags or tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.errors import BadData, UnknownName
from workbench.images.items import Items, Labels

ONES = {"1": 1.0, "1.0": 1.0, "true": 1.0, "True": 1.0, "0": 0.0, "0.0": 0.0, "false": 0.0, "False": 0.0}


def classes_of(words: Sequence[str]) -> Labels:
    """One label an image, classes in natural order."""
    names = in_order(set(words))
    code = {name: i for i, name in enumerate(names)}
    return Labels("classes", np.fromiter((code[w] for w in words), np.int64, len(words)), {"": names})


def columns_of(columns: Mapping[str, Sequence[str]]) -> Labels:
    """Several label columns: tags if every cell is 0 or 1, else one class a column."""
    if len(columns) == 1:
        return classes_of(next(iter(columns.values())))
    if all(set(cells) <= ONES.keys() for cells in columns.values()):
        values = np.array([[ONES[c] for c in cells] for cells in columns.values()], np.float32).T
        return Labels("tags", np.ascontiguousarray(values), {"": tuple(columns)})
    single = {task: classes_of(cells) for task, cells in columns.items()}
    values = np.stack([s.values for s in single.values()], axis=1)
    return Labels("tasks", values, {task: s.tasks[""] for task, s in single.items()})


def in_order(names: Any) -> tuple[str, ...]:
    """Names sorted as numbers where all are numbers, else as words."""
    try:
        return tuple(sorted(names, key=lambda n: (float(n), n)))
    except ValueError:
        return tuple(sorted(names))


def keep_classes(items: Items, wanted: Sequence[str] | None) -> Items:
    """The rows of the wanted classes (or tags), numbered in that order.

    Raises:
        UnknownName: a class that no image has.
        BadData: classes asked for of a set of tasks.
    """
    if wanted is None:
        return items
    labels, wanted = items.labels, [str(w) for w in wanted]
    if labels.kind == "tasks":
        raise BadData("classes= chooses among the classes of one label; these images have several label columns")
    for name in wanted:
        if name not in labels.names:
            raise UnknownName.of("class", name, labels.names)
    old = [labels.names.index(name) for name in wanted]
    if labels.kind == "tags":
        return replace(items, labels=Labels("tags", labels.values[:, old], {"": tuple(wanted)}))
    new = np.full(len(labels.names), -1, np.int64)
    new[old] = np.arange(len(old))
    kept = items.take(np.flatnonzero(new[labels.values] >= 0))
    return replace(kept, labels=Labels("classes", new[kept.labels.values], {"": tuple(wanted)}))


def check_classes(labels: Labels, what: str) -> None:
    """Refuses a set that nothing can be learnt from.

    Raises:
        BadData: no class at all, a single one, or one that no image has.
    """
    if labels.kind == "tags":
        _check_tags(labels, what)
        return
    columns = labels.values.T if labels.kind == "tasks" else labels.values[None]
    for (task, names), column in zip(labels.tasks.items(), columns, strict=True):
        where = f"the task {task!r} of {what}" if task else what
        if len(names) == 1:
            raise BadData(
                f"{where} has a single class, {names[0]!r}: there is nothing to tell apart. Add images of another class"
            )
        present = np.bincount(column, minlength=len(names))
        for name, count in zip(names, present, strict=True):
            if not count:
                raise BadData(f"{where} has no image of the class {name!r}; add some, or leave the class out")


def _check_tags(labels: Labels, what: str) -> None:
    for name, column in zip(labels.names, labels.values.T, strict=True):
        if column.min() == column.max():
            says = "every" if column.max() == 1 else "no"
            raise BadData(f"{says} image of {what} has the tag {name!r}: there is nothing to tell apart; leave it out")
