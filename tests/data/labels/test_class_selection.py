"""Which classes are kept, and which sets cannot be learned from."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.data.items import Labels
from workbench.data.labels.class_selection import check_classes
from workbench.errors import BadData, UnknownName


def test_a_class_without_images_is_refused():
    with pytest.raises(BadData, match="no image of the class 'owl'"):
        check_classes(Labels("classes", np.array([0, 1]), {"": ("cat", "dog", "owl")}), "pets")
    with pytest.raises(BadData, match="no image of pets has the tag 'v'"):
        check_classes(Labels("tags", np.array([[0, 0], [1, 0]], np.float32), {"": ("u", "v")}), "pets")


def test_further_classes_may_be_named_for_a_net_that_knows_them(make_tree, tiny):
    root = make_tree({"cat": 4, "dog": 4})
    images = wb.load_images(root, classes=["owl", "dog", "cat"])
    assert (
        images.classes == ("owl", "dog", "cat")
        and set(images.labels()) == {1, 2}
        and images.missing_classes == ("owl",)
    )
    assert "no image is of the class owl" in images.notes[0]
    with pytest.raises(BadData, match="no image of owl, so it cannot be used for training"):
        wb.fit(wb.Plan(tiny(classes=images.classes), images, epochs=1), progress=False)


def test_a_single_class_can_be_judged(make_tree):
    root = make_tree({"cat": 4})
    with pytest.raises(BadData, match=r"single class, 'cat'.*classes=net\.classes"):
        wb.load_images(root)
    assert wb.load_images(root, classes=["cat", "dog"]).missing_classes == ("dog",)


def test_a_misspelt_class_is_not_taken_for_one_that_is_absent(make_tree):
    with pytest.raises(UnknownName, match="did you mean dog"):
        wb.load_images(make_tree({"cat": 4, "dog": 4}), classes=["cat", "dgo"])


def test_a_tag_that_no_image_has_can_be_judged():
    x = np.arange(4 * 16, dtype=np.uint8).reshape(4, 4, 4)
    images = wb.load_images((x, [["a"], ["a", "b"], [], ["b"]]), classes=["b", "c", "a"])
    assert images.labels().tolist() == [[0, 0, 1], [1, 0, 1], [0, 0, 0], [1, 0, 0]] and images.missing_classes == ("c",)
