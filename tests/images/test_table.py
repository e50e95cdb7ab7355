"""Tables of images: columns found or named, classes, tags and tasks."""

from __future__ import annotations

import numpy as np
import pandas as pd

import workbench as wb
from workbench.images.table import read


def table(root, **columns) -> pd.DataFrame:
    paths = sorted(str(p.relative_to(root)) for p in root.rglob("*.png"))
    return pd.DataFrame({"path": paths, **columns})


def test_a_csv_beside_its_images(make_tree):
    root = make_tree({"imgs": 6})
    table(root, label=["x", "y"] * 3, note=list("abcdef")).to_csv(root / "set.csv", index=False)
    images = wb.images(root / "set.csv")
    assert images.classes == ("x", "y") and images.name == "set"
    assert images.frame["note"].tolist() == list("abcdef")
    assert images.view(8).batch(range(6))[1].all()
    assert str(wb.images(images.choice.name, **images.choice.params).fingerprint) == images.fingerprint


def test_columns_are_found_by_their_usual_names(make_tree):
    root = make_tree({"imgs": 4})
    frame = table(root, Class=["u", "v"] * 2).rename(columns={"path": "image_path"})
    assert wb.images(frame, root=str(root)).classes == ("u", "v")
    odd = frame.rename(columns={"image_path": "w", "Class": "z"})
    assert wb.images(odd, root=str(root)).classes == ("u", "v")


def test_several_columns_of_zeros_and_ones_are_tags(make_tree):
    root = make_tree({"imgs": 6})
    frame = table(root, day=[1, 0] * 3, sea=[True, True, False] * 2)
    images = wb.images(frame, label=["day", "sea"], root=str(root))
    assert images.kind == "tags" and images.classes == ("day", "sea") and images.tasks == {"": ("day", "sea")}
    assert images.labels().dtype == np.float32 and images.labels()[0].tolist() == [1, 1]


def test_several_columns_of_words_are_tasks(make_tree):
    root = make_tree({"imgs": 6})
    frame = table(root, shape=["round", "long"] * 3, size=[1, 2, 3] * 2)
    images = wb.images(frame, label=["shape", "size"], root=str(root))
    assert images.kind == "tasks" and images.tasks == {"shape": ("long", "round"), "size": ("1", "2", "3")}
    assert images.classes == ("shape: long", "shape: round", "size: 1", "size: 2", "size: 3")
    assert images.labels().tolist()[:2] == [[1, 0], [0, 1]] and images.frame["shape"][0] == "round"


def test_splits_and_domains_from_columns(make_tree):
    root = make_tree({"imgs": 6})
    frame = table(root, label=["x", "y"] * 3, part=["train"] * 4 + ["val"] * 2, domain=["p", "q", "q"] * 2)
    images = wb.images(frame, split="part", root=str(root))
    assert images.frame["split"].tolist() == ["train"] * 4 + ["valid"] * 2 and images.domains == ("p", "q")


def test_words_are_words_even_when_they_look_missing(tmp_path):
    (tmp_path / "t.csv").write_text("path;label\na.png;NA\nb.png;007\nc.png;None\n", encoding="utf-8-sig")
    assert read(str(tmp_path / "t.csv"))["label"].tolist() == ["NA", "007", "None"]


def test_a_spreadsheet_in_an_old_encoding_is_read(tmp_path):
    (tmp_path / "t.csv").write_bytes("path,label\na.png,Bär\n".encode("cp1252"))
    assert read(str(tmp_path / "t.csv"))["label"].tolist() == ["Bär"]


def test_numbers_are_classes_in_order_of_size(make_tree):
    root = make_tree({"imgs": 6})
    assert wb.images(table(root, label=[10, 9, 2] * 2), root=str(root)).classes == ("2", "9", "10")
    floats = table(root, label=np.array([10, 9, 2] * 2, float))
    assert wb.images(floats, root=str(root)).classes == ("2", "9", "10")


def test_missing_and_broken_files_are_listed_with_reasons(make_tree):
    root = make_tree({"imgs": 6})
    frame = table(root, label=["x", "y"] * 3)
    (root / frame["path"][0]).write_bytes(b"")
    (root / frame["path"][1]).unlink()
    images = wb.images(frame, root=str(root))
    assert len(images) == 4
    assert images.problems["reason"].tolist() == ["the file is empty", "the file is not there"]


def test_paths_with_backslashes_are_found(make_tree):
    root = make_tree({"imgs": 4})
    frame = table(root, label=["x", "y"] * 2)
    frame["path"] = frame["path"].str.replace("/", "\\")
    assert len(wb.images(frame, root=str(root))) == 4
