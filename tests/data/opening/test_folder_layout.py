"""Which levels of a tree are splits, domains and classes."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.errors import BadData


@pytest.mark.parametrize(
    "names", [("train", "validation", "test"), ("Training", "Val", "Testing"), ("train", "dev", "test")]
)
def test_split_folders_by_any_usual_name(make_tree, names):
    images = wb.load_images(make_tree({f"{s}/{c}": n for n, s in zip((6, 2, 3), names, strict=True) for c in "ab"}))
    assert images.class_counts()[["train", "valid", "test"]].sum().tolist() == [12, 4, 6]


def test_splits_inside_classes(make_tree):
    images = wb.load_images(make_tree({f"{c}/{s}": 3 for c in ("cat", "dog") for s in ("train", "test")}))
    assert images.classes == ("cat", "dog") and images.class_counts()["test"].tolist() == [3, 3]


def test_domains_of_the_same_classes(make_tree):
    images = wb.load_images(make_tree({f"{d}/{c}": 3 for d in ("photo", "sketch") for c in ("cat", "dog")}))
    assert images.domains == ("photo", "sketch") and images.classes == ("cat", "dog")


def test_domains_with_splits_on_either_side(make_tree):
    inner = make_tree({f"{d}/{s}/{c}": 2 for d in "pq" for s in ("train", "val") for c in "xy"}, "inner")
    outer = make_tree({f"{s}/{d}/{c}": 2 for d in "pq" for s in ("train", "val") for c in "xy"}, "outer")
    for root in (inner, outer):
        images = wb.load_images(root)
        assert images.domains == ("p", "q") and images.classes == ("x", "y")
        assert images.class_counts()["valid"].tolist() == [2] * 4


def test_a_lone_folder_around_everything_is_passed(make_tree):
    images = wb.load_images(make_tree({"archive/train/cat": 3, "archive/train/dog": 3}))
    assert images.classes == ("cat", "dog")


def test_folders_inside_classes_belong_to_them(make_tree):
    images = wb.load_images(make_tree({"cat": 3, "cat/old/scans": 2, "dog/2020": 3, "dog/2021": 1}))
    assert images.class_counts()["total"].to_dict() == {"cat": 5, "dog": 4}


def test_the_layout_can_be_said(make_tree):
    root = make_tree({f"{year}/{c}": 2 for year in ("2020", "2021") for c in ("cat", "dog")})
    assert wb.load_images(root, layout="*/class").domains == ()
    assert wb.load_images(root, layout="class").classes == ("2020", "2021")
    assert wb.load_images(root, layout="domain/class").domains == ("2020", "2021")


def test_a_stray_image_above_the_classes_is_listed(make_tree):
    root = make_tree({".": 1, "train": 1, "train/a": 4, "train/b": 4, "test/a": 2, "test/b": 2})
    images = wb.load_images(root)
    assert len(images) == 12
    assert images.problems["reason"].tolist() == ["it is outside the class folders"] * 2


@pytest.mark.parametrize("flat", ["test", "Test", "val", "test/images", "test/unknown"])
def test_test_images_without_classes_are_left_aside_and_mentioned(make_tree, flat):
    root = make_tree({"train/cat": 6, "train/dog": 6, flat: 4})
    for images in (
        wb.load_images(root),
        wb.load_images(root, layout="split/class") if "/" not in flat else wb.load_images(root),
    ):
        assert len(images) == 12 and images.classes == ("cat", "dog") and images.class_counts()["valid"].sum() > 0
        assert len(images.problems) == 4 and "without class folders" in images.problems["reason"][0]
        assert f"the folder {flat.split('/')[0]} has 4 images without class folders" in images.notes[0]
        assert "4 left out" in repr(images)


def test_flat_validation_and_test_images_of_domains_are_left_aside(make_tree):
    inner = {f"{d}/train/{c}": 3 for d in "pq" for c in "xy"} | {"p/test": 2, "q/test": 2}
    images = wb.load_images(make_tree(inner | {"q/val": 1}))
    assert images.domains == ("p", "q") and len(images) == 12 and len(images.problems) == 5


def test_flat_training_images_are_no_classes(make_tree):
    with pytest.raises(BadData, match="are directly in them"):
        wb.load_images(make_tree({"train": 6, "test/cat": 3, "test/dog": 3}))


def test_a_flat_folder_beside_train_that_is_no_split_is_asked_about(make_tree):
    with pytest.raises(BadData, match="test1 beside them is not"):
        wb.load_images(make_tree({"train/cat": 6, "train/dog": 6, "test1": 4}))


@pytest.mark.parametrize(
    "folders",
    [
        {"pets/cat": 3, "pets/dog": 3, "flowers/rose": 3, "flowers/tulip": 3},
        {"pets/cat": 3, "pets/dog": 3, "flowers/rose": 3, "flowers/tulip": 3, "misc": 2},
        {f"pets/{s}/{c}": 2 for s in ("train", "test") for c in ("cat", "dog")}
        | {f"flowers/{s}/{c}": 2 for s in ("train", "test") for c in ("rose", "tulip")},
        {"pets/cat/a": 3, "pets/dog/a": 3, "flowers/rose": 3, "flowers/tulip": 3},
        {"all/pets/cat": 3, "all/pets/dog": 3, "all/flowers/rose": 3, "all/flowers/tulip": 3},
    ],
)
def test_a_folder_one_level_too_high_names_the_one_to_open(make_tree, folders):
    root = make_tree(folders)
    with pytest.raises(BadData, match="one level too high.*Open one of them, such as ") as caught:
        wb.load_images(root)
    place = str(caught.value).split("such as ")[1].split(";")[0]
    assert wb.load_images(place).classes == ("rose", "tulip")
    said = str(caught.value).split('layout="')[1].split('"')[0]
    if "misc" not in folders:
        assert wb.load_images(root, layout=said).classes == ("flowers", "pets")


def test_days_and_numbers_inside_classes_are_no_classes(make_tree):
    root = make_tree({"sick/2020-01-02": 2, "sick/2020-01-03": 2, "well/2021-05-06": 2, "well/2021-05-07": 3})
    assert wb.load_images(root).class_counts()["total"].to_dict() == {"sick": 4, "well": 5}
