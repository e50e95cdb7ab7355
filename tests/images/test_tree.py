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
