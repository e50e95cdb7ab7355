"""Features with labels, validated once and read in blocks, from numpy, memory-mapped files or a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.annotated_types import to_array
from workbench.errors import BadData, BadValue

# 16 MB of doubles: large enough for efficient matrix products, small compared with the features
BLOCK = 2**21


@dataclass(frozen=True, eq=False)
class LabeledRows:
    """N rows of numbers, each with a class.

    Attributes:
        values: (N, D), in the original type.
        labels: (N,) class indices, on the device of the computation.
        classes: the K original labels, sorted.
    """

    values: Any
    labels: Tensor
    classes: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_features(self) -> int:
        """D, the number of columns."""
        return int(self.values.shape[1])

    def iter_blocks(self, numbers: int = BLOCK) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over the rows in blocks of doubles; x (b, D), labels (b,).

        Args:
            numbers: approximate number of values per block.

        Raises:
            BadData: NaN or infinity among them.
        """
        step = max(numbers // self.n_features, 1)
        for start in range(0, len(self), step):
            yield to_double(self.values[start : start + step], start), self.labels[start : start + step]

    def take(self, chosen: Tensor) -> Tensor:
        """Return the rows at the indices `chosen` (n,) as doubles (n, D)."""
        index = chosen if isinstance(self.values, Tensor) else chosen.cpu().numpy()
        return to_double(self.values[index])

    def to_tensor(self) -> Tensor:
        """Return all rows as doubles, (N, D): as much memory as the values, or twice that for single precision."""
        return to_double(self.values)


def to_labeled_rows(values: Any, labels: Any, noun: str = "features") -> LabeledRows:
    """Check the shapes of `values` (N, D) and `labels` (N,); NaN is detected when blocks are read.

    Args:
        values: numpy or torch; a memory-mapped array is never loaded whole.
        labels: classes as strings or integers.
        noun: name of the values in messages.

    Raises:
        BadValue: shapes that do not match.
        BadData: values that are not numbers, invalid labels, or fewer than two classes.
    """
    values = to_matrix(values, noun)
    if len(values) < 2:
        raise BadData(f"expected at least two images; the {noun} have {len(values)}")
    classes, index = encode_classes(labels)
    if len(index) != len(values):
        raise BadValue(f"expected {noun} and labels of the same images; got {len(values)} and {len(index)}")
    if len(classes) < 2:
        raise BadData(f"expected at least two classes; all {len(index)} labels are {classes[0]!r}")
    return LabeledRows(values, torch.from_numpy(index).to(compute_device(values)), tuple(classes))


def to_matrix(values: Any, noun: str) -> Any:
    """Return `values` as a numpy array or tensor (N, D) of real numbers, without a copy."""
    array = values.detach() if isinstance(values, Tensor) else to_array(values)
    if array is None:
        raise BadValue(f"expected {noun} of shape (N, D); got rows of different length")
    if array.ndim != 2 or array.shape[1] == 0:
        raise BadValue(f"expected {noun} of shape (N, D); got {tuple(array.shape)}")
    plain = not array.is_complex() if isinstance(array, Tensor) else array.dtype.kind in "buif"
    if not plain:
        raise BadData(f"expected real numbers as {noun}; got {array.dtype}")
    return array


def encode_classes(labels: Any) -> tuple[list[Any], np.ndarray]:
    """Return the sorted classes, and the class index of each label (N,).

    Raises:
        BadValue: labels that are not one per row.
        BadData: numbers with fractions, or missing labels.
    """
    array = to_array(labels)
    if array is None:
        raise BadValue("expected one class per image, shape (N,); got lists of different length")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or not len(array):
        raise BadValue(f"expected one class per image, shape (N,); got {tuple(array.shape)}")
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.round(array)).all()):
        raise BadData("expected classes as integers or strings; got fractions or NaN")
    # NaN differs from itself
    if array.dtype.kind == "O" and any(label is None or label != label for label in array.tolist()):
        raise BadData("expected classes as integers or strings; some labels are missing")
    try:
        classes, index = np.unique(array, return_inverse=True)
    except TypeError as mixed:
        raise BadData("expected classes that are all strings or all integers; got mixed types") from mixed
    return list(classes.tolist()), index.astype(np.int64)


def compute_device(values: Any) -> torch.device:
    """Return the device that a score of `values` is computed on: their own, if it supports double precision."""
    device = values.device if isinstance(values, Tensor) else torch.device("cpu")
    return torch.device("cpu") if device.type == "mps" else device


def to_double(values: Any, first_row: int = 0) -> Tensor:
    """Convert rows to a double tensor (n, D); `first_row` is the index of the first row, for the message.

    Raises:
        BadData: NaN or infinity among them.
    """
    if isinstance(values, Tensor):
        block = values.to(compute_device(values)).to(torch.float64)
    else:
        block = torch.from_numpy(np.array(values, dtype=np.float64))
    # a sum is finite only if every term is, and needs no memory; values that overflow it would overflow the score
    if not torch.isfinite(block.sum()):
        bad = (~torch.isfinite(block).all(1)).nonzero()
        if not len(bad):
            raise BadData("the sum of the values overflows: divide them by their maximum")
        raise BadData(f"expected finite values; NaN or infinity in row {first_row + int(bad[0])}: leave it out")
    return block
