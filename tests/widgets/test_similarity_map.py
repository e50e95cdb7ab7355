"""What moved, as a widget: nets given, a run, and what goes wrong."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench.errors import BadValue, Unavailable
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
    assert "Showing images" in shown.notice.text or shown.found is not None
    shown.wait(60)
    assert shown.error == "" and shown.found.images == len(toy)
    assert shown.found.moved["stage"][0] == "layer4" and "layer4 differs most" in shown.body.value
    assert "&lt;b&gt;after" in shown.body.value and "<b>after" not in shown.body.value
    assert shown.body.value.count("wb-wide") == 5
    assert "layer4 differs most" in shown.figure().layout.title.text
    assert shown.second.index == 1
    shown.second.value = "before"
    shown.wait(60)
    assert shown.found.names == ("before", "before") and "greatest step" in shown.body.value
    shown.measure.value = "svcca"
    shown.wait(60)
    assert shown.error or shown.found.method == "svcca"


def test_a_run_is_compared_with_its_beginning(tiny_plan, toy):
    run = wb.fit(tiny_plan(toy, name="test_resnet", epochs=1, tuning="last-k"), progress=False)
    shown = SimilarityMap(run=run)
    shown.wait(60)
    assert shown.error == "" and shown.found.names == ("before", "after")
    frame = shown.found.frame.set_index("stage")
    # what was frozen is what it was
    assert frame.loc["stem", "similarity"] == pytest.approx(1) and frame.loc["stem", "drift"] == pytest.approx(0)
    assert frame.loc["layer4", "drift"] > 1e-4


def test_without_nets_it_says_what_to_do_and_refusals_are_told(pair, toy):
    shown = SimilarityMap()
    assert "choose a run" in shown.notice.text
    with pytest.raises(Unavailable, match="nothing is compared yet"):
        shown.figure()
    with pytest.raises(BadValue, match="wanted is a net"):
        SimilarityMap({"a": 3}, toy)
    few = SimilarityMap(pair, toy.part(rows=[0]), split=None)
    few.wait(60)
    assert "4 are the least" in few.error and few.notice.text == ""
