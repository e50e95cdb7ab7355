"""The list of label edits: beside the data, in home where that cannot be written, and no edit lost."""

from __future__ import annotations

import multiprocessing
import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import workbench as wb
from workbench.data import _label_edits
from workbench.errors import BadData, BadValue, Unavailable, UnknownName


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cat", "dog 🐕"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for k in range(5):
            Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(tmp_path / "pets" / name / f"{k}.png")
    return tmp_path / "pets"


def state(folder):
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*") if p.is_file()}


def test_decisions_stand_beside_the_data_and_the_data_stay(folder):
    before, images = state(folder), wb.load_images(folder)
    ids = images.frame["id"].tolist()
    listed = wb.label_edits(images)
    listed.relabel(ids[0], "dog 🐕").remove(ids[1]).keep(ids[2:4])
    assert listed.path == folder.parent / "pets.cleaning.csv" and listed.path.exists()
    again = wb.label_edits(wb.load_images(folder))
    assert again.frame[["id", "edit"]].to_numpy().tolist() == [
        [ids[0], "relabel"],
        [ids[1], "remove"],
        [ids[2], "keep"],
        [ids[3], "keep"],
    ]
    assert again.frame.loc[0, ["was", "label"]].tolist() == ["cat", "dog 🐕"] and len(again) == 4
    assert str(again).startswith("1 relabelled, 1 removed, 2 confirmed: ")
    assert state(folder) == before
    assert pd.read_csv(listed.path)["id"].tolist() == ids[:4]


def test_the_later_decision_counts_and_can_be_taken_back(folder):
    images = wb.load_images(folder)
    name = images.frame["id"][0]
    listed = wb.label_edits(images).relabel(name, "dog 🐕").remove(name).undo(name)
    assert len(listed) == 0 and listed.history["edit"].tolist() == ["relabel", "remove", "undo"]
    assert "no edits yet" in str(listed)
    assert listed.keep(name).frame["edit"].tolist() == ["keep"]


def test_applied_it_is_a_set_of_images_to_train_on(folder):
    images = wb.load_images(folder)
    ids = images.frame["id"].tolist()
    clean = wb.label_edits(images).relabel(pd.DataFrame({"id": ids[:2]}), ["dog 🐕", "cat"]).remove(ids[9]).apply()
    assert len(clean) == 9 and ids[9] not in set(clean.frame["id"])
    assert clean.frame["label"][:3].tolist() == ["dog 🐕", "cat", "cat"] and clean.classes == images.classes
    assert images.frame["label"][0] == "cat" and clean.fingerprint != images.fingerprint
    assert (clean.pixels(0) == images.pixels(0)).all()
    part = wb.label_edits(images.subset(rows=range(4)))
    assert part.path == wb.label_edits(images).path and len(part) == 2


def test_where_the_folder_cannot_be_written_it_is_in_home(folder, home, monkeypatch):
    images = wb.load_images(folder)
    before = wb.label_edits(images).keep(images.frame["id"][0])
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: str(p).startswith(str(home)) and real(p, mode))
    listed = wb.label_edits(images).remove(images.frame["id"][1])
    assert home in listed.path.parents and before.path != listed.path
    assert len(listed) == 2, "what stands beside the data is read all the same"
    monkeypatch.setattr(os, "access", real)
    assert len(wb.label_edits(wb.load_images(folder)).undo(images.frame["id"][1])) == 1


def test_a_write_that_fails_goes_to_home_or_says_so(folder, home, monkeypatch):
    images = wb.load_images(folder)
    listed, real = wb.label_edits(images), _label_edits._paths.write_file

    def full(path, content):
        if home not in path.parents:
            raise OSError(28, "No space left on device")
        return real(path, content)

    monkeypatch.setattr(_label_edits._paths, "write_file", full)
    assert len(listed.keep(images.frame["id"][0])) == 1 and home in listed.path.parents
    monkeypatch.setattr(_label_edits._paths, "write_file", lambda path, content: full(folder / "x", content))
    with pytest.raises(Unavailable, match="the edit was not saved"):
        listed.keep(images.frame["id"][1])
    assert len(listed) == 1


def keep_some(folder, home, which):
    os.environ["WORKBENCH_HOME"] = home
    images = wb.load_images(folder)
    listed = wb.label_edits(images)
    for name in images.frame["id"][which::2]:
        listed.keep(name)


def test_two_notebooks_at_once_lose_nothing(folder, home):
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=keep_some, args=(folder, str(home), k)) for k in (0, 1)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [p.exitcode for p in both] == [0, 0]
    listed = wb.label_edits(wb.load_images(folder))
    assert len(listed) == len(listed.history) == 10


def test_images_in_memory_are_told_apart(toy_arrays, home):
    one, other = wb.load_images(toy_arrays()), wb.load_images(toy_arrays(seed=1))
    listed = wb.label_edits(one).keep(one.frame["id"][0])
    assert home in listed.path.parents and len(wb.label_edits(other)) == 0
    assert len(wb.label_edits(wb.load_images(toy_arrays()).subset("train"))) in (0, 1)
    assert wb.label_edits(one.subset("train")).path == listed.path


def test_refusals(folder, tmp_path):
    images = wb.load_images(folder)
    listed, name = wb.label_edits(images), images.frame["id"][0]
    with pytest.raises(UnknownName, match="did you mean"):
        listed.relabel(name, "dog")
    with pytest.raises(UnknownName, match="image of"):
        listed.remove("nowhere.png")
    with pytest.raises(BadValue, match="one each, got 1 for 2"):
        listed.relabel(images.frame["id"][:2], ["cat"])
    assert not listed.path.exists()
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadData, match="not a list of label edits"):
        wb.label_edits(images, tmp_path / "mine.csv").keep(name)
    assert (tmp_path / "mine.csv").read_text() == "a,b\n1,2\n"
    tags = wb.load_images(
        pd.DataFrame({"path": [str(p) for p in sorted(folder.rglob("*.png"))], "a": [0, 1] * 5, "b": [1, 0] * 5}),
        label=["a", "b"],
        kind="tags",
    )
    with pytest.raises(BadData, match="one label each"):
        wb.label_edits(tags)
