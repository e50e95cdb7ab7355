"""A torchvision dataset: its files or arrays where it shows them, else item by item."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.errors import BadData
from workbench.images import arrays
from workbench.images.grey_levels import Scale
from workbench.images.items import UNDECIDED, Items
from workbench.images.origins import Dataset, Files

TARGETS = ("targets", "labels", "_labels", "_targets", "y")


def is_dataset(source: Any) -> bool:
    """Whether an object can be counted and indexed like a torchvision dataset."""
    return hasattr(source, "__getitem__") and hasattr(source, "__len__") and not isinstance(source, (str, bytes, dict))


def items_of(dataset: Any, pixel_range: Scale | None = None) -> Items:
    """The rows of a dataset whose items are `(image, label)`; its transforms are set aside.

    Args:
        dataset: the dataset.
        pixel_range: the values that become black and white, where it gives its items itself.

    Raises:
        BadData: it is empty, or its items are not pairs.
    """
    if not len(dataset):
        raise BadData(f"the dataset {type(dataset).__name__} is empty")
    name = type(dataset).__name__.lower()
    plain = _without_transforms(dataset)
    labels = arrays.labels_of(_targets(plain), getattr(dataset, "classes", None))
    count = len(labels.values)
    if count != len(dataset):
        raise BadData(f"the dataset {name} has {len(dataset)} items but {count} labels")
    origin, ids = _origin(plain, count, pixel_range)
    undecided, nowhere = np.full(count, UNDECIDED, np.int8), np.full(count, -1, np.int16)
    items = Items(name, origin, np.arange(count), ids, labels, undecided, nowhere)
    return replace(items, pixel_range=pixel_range) if isinstance(origin, Dataset) else items


def _origin(dataset: Any, count: int, pixel_range: Scale | None) -> tuple[Files | Dataset, list[str]]:
    samples = getattr(dataset, "samples", None)
    if isinstance(samples, Sequence) and len(samples) == count and isinstance(samples[0][0], (str, os.PathLike)):
        paths = [os.path.abspath(path) for path, *_ in samples]
        root = os.path.abspath(getattr(dataset, "root", None) or os.path.commonpath(paths))
        ids = [os.path.relpath(path, root).replace(os.sep, "/") for path in paths]
        return Files(root, ids), ids
    return Dataset(dataset, pixel_range), [f"{i:06d}" for i in range(count)]


def _targets(dataset: Any) -> Any:
    """All labels, without decoding where the dataset holds them."""
    inner, rows = dataset, None
    while hasattr(inner, "indices") and hasattr(inner, "dataset"):
        own = np.asarray(inner.indices)
        rows, inner = (own if rows is None else own[rows]), inner.dataset
    for name in TARGETS:
        held = getattr(inner, name, None)
        if held is not None and hasattr(held, "__len__") and len(held) == len(inner):
            labels = np.asarray(held.detach().cpu() if hasattr(held, "detach") else held)
            return labels if rows is None else labels[rows]
    return np.asarray(list(_read_targets(dataset)))


def _read_targets(dataset: Any) -> Iterator[Any]:
    for i in range(len(dataset)):
        item = dataset[i]
        if not isinstance(item, (tuple, list)) or len(item) < 2:
            raise BadData(
                f"the items of {type(dataset).__name__} are {type(item).__name__}, not pairs of an image and its label"
            )
        yield item[1].item() if hasattr(item[1], "item") else item[1]


def _without_transforms(dataset: Any) -> Any:
    """A shallow copy that gives the images as they are; random views are the loop's affair."""
    plain = copy.copy(dataset)
    for name in ("transform", "transforms"):
        if getattr(plain, name, None) is not None:
            setattr(plain, name, None)
    if hasattr(plain, "indices") and hasattr(plain, "dataset"):
        plain.dataset = _without_transforms(plain.dataset)
    return plain
