"""Frames, counts and pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName


def test_the_summary_and_markup_escape_names(make_tree):
    images = wb.load_images(make_tree({"<b>cat": 3, "dog&co": 3}, root="<i>pets"))
    assert repr(images) == "<i>pets · 4 train · 2 valid · 2 classes"
    assert "<b>cat" not in images._repr_html_() and "&lt;b&gt;cat" in images._repr_html_()
    assert "&lt;i&gt;pets" in images._repr_html_()


def test_counts_by_domain_and_split(make_tree):
    root = make_tree({f"{d}/{s}/{c}": 2 for d in "pq" for s in ("train", "val", "test") for c in "xy"})
    counts = wb.load_images(root).class_counts()
    assert counts.index.names == ["domain", "label"] and list(counts) == ["train", "valid", "test", "total"]
    assert counts.loc[("q", "y")].tolist() == [2, 2, 2, 6]


def test_counts_of_tags_and_tasks(make_tree):
    root = make_tree({"imgs": 6})
    frame = pd.DataFrame({"path": sorted(str(p) for p in root.rglob("*.png")), "u": [1, 0, 0] * 2, "v": list("110011")})
    assert wb.load_images(frame, label=["u", "v"], valid=0).class_counts()["train"].to_dict() == {"u": 2, "v": 4}
    tasks = wb.load_images(frame.replace({"v": {"1": "yes", "0": "no"}}), label=["u", "v"], valid=0).class_counts()
    assert tasks.loc[("v", "yes"), "train"] == 4


def test_pixels_whole_and_square(make_tree):
    images = wb.load_images(make_tree({"a": 3, "b": 3}))
    assert images.pixels(0).shape == (18, 24, 3) and images.pixels(-1, size=10).shape == (10, 10, 3)
    shifted = wb.load_images(images.choice.name, shift="invert")
    assert (images.pixels(0) + shifted.pixels(0) == 255).all()


def test_show_gives_a_figure_of_captioned_thumbnails(make_tree, monkeypatch):
    images = wb.load_images(make_tree({"a": 5, "b": 5}))
    given = {}
    monkeypatch.setattr(
        "workbench.figures.image_grid", lambda pictures, captions, title: given.update(p=pictures, c=captions, t=title)
    )
    images.show(4, label="b", seed=1)
    assert given["c"] == ["b"] * 4 and given["t"] == "pets: 4 of 5 b images"
    assert {p.shape for p in given["p"]} == {(160, 160, 3)} and all(p.dtype == np.uint8 for p in given["p"])


def test_show_draws_a_real_figure():
    figure = wb.load_images("digits").show(6)
    assert sum(len(axes.get_images()) for axes in figure.axes) == 6


def test_show_passes_over_what_cannot_be_read_and_refuses_what_is_not_there(make_tree):
    root = make_tree({"a": 3, "b": 3})
    images = wb.load_images(root)
    (root / "a" / "000.png").write_bytes(b"bad")
    with pytest.raises(BadValue, match=r"a/000\.png cannot be shown: it is not an image"):
        images.pixels(0)
    assert images.show(6) is not None
    with pytest.raises(UnknownName, match="no label is called 'c'"):
        images.show(label="c")
    with pytest.raises(UnknownName, match="train"):
        images.show(split="trian")
    with pytest.raises(BadValue, match="no images of that split"):
        images.show(split="test")
