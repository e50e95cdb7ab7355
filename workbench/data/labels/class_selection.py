"""Selection of classes, and checks that every class has images and can be learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.data.items import Items, Labels
from workbench.data.labels.label_normalization import normalize_label
from workbench.errors import BadData, UnknownName


def select_classes(items: Items, classes: Sequence[Any] | None) -> Items:
    """Select the rows of some classes (or tags) and number the classes in that order.

    If all classes of the data are selected, further ones may be named: the set can then evaluate a net that has them.

    Raises:
        UnknownName: a class without images, while classes of the data are left out.
        BadData: classes selected in a set of tasks.
    """
    if classes is None:
        return items
    labels, classes = items.labels, [normalize_label(w, allow_any_text=True) or str(w) for w in classes]
    if labels.kind == "tasks":
        raise BadData("classes= chooses among the classes of one label; these images have several label columns")
    if not set(labels.names) <= set(classes):
        others = [name for name in labels.names if name not in classes]
        for name in classes:
            if name not in labels.names:
                hint = f"a class without images needs all others, but {', '.join(others):.100} would be left out"
                raise UnknownName.of("class", name, labels.names, hint)
    index = {name: k for k, name in enumerate(labels.names)}
    if labels.kind == "tags":
        values = np.zeros((len(labels.values), len(classes)), np.float32)
        for k, name in enumerate(classes):
            if name in index:
                values[:, k] = labels.values[:, index[name]]
        return replace(items, labels=replace(labels, values=values, tasks={"": tuple(classes)}))
    new = np.full(len(labels.names), -1, np.int64)
    for k, name in enumerate(classes):
        if name in index:
            new[index[name]] = k
    selected = items.take(np.flatnonzero(new[labels.values] >= 0))
    return replace(selected, labels=replace(labels, values=new[selected.labels.values], tasks={"": tuple(classes)}))


def find_missing_classes(labels: Labels) -> tuple[str, ...]:
    """Find the classes, or tags, without any image; always empty for tasks."""
    if labels.kind == "tasks":
        return ()
    if labels.kind == "tags":
        counts = labels.values.sum(axis=0)
    else:
        counts = np.bincount(labels.values, minlength=len(labels.names))
    return tuple(name for name, count in zip(labels.names, counts, strict=True) if not count)


def check_classes(labels: Labels, set_name: str, missing_classes: Sequence[str] = ()) -> None:
    """Refuse a set that neither can be learned from nor can evaluate a net.

    Args:
        missing_classes: classes that may lack images, since they were named for a net that has them.

    Raises:
        BadData: no class at all, a single one, or one without any image.
    """
    if labels.kind == "tags":
        _check_tags(labels, set_name, missing_classes)
        return
    columns = labels.values.T if labels.kind == "tasks" else labels.values[None]
    for (task, names), column in zip(labels.tasks.items(), columns, strict=True):
        where = f"the task {task!r} of {set_name}" if task else set_name
        if len(names) == 1:
            raise BadData(
                f"{where} has a single class, {names[0]!r}, so there is nothing to classify. Add images of another "
                "class; or, to evaluate a net, name all its classes: classes=net.classes"
            )
        present = np.bincount(column, minlength=len(names))
        for name, count in zip(names, present, strict=True):
            if not count and name not in missing_classes:
                raise BadData(f"{where} has no image of the class {name!r}; add some, or leave the class out")


def _check_tags(labels: Labels, set_name: str, missing_classes: Sequence[str]) -> None:
    for name, column in zip(labels.names, labels.values.T, strict=True):
        if column.min() == column.max() and name not in missing_classes:
            says = "every" if column.max() == 1 else "no"
            raise BadData(f"{says} image of {set_name} has the tag {name!r}, so it cannot be learned; leave it out")
