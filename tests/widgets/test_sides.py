"""The nets that views set side by side: given ones, and a run's as it began, went on and is."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from tests.widgets.conftest import settled
from workbench.runs.carrying import Carrier
from workbench.runs.launching import create
from workbench.widgets import EmbeddingExplorer, FilterViewer, SaliencyViewer, SimilarityMap
from workbench.widgets.sides import Sides

VIEWS = [SaliencyViewer, FilterViewer, SimilarityMap, EmbeddingExplorer]


class Halted(Exception):
    """The worker died here."""


@pytest.fixture
def under_way(tiny_plan, toy):
    """A run whose worker has gone after two of four epochs, as one looks that is still going on."""
    plan = tiny_plan(toy, name="test_resnet", epochs=4, tuning="last-k", keep="last", snapshots=1)
    run = wb.run(create(plan))

    def watch(point, status):
        if point.epoch == 3 and point.split == "valid":
            raise Halted

    Carrier(run.folder, watch=watch, save_every=0).carry_out()
    assert run.status.state == "failed" and "Halted" in run.status.sentence
    return run


def test_given_nets_are_themselves(tiny):
    sides = Sides({"a": tiny(), "b": tiny(), "c": tiny()})
    assert sides.names == sides.ends == ("a", "b", "c")
    assert not sides.live and not sides.course and sides.told("c") == ""


def test_a_run_under_way_has_what_it_saved_and_says_which_epoch(under_way):
    sides = Sides(None, under_way)
    assert sides.names == ("before", "epoch 1", "epoch 2", "epoch 3", "now")
    assert sides.ends == ("before", "now") and sides.live
    assert sides.told("now") == "The run is failed: now is its net of epoch 3 of 4."
    assert sides.told("before", "epoch 2") == ""
    before, then = sides["before"].state_dict(), sides["epoch 2"].state_dict()
    assert not torch.equal(before["head.weight"], then["head.weight"])
    assert torch.equal(before["backbone.conv1.0.weight"], then["backbone.conv1.0.weight"])


def test_a_run_that_is_done_ends_with_after(under_way):
    Carrier(under_way.folder).carry_out()
    sides = Sides(None, under_way)
    assert sides.names[-2:] == ("epoch 4", "after") and not sides.live
    assert sides.told("after") == "after is the net of epoch 4 of 4."


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_a_run_under_way_and_what_came_since(view, under_way):
    shown = settled(view(run=under_way))
    assert shown.error == ""
    text = shown.note if view is EmbeddingExplorer else shown.notice.text
    assert "now is its net of epoch 3 of 4" in text
    Carrier(under_way.folder).carry_out()
    if view is EmbeddingExplorer:
        assert shown.live and shown.net == "now"
        shown._told(None, {"kind": "refresh"}, None)
        assert settled(shown).net == "after" and not shown.live and "epoch 4 of 4" in shown.note
        return
    assert shown.newest.layout.display == ""
    shown.newest.click()
    assert "after is the net of epoch 4 of 4" in settled(shown).notice.text
    assert shown.error == "" and shown.newest.layout.display == "none"


def test_the_inside_tab_looks_into_a_run_under_way(under_way):
    bench = wb.Workbench()
    tab = bench.tabs["inside"]
    bench.bench.run = under_way
    tab.open()
    tab.wait(60)
    (view,) = tab.place.children
    assert "now is its net of epoch 3 of 4" in settled(view).notice.text
    bench.bench.run = wb.run(create(under_way.plan.but(data="digits")))
    tab.opened()
    assert "a run that has saved weights" in tab.notice.text


def test_a_run_that_has_saved_nothing_shows_how_it_begins(tiny_plan, toy):
    run = wb.run(create(tiny_plan(toy, name="test_resnet")))
    assert Sides(None, run).names == ("before",)
    shown = settled(FilterViewer(run=run))
    assert shown.error == "" and shown.found is not None
