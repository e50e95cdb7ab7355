"""Folders of images: which levels are splits, domains and classes."""

from __future__ import annotations

import os

import pytest

import workbench as wb
from workbench.errors import BadData


def test_class_folders(make_tree):
    images = wb.images(make_tree({"cat": 4, "dog": 5}))
    assert images.classes == ("cat", "dog") and images.kind == "classes" and images.name == "pets"
    assert images.frame["id"][0] == "cat/000.png" and images.frame["path"].map(os.path.exists).all()
    assert images.frame["domain"].isna().all() and images.domains == ()


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


def test_what_is_no_image_is_passed_over(make_tree):
    root = make_tree({"a": 3, "b": 3, ".ipynb_checkpoints": 2, "__MACOSX/a": 1})
    (root / "a" / "Thumbs.db").write_bytes(b"x")
    (root / "a" / "._001.png").write_bytes(b"x")
    assert len(wb.images(root)) == 6 and wb.images(root).problems.empty


def test_links_are_followed_but_not_round_in_circles(make_tree, tmp_path):
    root = make_tree({"a": 3, "b": 3})
    elsewhere = make_tree({"c": 2}, "elsewhere")
    os.symlink(elsewhere / "c", root / "c")
    os.symlink(root, root / "a" / "loop")
    assert wb.images(root).counts()["total"].to_dict() == {"a": 3, "b": 3, "c": 2}


def test_names_that_are_not_unicode_can_be_read(make_tree):
    root = make_tree({"a": 3, "b": 3})
    os.rename(root / "a" / "000.png", os.fsencode(root / "a") + b"/\xff\xe9.png")
    images = wb.images(root)
    assert images.view(8).batch(range(6))[1].all() and len(images.fingerprint) == 12


def test_a_class_empty_in_one_split_only_is_no_mistake(make_tree):
    root = make_tree({"train/a": 4, "train/b": 4, "test/a": 2, "test/b": 0})
    assert wb.images(root).counts()["test"].tolist() == [2, 0]


def test_opening_asks_no_file_for_anything(make_tree, monkeypatch):
    root = make_tree({"a": 5, "b": 5})
    monkeypatch.setattr("workbench.images.soundness.QUICK", 1)
    touched = []
    monkeypatch.setattr("workbench.images.origins.Files.read", lambda *a: touched.append(a))
    assert len(wb.images(root)) == 10 and not touched


def test_a_large_folder_all_of_whose_files_have_gone_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.images.soundness.QUICK", 1)
    (tmp_path / "t.csv").write_text("path,label\nx.png,a\ny.png,b\n")
    with pytest.raises(BadData, match=r"none of the images of t .* exists.*x\.png"):
        wb.images(tmp_path / "t.csv")
