"""Folders of images: which levels are splits, domains and classes."""

from __future__ import annotations

import os
import re

import pytest

import workbench as wb
from workbench.errors import BadData


def test_class_folders(make_tree):
    images = wb.load_images(make_tree({"cat": 4, "dog": 5}))
    assert images.classes == ("cat", "dog") and images.kind == "classes" and images.name == "pets"
    assert images.frame["id"][0] == "cat/000.png" and images.frame["path"].map(os.path.exists).all()
    assert images.frame["domain"].isna().all() and images.domains == ()


def test_what_is_no_image_is_passed_over(make_tree):
    root = make_tree({"a": 3, "b": 3, ".ipynb_checkpoints": 2, "__MACOSX/a": 1})
    (root / "a" / "Thumbs.db").write_bytes(b"x")
    (root / "a" / "._001.png").write_bytes(b"x")
    assert len(wb.load_images(root)) == 6 and wb.load_images(root).problems.empty


def test_links_are_followed_but_not_round_in_circles(make_tree, tmp_path):
    root = make_tree({"a": 3, "b": 3})
    elsewhere = make_tree({"c": 2}, "elsewhere")
    os.symlink(elsewhere / "c", root / "c")
    os.symlink(root, root / "a" / "loop")
    assert wb.load_images(root).class_counts()["total"].to_dict() == {"a": 3, "b": 3, "c": 2}


def test_names_that_are_not_unicode_can_be_read(make_tree):
    root = make_tree({"a": 3, "b": 3})
    os.rename(root / "a" / "000.png", os.fsencode(root / "a") + b"/\xff\xe9.png")
    images = wb.load_images(root)
    assert images.view(8).load_batch(range(6))[1].all() and len(images.fingerprint) == 12


def test_a_class_empty_in_one_split_only_is_no_mistake(make_tree):
    root = make_tree({"train/a": 4, "train/b": 4, "test/a": 2, "test/b": 0})
    assert wb.load_images(root).class_counts()["test"].tolist() == [2, 0]


def test_opening_asks_no_file_for_anything(make_tree, monkeypatch):
    root = make_tree({"a": 5, "b": 5})
    monkeypatch.setattr("workbench.data.checks.integrity.MAX_FILES_CHECKED", 1)
    touched = []
    monkeypatch.setattr("workbench.data.pixels.pixel_sources.FileSource.read", lambda *a: touched.append(a))
    assert len(wb.load_images(root)) == 10 and not touched


def test_a_large_folder_all_of_whose_files_have_gone_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.data.checks.integrity.MAX_FILES_CHECKED", 1)
    (tmp_path / "t.csv").write_text("path,label\nx.png,a\ny.png,b\n")
    with pytest.raises(BadData, match=r"none of the checked images of t exists.*x\.png"):
        wb.load_images(tmp_path / "t.csv")


def test_what_systems_and_network_drives_leave_behind_is_passed_over(make_tree):
    root = make_tree({"a": 3, "a/@eaDir/000.png": 2, "b": 3, "b/.thumbnails": 1, "#recycle": 2, "lost+found": 1})
    for name in ("._000.png", ".DS_Store", "Thumbs.db", "desktop.ini", "SYNOPHOTO_THUMB_M.jpg", "~$a.docx"):
        (root / "a" / name).write_bytes((root / "a" / "000.png").read_bytes())
    images = wb.load_images(root)
    assert images.classes == ("a", "b") and len(images) == 6 and images.problems.empty
    assert "10 files and folders of systems and programs were skipped" in images.notes[0]
    assert "@eaDir" in images.notes[0] and "Thumbs.db" in images.notes[0]


def test_files_without_a_usual_ending_are_known_by_what_is_in_them(make_tree):
    root = make_tree({"a": 3, "b": 3})
    content = (root / "a" / "000.png").read_bytes()
    for name in ("photo", "x.jpg_large", "x.txt", "y.bin", "img.2"):
        (root / "b" / name).write_bytes(content)
    images = wb.load_images(root)
    assert images.class_counts()["total"].to_dict() == {"a": 3, "b": 8} and images.problems.empty
    assert images.view(8).load_batch(range(11))[1].all()


def test_a_folder_without_any_usual_ending_is_read(make_tree):
    root = make_tree({"a": 3, "b": 3})
    for file in root.rglob("*.png"):
        file.rename(file.with_suffix(""))
    assert len(wb.load_images(root)) == 6


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("notes.txt", b"words", "not an image"),
        ("empty", b"", "empty"),
        ("page", b"<html></html>", "web page"),
        ("drawing.ps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        ("photo.cr2", b"II*\0\x10\0\0\0CR\2\0", "raw file"),
        ("cut", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "damaged|early|not an image"),
        ("000.png~", b"\x89PNG", "copy of 000.png"),
        ("000.png_original", b"\x89PNG", "copy of 000.png"),
        (".hidden.png", b"\x89PNG", "begins with a dot"),
        ("table.npy", bytes(4000), "not an image"),
    ],
)
def test_every_file_that_is_left_out_is_listed(make_tree, name, content, why):
    root = make_tree({"a": 3, "b": 3})
    (root / "a" / name).write_bytes(content)
    images = wb.load_images(root)
    assert len(images) == 6 and "1 left out" in repr(images)
    listed = images.problems.to_dict("records")
    assert [row["id"] for row in listed] == [f"a/{name}"] and re.search(why, listed[0]["reason"])
    assert listed[0]["path"] == str(root / "a" / name)


def test_a_pipe_and_a_link_to_nothing_are_listed_and_not_opened(make_tree):
    root = make_tree({"a": 3, "b": 3})
    os.mkfifo(root / "a" / "pipe")
    os.symlink(root / "nowhere", root / "a" / "link")
    assert wb.load_images(root).problems["reason"].tolist() == [
        "it is a link to a missing file",
        "it is a named pipe, not a file",
    ]


def test_a_hidden_folder_is_listed(make_tree):
    root = make_tree({"a": 3, "b": 3, ".c": 3, "a/.old": 1})
    assert set(wb.load_images(root).problems["id"]) == {".c/", "a/.old/"}


def test_classes_named_by_numbers_are_words_of_one_form(make_tree):
    root = make_tree({"train/1": 3, "train/2": 3, "test/1.0": 2, "test/2.0": 0, "train/0.5": 2, "train/-1": 2})
    images = wb.load_images(root)
    assert images.classes == ("-1", "0.5", "1", "2") and images.class_counts()["test"].to_dict()["1"] == 2


def test_names_in_two_codings_are_one_class_and_one_domain(make_tree):
    pairs = {"caf\u00e9": "e\u0301t\u00e9", "cafe\u0301": "\u00e9te\u0301"}
    root = make_tree(
        {f"train/{d}/{c}": 3 for d, e in pairs.items() for c in (e, "x")}
        | {"train/y/x": 2, f"train/y/{pairs[chr(99) + 'af' + chr(233)]}": 2}
    )
    images = wb.load_images(root)
    assert images.domains == ("caf\u00e9", "y") and images.classes == ("x", "\u00e9t\u00e9")
