"""The rows of data sets inside data sets: subsets and concatenations taken apart, none lost."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import BadData, BadValue
from workbench.images.image_files import Unreadable

IMAGES = ("image", "img", "picture", "photo", "pixel_values", "jpg", "png")
LABELS = ("label", "labels", "class", "class_label", "category", "target", "y", "fine_label", "cls")


@dataclass
class Rows:
    """Rows of several data sets one after another, as one data set of pairs.

    Attributes:
        leaves: the data sets that make their items themselves.
        part: (N,) which of them each row is of.
        row: (N,) its place there.
    """

    leaves: list[Any]
    part: np.ndarray
    row: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, i: int) -> Any:
        try:
            return self.leaves[self.part[i]][int(self.row[i])]
        except (OSError, Unreadable):
            raise
        except Exception as error:  # whatever a person's own data set does
            raise Unreadable(f"its data set raised {type(error).__name__}: {error}") from error

    def take(self, rows: np.ndarray) -> Rows:
        """Some of the rows."""
        return Rows(self.leaves, self.part[rows], self.row[rows])


@dataclass
class Keyed:
    """A data set whose items are mappings, as one of pairs of an image and a label."""

    dataset: Any
    image: str
    label: str

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        item = self.dataset[i]
        return item[self.image], item[self.label]

    @property
    def classes(self) -> Sequence[str] | None:
        """The names of the classes, where the data set's features bring them."""
        features = getattr(self.dataset, "features", None)
        return getattr(features[self.label], "names", None) if features and self.label in features else None


def rows_of(dataset: Any) -> Rows:
    """The rows of a data set; subsets and concatenations are looked through.

    Raises:
        BadData: a subset names a row that its data set has not.
    """
    if _is_a(dataset, "Subset"):
        inner, indices = rows_of(dataset.dataset), np.asarray(list(map(int, dataset.indices)), np.int64)
        beyond = indices[(indices >= len(inner)) | (indices < -len(inner))]
        if len(beyond):
            raise BadData(f"a subset names the row {beyond[0]}, but its data set has {len(inner)}")
        return inner.take(indices)
    if _is_a(dataset, "ConcatDataset"):
        found = [rows_of(inner) for inner in dataset.datasets]
        starts = np.cumsum([0, *(len(rows.leaves) for rows in found)])
        return Rows(
            [leaf for rows in found for leaf in rows.leaves],
            np.concatenate([rows.part + start for rows, start in zip(found, starts, strict=False)]),
            np.concatenate([rows.row for rows in found]),
        )
    count = len(dataset)
    return Rows([dataset], np.zeros(count, np.int64), np.arange(count))


def keyed(dataset: Any, image: str | None, label: str | None) -> Any:
    """The data set itself, or one of pairs where its items are mappings.

    Raises:
        BadData: no key of the items is an image's or a label's.
        BadValue: a key is named, and the items have none.
    """
    try:
        first = dataset[0]
    except Exception:  # reported row by row later
        return dataset
    if not hasattr(first, "keys"):
        for option, given in (("path", image), ("label", label)):
            if given is not None:
                raise BadValue(f"{option}= names a key of items that are mappings, and these are pairs; leave it out")
        return dataset
    keys = [str(key) for key in first]
    return Keyed(dataset, _key(keys, image, IMAGES, "path", "image"), _key(keys, label, LABELS, "label", "label"))


def _key(keys: list[str], given: str | None, usual: Sequence[str], option: str, what: str) -> str:
    if given is not None and given in keys:
        return given
    found = next((key for key in usual if key in keys), None) if given is None else None
    if found is None:
        raise BadData(
            f"the items of the data set have the keys {', '.join(keys[:12])}, none of which is "
            f"{'the ' + what if given is None else repr(given)}; say which is with {option}="
        )
    return found


def _is_a(dataset: Any, name: str) -> bool:
    """Whether an object gives its items as torch's own class of this name does."""
    torch_data = sys.modules.get("torch.utils.data")
    cls = getattr(torch_data, name, None)
    return cls is not None and isinstance(dataset, cls) and type(dataset).__getitem__ is cls.__getitem__
