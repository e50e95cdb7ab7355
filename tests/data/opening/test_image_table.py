"""Tables of images: columns found or named, classes, tags and tasks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.data.opening.image_table import read_csv_table
from workbench.errors import BadData


def table(root, **columns) -> pd.DataFrame:
    paths = sorted(str(p.relative_to(root)) for p in root.rglob("*.png"))
    return pd.DataFrame({"path": paths, **columns})


def test_a_csv_beside_its_images(make_tree):
    root = make_tree({"imgs": 6})
    table(root, label=["x", "y"] * 3, note=list("abcdef")).to_csv(root / "set.csv", index=False)
    images = wb.load_images(root / "set.csv")
    assert images.classes == ("x", "y") and images.name == "set"
    assert images.frame["note"].tolist() == list("abcdef")
    assert images.view(8).load_batch(range(6))[1].all()
    assert str(wb.load_images(images.choice.name, **images.choice.params).fingerprint) == images.fingerprint


def test_columns_are_found_by_their_usual_names(make_tree):
    root = make_tree({"imgs": 4})
    frame = table(root, Class=["u", "v"] * 2).rename(columns={"path": "image_path"})
    assert wb.load_images(frame, root=str(root)).classes == ("u", "v")
    odd = frame.rename(columns={"image_path": "w", "Class": "z"})
    assert wb.load_images(odd, root=str(root)).classes == ("u", "v")


def test_several_columns_of_zeros_and_ones_are_tags(make_tree):
    root = make_tree({"imgs": 6})
    frame = table(root, day=[1, 0] * 3, sea=[True, True, False] * 2)
    images = wb.load_images(frame, label=["day", "sea"], root=str(root))
    assert images.kind == "tags" and images.classes == ("day", "sea") and images.tasks == {"": ("day", "sea")}
    assert images.labels().dtype == np.float32 and images.labels()[0].tolist() == [1, 1]


def test_several_columns_of_words_are_tasks(make_tree):
    root = make_tree({"imgs": 6})
    frame = table(root, shape=["round", "long"] * 3, size=[1, 2, 3] * 2)
    images = wb.load_images(frame, label=["shape", "size"], root=str(root))
    assert images.kind == "tasks" and images.tasks == {"shape": ("long", "round"), "size": ("1", "2", "3")}
    assert images.classes == ("shape: long", "shape: round", "size: 1", "size: 2", "size: 3")
    assert images.labels().tolist()[:2] == [[1, 0], [0, 1]] and images.frame["shape"][0] == "round"


def test_splits_and_domains_from_columns(make_tree):
    root = make_tree({"imgs": 6})
    frame = table(root, label=["x", "y"] * 3, part=["train"] * 4 + ["val"] * 2, domain=["p", "q", "q"] * 2)
    images = wb.load_images(frame, split="part", root=str(root))
    assert images.frame["split"].tolist() == ["train"] * 4 + ["valid"] * 2 and images.domains == ("p", "q")


def test_words_are_words_even_when_they_look_missing(tmp_path):
    (tmp_path / "t.csv").write_text("path;label\na.png;NA\nb.png;007\nc.png;None\n", encoding="utf-8-sig")
    assert read_csv_table(str(tmp_path / "t.csv"))[0]["label"].tolist() == ["NA", "007", "None"]


def test_a_spreadsheet_in_an_old_encoding_is_read(tmp_path):
    (tmp_path / "t.csv").write_bytes("path,label\na.png,Bär\n".encode("cp1252"))
    assert read_csv_table(str(tmp_path / "t.csv"))[0]["label"].tolist() == ["Bär"]


def test_numbers_are_classes_in_order_of_size(make_tree):
    root = make_tree({"imgs": 6})
    assert wb.load_images(table(root, label=[10, 9, 2] * 2), root=str(root)).classes == ("2", "9", "10")
    floats = table(root, label=np.array([10, 9, 2] * 2, float))
    assert wb.load_images(floats, root=str(root)).classes == ("2", "9", "10")


def test_missing_and_broken_files_are_listed_with_reasons(make_tree):
    root = make_tree({"imgs": 6})
    frame = table(root, label=["x", "y"] * 3)
    (root / frame["path"][0]).write_bytes(b"")
    (root / frame["path"][1]).unlink()
    images = wb.load_images(frame, root=str(root))
    assert len(images) == 4
    assert images.problems["reason"].tolist() == ["the file is empty", "the file is not there"]


def test_paths_with_backslashes_are_found(make_tree):
    root = make_tree({"imgs": 4})
    frame = table(root, label=["x", "y"] * 2)
    frame["path"] = frame["path"].str.replace("/", "\\")
    assert len(wb.load_images(frame, root=str(root))) == 4


@pytest.mark.parametrize(
    "line", ["{p},{y}\n", "{y};{p}\n", "{p}\t{y}\n", "./{p},{y}\n", '"{p}","{y}"\n', "{p},{y}|z|w\n", "{p} , {y}\n\n"]
)
def test_the_first_row_of_a_table_without_a_header_counts(make_tree, line):
    root = make_tree({"imgs": 6})
    paths = sorted(str(p.relative_to(root)) for p in root.rglob("*.png"))
    (root / "t.csv").write_text("".join(line.format(p=p, y="xy"[i % 2]) for i, p in enumerate(paths)))
    images = wb.load_images(root / "t.csv")
    assert len(images) == 6 and images.problems.empty and len(images.classes) == 2
    assert images.frame["path"].tolist() == [str(root / p) for p in paths]
    assert images.notes == ("the table has no header: its first row is an image, and is read as one",)


def test_a_first_row_whose_image_is_missing_is_no_header_either(make_tree):
    root = make_tree({"imgs": 4})
    rows = ["gone.jpg,x", *(f"imgs/00{i}.png,{'xy'[i % 2]}" for i in range(4))]
    (root / "t.csv").write_text("\n".join(rows))
    assert wb.load_images(root / "t.csv").problems["id"].tolist() == ["gone.jpg"]


def test_files_without_an_ending_are_no_header(make_tree):
    root = make_tree({"imgs": 4})
    for file in (root / "imgs").iterdir():
        file.rename(file.with_suffix(""))
    (root / "t.csv").write_text("".join(f"imgs/00{i},{'xy'[i % 2]},{i}\n" for i in range(4)))
    with pytest.raises(BadData, match="choose one with label="):
        wb.load_images(root / "t.csv")
    assert len(wb.load_images(root / "t.csv", label="column 1")) == 4


def test_a_frame_whose_first_row_became_its_header_is_refused(make_tree):
    root = make_tree({"imgs": 4})
    (root / "t.csv").write_text("".join(f"imgs/00{i}.png,{'xy'[i % 2]}\n" for i in range(4)))
    with pytest.raises(BadData, match="its first row was taken for a header.*header=None"):
        wb.load_images(pd.read_csv(root / "t.csv"), root=str(root))
    assert len(wb.load_images(pd.read_csv(root / "t.csv", header=None), root=str(root))) == 4


@pytest.mark.parametrize("label", [[0.0, 1.0] * 3, [0, 1] * 3, ["0.0", "1"] * 3, ["a", "b"] * 3, [True, False] * 3])
def test_a_frame_and_its_csv_have_the_same_classes(make_tree, label):
    root = make_tree({"imgs": 6})
    frame = table(root, label=label)
    frame.to_csv(root / "t.csv", index=False)
    one, two = wb.load_images(frame, root=str(root)), wb.load_images(root / "t.csv")
    assert one.classes == two.classes and (one.labels() == two.labels()).all()


@pytest.mark.parametrize(
    "label",
    [
        [0.13, 1.5, 2.25, 3.1, 40.7, 52.4],
        [1, -1, 2, 1, -1, 2],
        ["a", "", "b", "a", "b", "a"],
        [1.0, None, 2.0, 1.0, 2.0, 1.0],
        [["a"], ["b", ""], [], ["a"], ["b"], ["b"]],
    ],
)
def test_a_frame_its_csv_and_its_arrays_refuse_the_same_labels(make_tree, label):
    root = make_tree({"imgs": 6})
    frame = table(root, label=label)
    frame.to_csv(root / "t.csv", index=False)
    x = np.zeros((6, 4, 4), np.uint8)
    for source in (frame, root / "t.csv", (x, label), (x, frame["label"]), {"train": (x, label)}):
        with pytest.raises(BadData, match="fraction|has no label"):
            wb.load_images(source, **({"root": str(root)} if source is frame else {}))


def test_lists_are_tags_in_a_frame_and_in_its_csv(make_tree):
    root = make_tree({"imgs": 4})
    frame = table(root, label=[["cat"], ["cat", "dog"], ["dog"], []])
    frame.to_csv(root / "t.csv", index=False)
    for images in (wb.load_images(frame, root=str(root)), wb.load_images(root / "t.csv")):
        assert images.kind == "tags" and images.classes == ("cat", "dog")
        assert images.labels().tolist() == [[1, 0], [1, 1], [0, 1], [0, 0]]


def test_several_tags_in_one_cell_are_parted_where_that_is_said(make_tree):
    root = make_tree({"imgs": 4})
    table(root, tags=["cat", "cat, dog", "dog", "cat"]).to_csv(root / "t.csv", index=False)
    assert wb.load_images(root / "t.csv", label="tags").kind == "classes"
    images = wb.load_images(root / "t.csv", label="tags", separator=",")
    assert images.kind == "tags" and images.labels().tolist() == [[1, 0], [1, 1], [0, 1], [1, 0]]
    assert wb.load_images(images.choice.name, **images.choice.params).fingerprint == images.fingerprint
    piped = root / "p.csv"
    piped.write_text("".join(f"imgs/00{i}.png,{'a|b' if i % 2 else 'b|c'}\n" for i in range(4)))
    assert wb.load_images(piped, separator="|", classes=["a", "c"]).labels().tolist() == [[0, 1], [1, 0]] * 2


def test_one_hot_columns_of_a_table_are_classes(make_tree):
    root = make_tree({"imgs": 4})
    frame = table(root, cat=[1, 0, 1, 0], dog=[0, 1, 0, 1])
    images = wb.load_images(frame, label=["cat", "dog"], root=str(root))
    assert images.kind == "classes" and images.classes == ("cat", "dog") and 'kind="tags"' in images.notes[0]
    assert wb.load_images(frame, label=["cat", "dog"], root=str(root), kind="tags").kind == "tags"


def test_a_column_that_stands_twice_is_refused(make_tree):
    root = make_tree({"imgs": 4})
    frame = pd.concat([table(root, label=["x", "y"] * 2), pd.DataFrame({"label": ["x", "y"] * 2})], axis=1)
    with pytest.raises(BadData, match="two columns of the table are called 'label'"):
        wb.load_images(frame, root=str(root))


def test_a_spreadsheet_in_utf_16_is_read(make_tree):
    root = make_tree({"imgs": 4})
    (root / "t.txt").write_text(
        "path\tlabel\n" + "".join(f"imgs/00{i}.png\t{'äb'[i % 2]}\n" for i in range(4)), "utf-16"
    )
    assert wb.load_images(root / "t.txt").classes == ("b", "ä")
