"""Steps on classes: items in, items out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.data.items import Labels
from workbench.data.opening.load_options import LoadOptions
from workbench.data.opening.steps import class_steps
from workbench.errors import BadData, UnknownName

THREE = Labels("classes", np.array([0, 1, 2, 0, 1, 2, 0, 1]), {"": ("a", "b", "c")})


def test_keep_classes(make_items):
    items = make_items(labels=THREE)
    kept = class_steps.keep_classes(items, LoadOptions(classes=["c", "a"]))
    assert kept.ids == ["i0", "i2", "i3", "i5", "i6"]
    assert kept.labels.names == ("c", "a") and kept.labels.values.tolist() == [1, 0, 1, 0, 1]
    for options in (LoadOptions(), LoadOptions(classes=["a", "b", "c"])):
        assert class_steps.keep_classes(items, options) is items
    with pytest.raises(UnknownName, match="no class is called 'd'"):
        class_steps.keep_classes(items, LoadOptions(classes=["a", "d"]))


def test_record_missing_classes(make_items):
    items = make_items(labels=replace(THREE, values=np.array([0, 1] * 4)))
    recorded = class_steps.record_missing_classes(items, LoadOptions(classes=["a", "b", "c"]))
    assert recorded.missing_classes == ("c",) and items.missing_classes == ()
    assert class_steps.record_missing_classes(items, LoadOptions()) is items


def test_check_class_images(make_items):
    without_c = replace(THREE, values=np.array([0, 1] * 4))
    named = make_items(labels=without_c, missing_classes=("c",))
    assert class_steps.check_class_images(named, LoadOptions()) is named
    with pytest.raises(BadData, match="eight has no image of the class 'c'"):
        class_steps.check_class_images(make_items(labels=without_c), LoadOptions())
    with pytest.raises(BadData, match="eight has a single class, 'a'"):
        class_steps.check_class_images(
            make_items(labels=Labels("classes", np.zeros(8, int), {"": ("a",)})), LoadOptions()
        )


def test_add_label_notes(make_items):
    items = make_items(labels=replace(THREE, note="read as classes"), missing_classes=("d", "e"), notes=("before",))
    notes = class_steps.add_label_notes(items, LoadOptions()).notes
    assert notes[:2] == ("before", "read as classes") and notes[2].startswith("no image is of the classes d, e:")
    assert class_steps.add_label_notes(make_items(), LoadOptions()).notes == ()


def test_check_training_classes(make_items):
    items = make_items(splits=np.array([0, 2] * 4, np.int8))
    with pytest.raises(BadData, match="the class 'b' of eight has no training image"):
        class_steps.check_training_classes(items, LoadOptions())
    assert class_steps.check_training_classes(items, LoadOptions(classes=["a", "b"])) is items
    only_test = make_items(splits=np.full(8, 2, np.int8))
    assert class_steps.check_training_classes(only_test, LoadOptions()) is only_test
