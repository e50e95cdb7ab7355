"""Matching of the classes of images to the outputs of a net: by name, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import BadValue, suggest_names

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images


@dataclass(frozen=True)
class SharedClasses:
    """Correspondence between a net's outputs and the labels of images.

    Attributes:
        n_outputs: number of the net's outputs.
        output_index: (K,) indices of the evaluated outputs among them.
        labels: labels of the images, as indices into `classes`.
        classes: names of the K outputs.
        task_sizes: number of classes of each task, by name.
    """

    n_outputs: int
    output_index: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    task_sizes: tuple[tuple[str, int], ...]


def match_classes(net_classes: Sequence[str], images: Images) -> SharedClasses:
    """Match the classes of `images` to those of a net.

    A net is evaluated with all its classes, also those that do not occur; with tags and tasks, only with those that
    the images are labelled by.

    Raises:
        BadValue: the images have a class that the net does not have.
    """
    net_classes = [str(name) for name in net_classes]
    _check_known_classes(net_classes, images)
    output_of_class = {name: k for k, name in enumerate(net_classes)}
    codes = np.array([output_of_class[name] for name in images.classes], np.int64)
    if images.kind == "classes":
        every = np.arange(len(net_classes))
        return SharedClasses(
            len(net_classes), every, codes[images.labels()], tuple(net_classes), (("", len(net_classes)),)
        )
    if images.kind == "tags":
        order = np.argsort(codes)
        names = tuple(net_classes[k] for k in codes[order])
        return SharedClasses(len(net_classes), codes[order], images.labels()[:, order], names, (("", len(names)),))
    return _match_tasks(net_classes, images)


def _match_tasks(net_classes: list[str], images: Images) -> SharedClasses:
    """Match each task to all classes that the net has for it."""
    outputs: list[int] = []
    columns, sizes = [], []
    for column, (task, names) in zip(images.labels().T, images.tasks.items(), strict=True):
        longer = [f"{other}: " for other in images.tasks if other.startswith(f"{task}: ")]
        own = [k for k, n in enumerate(net_classes) if n.startswith(f"{task}: ") and not n.startswith(tuple(longer))]
        index_of_class = {net_classes[k]: i for i, k in enumerate(own)}
        columns.append(np.array([index_of_class[f"{task}: {name}"] for name in names], np.int64)[column])
        sizes.append((task, len(own)))
        outputs += own
    classes = tuple(net_classes[k] for k in outputs)
    return SharedClasses(len(net_classes), np.array(outputs), np.stack(columns, axis=1), classes, tuple(sizes))


def _check_known_classes(net_classes: list[str], images: Images) -> None:
    unknown = [name for name in images.classes if name not in net_classes]
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise BadValue(
            f"the net and {images.name} have different classes: the net has no class {unknown[0]!r}{more} "
            f"({suggest_names(unknown[0], net_classes)}). Use wb.load_net(name, classes=images.classes) for a new "
            "head; or open only the images of classes that it has: classes=[...]"
        )
