"""Rows of nested data sets: subsets and concatenations resolved to the data sets inside."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.data.pixels.image_files import UnreadableImage
from workbench.errors import BadData, BadValue
from workbench.formatting import summarize_names

IMAGE_KEYS = ("image", "img", "picture", "photo", "pixel_values", "jpg", "png")
LABEL_KEYS = ("label", "labels", "class", "class_label", "category", "target", "y", "fine_label", "cls")


@dataclass
class DatasetRows:
    """Rows of several data sets one after another, as one data set of pairs.

    Attributes:
        datasets: innermost data sets, which create the items.
        dataset_index: (N,) index of each row's data set.
        row_index: (N,) index of each row within that data set.
    """

    datasets: list[Any]
    dataset_index: np.ndarray
    row_index: np.ndarray

    def __len__(self) -> int:
        return len(self.row_index)

    def __getitem__(self, i: int) -> Any:
        try:
            return self.datasets[self.dataset_index[i]][int(self.row_index[i])]
        except (OSError, UnreadableImage):
            raise
        except Exception as error:  # a user's data set may raise anything
            raise UnreadableImage(f"its data set raised {type(error).__name__}: {error}") from error

    def take(self, rows: np.ndarray) -> DatasetRows:
        """Select some of the rows."""
        return DatasetRows(self.datasets, self.dataset_index[rows], self.row_index[rows])


@dataclass
class MappingDataset:
    """Data set of pairs (image, label) around one whose items are mappings."""

    dataset: Any
    image_key: str
    label_key: str

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        item = self.dataset[i]
        return item[self.image_key], item[self.label_key]

    @property
    def classes(self) -> Sequence[str] | None:
        """Class names, if the data set's features have them."""
        features = getattr(self.dataset, "features", None)
        return getattr(features[self.label_key], "names", None) if features and self.label_key in features else None


def flatten_dataset(dataset: Any) -> DatasetRows:
    """Resolve a data set to its rows, looking into subsets and concatenations.

    Raises:
        BadData: a subset refers to a row that its data set does not have.
    """
    if _is_torch_class(dataset, "Subset"):
        inner, indices = flatten_dataset(dataset.dataset), np.asarray(list(map(int, dataset.indices)), np.int64)
        out_of_range = indices[(indices >= len(inner)) | (indices < -len(inner))]
        if len(out_of_range):
            raise BadData(f"a subset refers to the row {out_of_range[0]}, but its data set has {len(inner)} rows")
        return inner.take(indices)
    if _is_torch_class(dataset, "ConcatDataset"):
        parts = [flatten_dataset(inner) for inner in dataset.datasets]
        starts = np.cumsum([0, *(len(rows.datasets) for rows in parts)])
        return DatasetRows(
            [leaf for rows in parts for leaf in rows.datasets],
            np.concatenate([rows.dataset_index + start for rows, start in zip(parts, starts, strict=False)]),
            np.concatenate([rows.row_index for rows in parts]),
        )
    count = len(dataset)
    return DatasetRows([dataset], np.zeros(count, np.int64), np.arange(count))


def to_pair_dataset(dataset: Any, image_key: str | None, label_key: str | None) -> Any:
    """Return the data set itself, or one of pairs if its items are mappings.

    Raises:
        BadData: no key of the items is that of an image or of a label.
        BadValue: a key is given, but the items have none.
    """
    try:
        first = dataset[0]
    except Exception:  # reported for each row later
        return dataset
    if not hasattr(first, "keys"):
        for option, given in (("path", image_key), ("label", label_key)):
            if given is not None:
                raise BadValue(f"{option}= names a key, but the items are pairs, not mappings; leave it out")
        return dataset
    keys = [str(key) for key in first]
    return MappingDataset(
        dataset,
        _find_key(keys, image_key, IMAGE_KEYS, "path", "image"),
        _find_key(keys, label_key, LABEL_KEYS, "label", "label"),
    )


def _find_key(keys: list[str], given: str | None, candidates: Sequence[str], option: str, what: str) -> str:
    if given is not None and given in keys:
        return given
    found = next((key for key in candidates if key in keys), None) if given is None else None
    if found is None:
        raise BadData(
            f"the items of the data set have the keys {summarize_names(keys)}, none of which is "
            f"{'the ' + what if given is None else repr(given)}; choose one with {option}="
        )
    return found


def _is_torch_class(dataset: Any, name: str) -> bool:
    """Return True if an object creates its items with the code of torch's own class of this name."""
    torch_data = sys.modules.get("torch.utils.data")
    cls = getattr(torch_data, name, None)
    return cls is not None and isinstance(dataset, cls) and type(dataset).__getitem__ is cls.__getitem__
