"""Labels as numbers with names."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BadData
from workbench.images.items import Labels
from workbench.images.labels import check_classes, classes_of, columns_of, in_order


def test_classes_stand_in_natural_order():
    labels = classes_of(["b", "a", "b"])
    assert labels.names == ("a", "b") and labels.values.tolist() == [1, 0, 1] and labels.kind == "classes"
    assert in_order(["10", "9", "1.5"]) == ("1.5", "9", "10") and in_order(["b", "10", "a"]) == ("10", "a", "b")


def test_one_column_of_zeros_and_ones_is_two_classes():
    assert columns_of({"y": ["0", "1", "0"]}).kind == "classes"


def test_columns_are_tags_only_if_every_cell_is_zero_or_one():
    assert columns_of({"u": ["0", "1"], "v": ["True", "False"]}).values.tolist() == [[0, 1], [1, 0]]
    tasks = columns_of({"u": ["0", "1"], "v": ["2", "0"]})
    assert tasks.kind == "tasks" and tasks.names == ("u: 0", "u: 1", "v: 0", "v: 2")


def test_a_class_without_images_is_refused():
    with pytest.raises(BadData, match="no image of the class 'owl'"):
        check_classes(Labels("classes", np.array([0, 1]), {"": ("cat", "dog", "owl")}), "pets")
    with pytest.raises(BadData, match="no image of pets has the tag 'v'"):
        check_classes(Labels("tags", np.array([[0, 0], [1, 0]], np.float32), {"": ("u", "v")}), "pets")
