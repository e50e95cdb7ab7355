"""The classes of some images among those of a net: found by name, whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import BadValue, nearest

if TYPE_CHECKING:
    from workbench.images.labelled import Images


@dataclass(frozen=True)
class SharedClasses:
    """How a net's answers and the labels of some images belong together.

    Attributes:
        count: how many answers the net has.
        answers: (K,) those that are judged, among them.
        labels: of the images, by the net's classes.
        classes: the K names.
        sizes: the sizes of the tasks, by name.
    """

    count: int
    answers: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    sizes: tuple[tuple[str, int], ...]


def shared_classes(known: Sequence[str], part: Images) -> SharedClasses:
    """The classes of `part` among those that a net knows.

    A net is judged with all its classes, also those that do not occur; of tags and tasks, with those that the images
    are labelled by.

    Raises:
        BadValue: the images have a class that the net does not know.
    """
    known = [str(name) for name in known]
    _check_known(known, part)
    place = {name: k for k, name in enumerate(known)}
    codes = np.array([place[name] for name in part.classes], np.int64)
    if part.kind == "classes":
        every = np.arange(len(known))
        return SharedClasses(len(known), every, codes[part.labels()], tuple(known), (("", len(known)),))
    if part.kind == "tags":
        order = np.argsort(codes)
        names = tuple(known[k] for k in codes[order])
        return SharedClasses(len(known), codes[order], part.labels()[:, order], names, (("", len(names)),))
    return _of_tasks(known, part)


def _of_tasks(known: list[str], part: Images) -> SharedClasses:
    """Each task with all classes that the net knows for it."""
    answers: list[int] = []
    columns, sizes = [], []
    for column, (task, names) in zip(part.labels().T, part.tasks.items(), strict=True):
        longer = [f"{other}: " for other in part.tasks if other.startswith(f"{task}: ")]
        own = [k for k, n in enumerate(known) if n.startswith(f"{task}: ") and not n.startswith(tuple(longer))]
        place = {known[k]: i for i, k in enumerate(own)}
        columns.append(np.array([place[f"{task}: {name}"] for name in names], np.int64)[column])
        sizes.append((task, len(own)))
        answers += own
    classes = tuple(known[k] for k in answers)
    return SharedClasses(len(known), np.array(answers), np.stack(columns, axis=1), classes, tuple(sizes))


def _check_known(known: list[str], part: Images) -> None:
    odd = [name for name in part.classes if name not in known]
    if odd:
        more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
        raise BadValue(
            f"the net and {part.name} name their classes differently: the net does not know {odd[0]!r}{more} "
            f"({nearest(odd[0], known)}). Give the net a head for them: wb.load(name, classes=images.classes); or open "
            "only the images of classes that it knows: classes=[...]"
        )
