"""What moved, as a widget: nets given, a run, and what goes wrong."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench.errors import BadValue, Unavailable
from workbench.figures.rendering.inline_html import inline_svg
from workbench.widgets import SimilarityMap


@pytest.fixture
def pair(tiny):
    before, after = tiny("test_resnet"), tiny("test_resnet")
    with torch.no_grad():
        for p in after.backbone.layer4.parameters():
            p.copy_(torch.randn_like(p))
    return {"before": before, "<b>after</b>": after}


def test_two_nets_are_compared_and_drawn(pair, toy):
    shown = SimilarityMap(pair, toy, split=None)
    assert "Comparing" in shown.notice.text or shown.result is not None
    shown.wait(60)
    assert shown.error == "" and shown.result.n_images == len(toy)
    assert shown.result.stages_by_change["stage"][0] == "layer4" and "layer4 differs most" in shown.body.svg
    assert "&lt;b&gt;after" in shown.body.svg and "<b>after" not in shown.body.svg
    assert shown.body.svg == inline_svg(shown.figure())
    assert "layer4 differs most" in shown.figure().layout.title.text
    assert shown.second.index == 1
    shown.second.value = "before"
    shown.wait(60)
    assert shown.result.names == ("before", "before") and "The largest change is from" in shown.body.svg
    shown.measure.value = "svcca"
    shown.wait(60)
    assert shown.error or shown.result.method == "svcca"


def test_a_clicked_cell_is_read(pair, toy):
    shown = SimilarityMap(pair, toy, split=None)
    shown.wait(60)
    shown.body.selected = {"row": "layer1", "column": "layer4"}
    value = shown.result.matrix[list(shown.result.rows).index("layer1"), list(shown.result.columns).index("layer4")]
    assert shown.cell.value == f"layer1 of before and layer4 of &lt;b&gt;after&lt;/b&gt;: {value:.3f} alike"
    shown.body.selected = {}
    assert shown.cell.value == ""


def test_a_run_is_compared_with_its_beginning(tiny_plan, toy):
    run = wb.fit(tiny_plan(toy, name="test_resnet", epochs=1, tuning="last-k"), progress=False)
    shown = SimilarityMap(run=run)
    shown.wait(60)
    assert shown.error == "" and shown.result.names == ("before", "after")
    frame = shown.result.frame.set_index("stage")
    # what was frozen is what it was
    assert frame.loc["stem", "similarity"] == pytest.approx(1) and frame.loc["stem", "drift"] == pytest.approx(0)
    assert frame.loc["layer4", "drift"] > 1e-4


def test_without_nets_it_says_what_to_do_and_refusals_are_told(pair, toy):
    shown = SimilarityMap()
    assert "choose a run" in shown.notice.text
    with pytest.raises(Unavailable, match="no comparison yet"):
        shown.figure()
    with pytest.raises(BadValue, match="expected a net"):
        SimilarityMap({"a": 3}, toy)
    few = SimilarityMap(pair, toy.subset(rows=[0]), split=None)
    few.wait(60)
    assert "at least 4 are needed" in few.error and few.notice.text == ""
