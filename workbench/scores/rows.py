"""Features with their labels, checked once and read in blocks: numpy, memory-mapped or on a GPU alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.errors import BadData, BadValue
from workbench.markers import to_array

# 16 MB of doubles: large enough for the matrix product, small beside the features
BLOCK = 2**21


@dataclass(frozen=True, eq=False)
class Rows:
    """N rows of numbers, each with its class.

    Attributes:
        values: (N, D) as they came.
        labels: (N,) class indices, on the device where the values are computed with.
        classes: the K labels as they came, sorted.
    """

    values: Any
    labels: Tensor
    classes: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def dim(self) -> int:
        """D."""
        return int(self.values.shape[1])

    def blocks(self, numbers: int = BLOCK) -> Iterator[tuple[Tensor, Tensor]]:
        """The rows in order, as doubles, some at a time; x (b, D), labels (b,).

        Args:
            numbers: about how many a block holds.

        Raises:
            BadData: NaN or infinity among them.
        """
        step = max(numbers // self.dim, 1)
        for start in range(0, len(self), step):
            yield doubles(self.values[start : start + step], start), self.labels[start : start + step]

    def take(self, chosen: Tensor) -> Tensor:
        """The rows at the indices `chosen` (n,), as doubles (n, D)."""
        index = chosen if isinstance(self.values, Tensor) else chosen.cpu().numpy()
        return doubles(self.values[index])

    def whole(self) -> Tensor:
        """All rows as doubles, (N, D): as much memory as the values, or twice that of single precision."""
        return doubles(self.values)


def rows(values: Any, labels: Any, noun: str = "features") -> Rows:
    """Checks the shapes of `values` (N, D) and `labels` (N,); NaN is found where the blocks are read.

    Args:
        values: numpy or torch; a memory-mapped array is never held whole.
        labels: classes in any words or whole numbers.
        noun: what messages call the values.

    Raises:
        BadValue: shapes that do not fit together.
        BadData: values that are no numbers, labels that are no classes, or fewer than two classes.
    """
    values = matrix(values, noun)
    if len(values) < 2:
        raise BadData(f"a score needs at least two images; the {noun} hold {len(values)}")
    classes, index = class_indices(labels)
    if len(index) != len(values):
        raise BadValue(f"there are {noun} of {len(values)} images and labels of {len(index)}: they must be of the same")
    if len(classes) < 2:
        raise BadData(f"a score needs at least two classes; all {len(index)} labels are {classes[0]!r}")
    return Rows(values, torch.from_numpy(index).to(device_of(values)), tuple(classes))


def matrix(values: Any, noun: str) -> Any:
    """`values` as a numpy array or tensor (N, D) of real numbers, not copied."""
    array = values.detach() if isinstance(values, Tensor) else to_array(values)
    if array is None:
        raise BadValue(f"{noun} are a table (images, numbers of each), every row as long as the others")
    if array.ndim != 2 or array.shape[1] == 0:
        raise BadValue(f"{noun} are a table (images, numbers of each); they came with the shape {tuple(array.shape)}")
    plain = not array.is_complex() if isinstance(array, Tensor) else array.dtype.kind in "buif"
    if not plain:
        raise BadData(f"{noun} must be real numbers; they are {array.dtype}")
    return array


def class_indices(labels: Any) -> tuple[list[Any], np.ndarray]:
    """The classes in sorted order, and the index of each label among them (N,).

    Raises:
        BadValue: labels that are not one a row.
        BadData: numbers with fractions or NaN: a regression's targets, or something missing.
    """
    array = to_array(labels)
    if array is None:
        raise BadValue("labels are one class an image, shape (N,); these are lists of unequal length")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or not len(array):
        raise BadValue(f"labels are one class an image, shape (N,); they came with the shape {tuple(array.shape)}")
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.round(array)).all()):
        raise BadData("labels are classes: whole numbers or words; these have fractions or NaN")
    # NaN is not itself
    if array.dtype.kind == "O" and any(label is None or label != label for label in array.tolist()):
        raise BadData("labels are classes: whole numbers or words; some of these are missing")
    try:
        classes, index = np.unique(array, return_inverse=True)
    except TypeError as mixed:
        raise BadData("labels are classes of one kind: all words or all whole numbers; these are mixed") from mixed
    return list(classes.tolist()), index.astype(np.int64)


def device_of(values: Any) -> torch.device:
    """Where a score of `values` is computed: where they live, if that place knows double precision."""
    place = values.device if isinstance(values, Tensor) else torch.device("cpu")
    return torch.device("cpu") if place.type == "mps" else place


def doubles(values: Any, first: int = 0) -> Tensor:
    """Rows as a double tensor (n, D); `first` is the number of the first row, for the message.

    Raises:
        BadData: NaN or infinity among them.
    """
    if isinstance(values, Tensor):
        block = values.to(device_of(values)).to(torch.float64)
    else:
        block = torch.from_numpy(np.array(values, dtype=np.float64))
    # a sum is finite only if every term is, and costs no memory; what overflows it would overflow the score
    if not torch.isfinite(block.sum()):
        bad = (~torch.isfinite(block).all(1)).nonzero()
        if not len(bad):
            raise BadData("the numbers are too large to add up: divide them by their largest")
        raise BadData(f"the numbers must be finite; NaN or infinity is in row {first + int(bad[0])}: leave it out")
    return block
