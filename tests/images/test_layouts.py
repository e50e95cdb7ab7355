"""Which levels of a tree are splits, domains and classes."""

from __future__ import annotations

import pytest

import workbench as wb


@pytest.mark.parametrize(
    "names", [("train", "validation", "test"), ("Training", "Val", "Testing"), ("train", "dev", "test")]
)
def test_split_folders_by_any_usual_name(make_tree, names):
    images = wb.images(make_tree({f"{s}/{c}": n for n, s in zip((6, 2, 3), names, strict=True) for c in "ab"}))
    assert images.counts()[["train", "valid", "test"]].sum().tolist() == [12, 4, 6]


def test_splits_inside_classes(make_tree):
    images = wb.images(make_tree({f"{c}/{s}": 3 for c in ("cat", "dog") for s in ("train", "test")}))
    assert images.classes == ("cat", "dog") and images.counts()["test"].tolist() == [3, 3]


def test_domains_of_the_same_classes(make_tree):
    images = wb.images(make_tree({f"{d}/{c}": 3 for d in ("photo", "sketch") for c in ("cat", "dog")}))
    assert images.domains == ("photo", "sketch") and images.classes == ("cat", "dog")


def test_domains_with_splits_on_either_side(make_tree):
    inner = make_tree({f"{d}/{s}/{c}": 2 for d in "pq" for s in ("train", "val") for c in "xy"}, "inner")
    outer = make_tree({f"{s}/{d}/{c}": 2 for d in "pq" for s in ("train", "val") for c in "xy"}, "outer")
    for root in (inner, outer):
        images = wb.images(root)
        assert images.domains == ("p", "q") and images.classes == ("x", "y")
        assert images.counts()["valid"].tolist() == [2] * 4


def test_a_lone_folder_around_everything_is_passed(make_tree):
    images = wb.images(make_tree({"archive/train/cat": 3, "archive/train/dog": 3}))
    assert images.classes == ("cat", "dog")


def test_folders_inside_classes_belong_to_them(make_tree):
    images = wb.images(make_tree({"cat": 3, "cat/old/scans": 2, "dog/2020": 3, "dog/2021": 1}))
    assert images.counts()["total"].to_dict() == {"cat": 5, "dog": 4}


def test_the_layout_can_be_said(make_tree):
    root = make_tree({f"{year}/{c}": 2 for year in ("2020", "2021") for c in ("cat", "dog")})
    assert wb.images(root, layout="*/class").domains == ()
    assert wb.images(root, layout="class").classes == ("2020", "2021")
    assert wb.images(root, layout="domain/class").domains == ("2020", "2021")


def test_a_stray_image_above_the_classes_is_listed(make_tree):
    root = make_tree({".": 1, "train": 1, "train/a": 4, "train/b": 4, "test/a": 2, "test/b": 2})
    images = wb.images(root)
    assert len(images) == 12
    assert images.problems["reason"].tolist() == ["it lies outside the class folders"] * 2
