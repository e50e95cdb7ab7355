"""Which classes of a set are kept, which of them lack images, and which sets cannot be learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.errors import BadData, UnknownName
from workbench.images.items import Items, Labels
from workbench.images.label_words import to_word


def keep_classes(items: Items, wanted: Sequence[Any] | None) -> Items:
    """The rows of the wanted classes (or tags), numbered in that order.

    Where all classes that occur are wanted, further ones may be named: the set can then judge a net that knows them.

    Raises:
        UnknownName: a class that no image has, while others are left out.
        BadData: classes asked for of a set of tasks.
    """
    if wanted is None:
        return items
    labels, wanted = items.labels, [to_word(w, named=True) or str(w) for w in wanted]
    if labels.kind == "tasks":
        raise BadData("classes= chooses among the classes of one label; these images have several label columns")
    if not set(labels.names) <= set(wanted):
        others = [name for name in labels.names if name not in wanted]
        for name in wanted:
            if name not in labels.names:
                hint = f"images of {', '.join(others):.100} would be left out, so it is not taken for one to judge by"
                raise UnknownName.of("class", name, labels.names, hint)
    place = {name: k for k, name in enumerate(labels.names)}
    if labels.kind == "tags":
        values = np.zeros((len(labels.values), len(wanted)), np.float32)
        for k, name in enumerate(wanted):
            if name in place:
                values[:, k] = labels.values[:, place[name]]
        return replace(items, labels=replace(labels, values=values, tasks={"": tuple(wanted)}))
    new = np.full(len(labels.names), -1, np.int64)
    for k, name in enumerate(wanted):
        if name in place:
            new[place[name]] = k
    kept = items.take(np.flatnonzero(new[labels.values] >= 0))
    return replace(kept, labels=replace(labels, values=new[kept.labels.values], tasks={"": tuple(wanted)}))


def absent_classes(labels: Labels) -> tuple[str, ...]:
    """The classes, or tags, that no image has; of tasks none are looked for."""
    if labels.kind == "tasks":
        return ()
    if labels.kind == "tags":
        held = labels.values.sum(axis=0)
    else:
        held = np.bincount(labels.values, minlength=len(labels.names))
    return tuple(name for name, count in zip(labels.names, held, strict=True) if not count)


def check_classes(labels: Labels, what: str, absent: Sequence[str] = ()) -> None:
    """Refuses a set that nothing can be learnt from, nor a net be judged by.

    Args:
        absent: classes that may lack images, since they were named for a net that knows them.

    Raises:
        BadData: no class at all, a single one, or one that no image has.
    """
    if labels.kind == "tags":
        _check_tags(labels, what, absent)
        return
    columns = labels.values.T if labels.kind == "tasks" else labels.values[None]
    for (task, names), column in zip(labels.tasks.items(), columns, strict=True):
        where = f"the task {task!r} of {what}" if task else what
        if len(names) == 1:
            raise BadData(
                f"{where} has a single class, {names[0]!r}: there is nothing to tell apart. Add images of another "
                "class; or name all classes of a net that is to be judged: classes=net.classes"
            )
        present = np.bincount(column, minlength=len(names))
        for name, count in zip(names, present, strict=True):
            if not count and name not in absent:
                raise BadData(f"{where} has no image of the class {name!r}; add some, or leave the class out")


def _check_tags(labels: Labels, what: str, absent: Sequence[str]) -> None:
    for name, column in zip(labels.names, labels.values.T, strict=True):
        if column.min() == column.max() and name not in absent:
            says = "every" if column.max() == 1 else "no"
            raise BadData(f"{says} image of {what} has the tag {name!r}: there is nothing to tell apart; leave it out")
