"""Odd images and nets in the four views inside: a sensible picture, or a sentence that says what is wanted."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import workbench as wb
from tests.widgets.conftest import settled
from workbench.widgets import EmbeddingExplorer, FilterViewer, SaliencyViewer, SimilarityMap


@pytest.fixture
def odd(tmp_path):
    """Images whose classes are markup and whose files are called by emoji."""
    dice = np.random.default_rng(0)
    for name in ("<b>cat", "🐕 dog", "<img src=x onerror=alert(1)>"):
        (tmp_path / name).mkdir()
        for k in range(6):
            Image.fromarray(dice.integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(tmp_path / name / f"🐈 {k}.png")
    return wb.load_images(tmp_path)


def test_markup_and_emoji_are_text_in_every_view(odd, tiny):
    nets = {"<b>a": tiny("test_resnet", odd.classes, 64), "🐈": tiny("test_resnet", odd.classes, 64, seed=1)}
    views = [SaliencyViewer(nets, odd, split=None), FilterViewer(nets, odd, split=None),
             SimilarityMap(nets, odd, split=None), EmbeddingExplorer(nets, odd)]  # fmt: skip
    for view in views:
        assert settled(view).error == "", type(view).__name__
        text = (view.body.svg if isinstance(view, SimilarityMap) else view.body.value) if hasattr(view, "body") else ""
        assert "<b>" not in text and "<img src=x" not in text
    views[1].view.value = "top activations"
    assert settled(views[1]).error == "" and "<img src=x" not in views[1].body.value
    shown = views[3]
    shown.send = lambda content, buffers=None: heard.append(content)
    heard: list[dict] = []
    shown._handle_message(shown, {"kind": "hover", "row": 0}, [])
    assert any("🐈" in line for line in heard[0]["words"][0])


def test_one_image_is_shown_where_one_is_enough_and_else_refused_with_a_sentence(odd, tiny):
    net, one = tiny("test_resnet", odd.classes, 64), odd.subset(rows=[0])
    assert len(settled(SaliencyViewer(net, one, split=None)).result) == 1
    filters = settled(FilterViewer(net, one, split=None))
    for view in ("activation maps", "top activations"):
        filters.view.value = view
        assert settled(filters).error == ""
    for view in (SimilarityMap({"a": net, "b": net}, one, split=None), EmbeddingExplorer(net, one)):
        assert "at least 4 are needed" in settled(view).error


def test_two_nets_that_name_other_classes_are_compared_by_what_each_says(odd, tiny):
    nets = {"a": tiny("test_resnet", odd.classes, 64), "b": tiny("test_resnet", ["x", "y"], 64)}
    view = settled(SaliencyViewer(nets, odd, split=None))
    view.net.value = "all, compared"
    settled(view)
    assert view.error == "" and "do not share their classes" in view.body.value
    assert settled(SimilarityMap(nets, odd, split=None)).error == ""
    filters = settled(FilterViewer(nets, odd, split=None))
    filters.view.value = "filter drift"
    assert settled(filters).error == "" and "No filter changed" in filters.body.value
