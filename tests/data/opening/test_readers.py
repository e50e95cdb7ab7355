"""Readers: each kind of source finds its own, and options that a reader cannot use are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.data.opening import readers
from workbench.data.opening.generated_sets import GeneratedSet
from workbench.data.opening.load_options import parse_options
from workbench.errors import BadData, BadValue

X, Y = np.arange(8 * 16, dtype=np.uint8).reshape(8, 4, 4), np.array([0, 1] * 4)
PAIRS = [(x, int(y)) for x, y in zip(X, Y, strict=True)]
OPTIONS = {
    "label": "label", "path": "path", "split": "split", "domain": "domain", "root": ".", "kind": "classes",
    "separator": " ", "layout": "class",
}  # fmt: skip


@pytest.fixture
def sources(make_tree) -> dict[str, object]:
    """One source of each kind."""
    folder: Path = make_tree({"cat": 3, "dog": 3})
    paths = sorted(str(p) for p in folder.rglob("*.png"))
    frame = pd.DataFrame({"path": paths, "label": ["cat", "dog"] * 3, "split": "train", "domain": ["u", "v"] * 3})
    frame.to_csv(folder.parent / "pets.csv", index=False)
    return {
        "world": GeneratedSet("world", {"n": 20}),
        "material": GeneratedSet("material", {"n": 20}),
        "built-in set": "digits",
        "table file": folder.parent / "pets.csv",
        "folder": folder,
        "frame": frame,
        "data set": PAIRS,
        "data sets by split": {"train": PAIRS, "test": PAIRS},
        "arrays": (X, Y),
        "arrays by split": {"train": (X, Y), "test": (X, Y)},
    }


def test_every_kind_of_source_finds_its_reader(sources):
    assert {kind: readers.find_source_kind(data) for kind, data in sources.items()} == {k: k for k in readers.READERS}


@pytest.mark.parametrize("kind", readers.READERS)
def test_a_reader_returns_items(kind: str, sources):
    items = readers.READERS[kind].read(sources[kind], parse_options({}))
    assert len(items) == len(items.ids) == len(items.splits) == len(items.domains) == len(items.labels.values) > 5


@pytest.mark.parametrize("kind", readers.READERS)
def test_a_reader_refuses_what_it_does_not_use(kind: str, sources):
    reader = readers.READERS[kind]
    assert set(reader.uses) <= set(readers.SOURCE_OPTIONS) == set(OPTIONS)
    for name, value in OPTIONS.items():
        options = parse_options({name: value})
        if name in reader.uses:
            reader.check_unused_options(sources[kind], options)
            continue
        with pytest.raises(BadValue, match=rf"^{name}= .* has none; {reader.reason}"):
            reader.read(sources[kind], options)


def test_the_refusal_names_the_source(sources):
    assert {kind: readers.READERS[kind].describe(data) for kind, data in sources.items()} == {
        "world": "world", "material": "material", "built-in set": "digits", "table file": "pets.csv",
        "folder": str(sources["folder"]), "frame": "a frame", "data set": "it", "data sets by split": "it",
        "arrays": "it", "arrays by split": "it",
    }  # fmt: skip


def test_arrays_refuse_columns_of_tables_before_the_label():
    for options, first in (({"label": "a", "split": "b"}, "split="), ({"path": "a", "layout": "class"}, "layout=")):
        with pytest.raises(BadValue, match=first):
            wb.load_images((X, Y), **options)


def test_only_what_is_not_in_memory_is_opened_again_by_name(sources):
    names = {kind: readers.READERS[kind].locate(data) for kind, data in sources.items()}
    memory = {"frame", "data set", "data sets by split", "arrays", "arrays by split"}
    assert {kind for kind, name in names.items() if name is None} == memory
    assert names["folder"] == str(sources["folder"]) and names["table file"] == str(sources["table file"])


def test_what_no_reader_knows_is_refused(tmp_path: Path):
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(BadData, match="is a single file"):
        readers.find_source_kind(tmp_path / "a.json")
    with pytest.raises(BadValue, match="already open"):
        readers.find_source_kind(wb.load_images((X, Y)))
    with pytest.raises(BadData, match="got int"):
        readers.READERS[readers.find_source_kind(5)].read(5, parse_options({}))
