"""Exact duplicates, above all across splits."""

from __future__ import annotations

import shutil

import workbench as wb


def test_leakage_from_training_to_test_is_reported(make_tree):
    root = make_tree({"train/a": 5, "train/b": 5, "test/a": 3, "test/b": 3})
    assert wb.load_images(root).duplicates.empty
    shutil.copy(root / "train/a/001.png", root / "test/a/leak.png")
    shutil.copy(root / "test/b/000.png", root / "test/b/again.png")
    found = wb.load_images(root, valid=0).duplicates
    assert found.to_dict("records") == [
        {
            "id": "test/a/leak.png",
            "split": "test",
            "twin": "train/a/001.png",
            "twin_split": "train",
            "same_split": False,
        },
        {"id": "test/b/again.png", "split": "test", "twin": "test/b/000.png", "twin_split": "test", "same_split": True},
    ]


def test_files_of_different_sizes_are_not_read(make_tree, monkeypatch):
    root = make_tree({"a": 1, "b": 1})
    (root / "a" / "000.png").write_bytes((root / "a" / "000.png").read_bytes() + b"more")
    images = wb.load_images(root)
    monkeypatch.setattr("workbench.data.pixels.pixel_sources.FileSource.read", None)
    assert images.duplicates.empty


def test_made_domains_are_no_duplicates():
    assert wb.load_images("digits", domains={"a": None, "b": "invert"}).duplicates.empty
