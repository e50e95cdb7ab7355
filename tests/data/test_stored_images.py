"""Images of this process alone, stored with a run and opened by another."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from torchvision.datasets import FakeData

import workbench as wb
from workbench.plan import Choice

GREY = np.random.default_rng(0).integers(0, 256, (30, 6, 7), dtype=np.uint8)


def held() -> dict[str, wb.Images]:
    y = np.arange(30) % 3
    return {
        "arrays": wb.load_images((GREY, y)),
        "tags": wb.load_images((GREY, np.stack([y == 0, y == 1], 1))),
        "colour floats": wb.load_images((np.stack([GREY] * 3, 1) / 255, y), classes=["u", "v", "w"]),
        "sizes": wb.load_images(([GREY[i, : 3 + i % 3] for i in range(30)], y)),
        "dataset": wb.load_images(FakeData(size=12, image_size=(3, 8, 8), num_classes=2)),
        "domains": wb.load_images((GREY, y), domains={"a": None, "b": "noise:2"}, source_domain="a", target_domain="b"),
        "part": wb.load_images("digits").subset("valid"),
    }


@pytest.mark.parametrize("kind", ["arrays", "tags", "colour floats", "sizes", "dataset", "domains", "part"])
def test_what_is_stored_opens_the_same(kind: str, tmp_path):
    images = held()[kind]
    assert images.choice.name == "stored" and images.choice.params["path"].startswith("memory:")
    choice = images.store_with(tmp_path / "run")
    assert choice == images.choice == Choice("stored", {"path": str(tmp_path / "run" / "images")})
    again = wb.load_images(choice.name, **choice.params)
    assert again.fingerprint == images.fingerprint and again.choice == choice and not again.is_in_memory
    assert (again.kind, again.classes, again.tasks) == (images.kind, images.classes, images.tasks)
    rows = range(len(images))
    assert (again.view(8).load_batch(rows)[0] == images.view(8).load_batch(rows)[0]).all()
    assert (again.target is None) == (images.target is None) and len(again.source) == len(images.source)


def test_a_frame_of_files_is_stored_as_its_paths(make_tree, tmp_path, monkeypatch):
    root = make_tree({"imgs": 6})
    paths = sorted(str(p.relative_to(root)) for p in root.rglob("*.png"))
    monkeypatch.chdir(root)
    images = wb.load_images(pd.DataFrame({"path": paths, "label": ["u", "v"] * 3, "who": list("abcdef")}))
    choice = images.store_with(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    again = wb.load_images(choice.name, **choice.params)
    assert again.frame["who"].tolist() == list("abcdef") and again.fingerprint == images.fingerprint
    assert again.view(8).load_batch(range(6))[1].all()
    assert [p.name for p in (tmp_path / "run" / "images").iterdir()] == ["images.json"]


def test_a_record_written_by_an_earlier_version_opens(make_tree, tmp_path):
    root = make_tree({"imgs": 4})
    record = {
        "name": "pets",
        "kind": "classes",
        "tasks": {"": ["cat", "dog", "owl"]},
        "ids": ["a", "b", "c", "d"],
        "anchors": ["k", "k", "l", "l"],
        "labels": [0, 1, 0, 1],
        "splits": [0, 0, 1, 2],
        "domains": [0, 1, 0, 1],
        "domain_names": ["photo", "sketch"],
        "shifts": ["noise:2"],
        "extra": None,
        "absent": ["owl"],
        "source": ["photo"],
        "target": ["sketch"],
        "pixel_range": [0.0, 4095.0],
        "range_sample": 16,
        "max_pixels": 1000,
        "root": str(root),
        "paths": [f"imgs/{i:03d}.png" for i in range(4)],
    }
    (tmp_path / "images.json").write_text(json.dumps(record))
    images = wb.load_images("stored", path=str(tmp_path))
    items = images.items
    assert (images.source.domains, images.target.domains) == (("photo",), ("sketch",))
    assert images.missing_classes == ("owl",) and items.hash_keys == ["k", "k", "l", "l"]
    assert (images.pixel_range, items.n_range_samples, items.max_pixels) == ((0, 4095), 16, 1000)
    assert [str(items.shift(row)) for row in range(4)] == ["noise:2"] * 4
    assert images.frame["split"].tolist() == ["train", "train", "valid", "test"]


def test_a_plan_holds_what_has_no_recipe():
    plan = wb.Plan("resnet18", wb.load_images((GREY, np.arange(30) % 3)))
    assert set(plan.in_memory) == {"data"}
    assert not wb.Plan("resnet18", wb.load_images("digits")).in_memory
