"""Torchvision's datasets, by file, by array or item by item."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import Subset
from torchvision import transforms
from torchvision.datasets import FakeData, ImageFolder, VisionDataset

import workbench as wb
from workbench.errors import BadData


def test_an_image_folder_is_read_by_file(make_tree):
    root = make_tree({"a": 4, "b": 4})
    images = wb.images(ImageFolder(str(root), transform=transforms.ToTensor()))
    assert images.classes == ("a", "b") and images.frame["id"][0] == "a/000.png"
    assert (images.view(16).batch([5])[0] == wb.images(root).view(16).batch([5])[0]).all()


def test_items_are_read_without_the_transforms_and_these_stay():
    made = FakeData(size=6, image_size=(3, 8, 8), num_classes=2, transform=lambda image: None, random_offset=1)
    images = wb.images(made)
    assert len(images) == 6 and images.pixels(0).shape == (8, 8, 3)
    assert made.transform is not None and images.view(8).batch(range(6))[1].all()


class Rows(VisionDataset):
    """Labels as a list, images as tensors, no file."""

    targets = (0, 1, 1, 0)
    classes = ("no", "yes")

    def __init__(self) -> None:
        super().__init__(root="")
        self.read = 0

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int):
        self.read += 1
        return torch.full((3, 4, 5), index / 4), self.targets[index]


def test_labels_are_read_without_decoding():
    rows = Rows()
    images = wb.images(rows)
    assert images.classes == ("no", "yes") and images.labels().tolist() == [0, 1, 1, 0] and rows.read == 0
    assert images.pixels(2).tolist() == np.full((4, 5, 3), 128).tolist()


def test_a_subset_has_the_labels_of_its_rows():
    images = wb.images(Subset(Rows(), [3, 1]))
    assert images.labels().tolist() == [0, 1] and images.pixels(0)[0, 0, 0] == 191


def test_what_is_no_labelled_dataset_is_refused():
    with pytest.raises(BadData, match="is empty"):
        wb.images(Subset(Rows(), []))

    class Bare(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int):
            return torch.zeros(3, 4, 4)

    with pytest.raises(BadData, match="not pairs of an image and its label"):
        wb.images(Bare())
