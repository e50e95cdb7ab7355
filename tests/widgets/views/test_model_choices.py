"""The nets that views set side by side: given ones, and a run's as it began, went on and is."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from tests.widgets.conftest import settled
from workbench.runs.processes.launching import create_run_folder
from workbench.runs.processes.runner import Runner
from workbench.widgets import EmbeddingExplorer, FilterViewer, SaliencyViewer, SimilarityMap
from workbench.widgets.views.model_choices import ModelChoices

VIEWS = [SaliencyViewer, FilterViewer, SimilarityMap, EmbeddingExplorer]


class Halted(Exception):
    """The worker died here."""


@pytest.fixture
def under_way(tiny_plan, toy):
    """A run whose worker has gone after two of four epochs, as one looks that is still going on."""
    plan = tiny_plan(toy, name="test_resnet", epochs=4, tuning="last-k", select="last", snapshots=1)
    run = wb.load_run(create_run_folder(plan))

    def watch(point, status):
        if point.epoch == 3 and point.split == "valid":
            raise Halted

    Runner(run.folder, callback=watch, save_interval=0).run()
    assert run.status.state == "failed" and "Halted" in run.status.message
    return run


def test_given_nets_are_themselves(tiny):
    sides = ModelChoices({"a": tiny(), "b": tiny(), "c": tiny()})
    assert sides.names == sides.compared_names == ("a", "b", "c")
    assert not sides.is_running and not sides.is_single_run and sides.describe_epoch("c") == ""


def test_a_run_under_way_has_what_it_saved_and_says_which_epoch(under_way):
    sides = ModelChoices(None, under_way)
    assert sides.names == ("before", "epoch 1", "epoch 2", "epoch 3", "now")
    assert sides.compared_names == ("before", "now") and sides.is_running
    assert sides.describe_epoch("now") == "The run is failed: now is its net of epoch 3 of 4."
    assert sides.describe_epoch("before", "epoch 2") == ""
    before, then = sides["before"].state_dict(), sides["epoch 2"].state_dict()
    assert not torch.equal(before["head.weight"], then["head.weight"])
    assert torch.equal(before["backbone.conv1.0.weight"], then["backbone.conv1.0.weight"])


def test_a_run_that_is_done_ends_with_after(under_way):
    Runner(under_way.folder).run()
    sides = ModelChoices(None, under_way)
    assert sides.names[-2:] == ("epoch 4", "after") and not sides.is_running
    assert sides.describe_epoch("after") == "after is the net of epoch 4 of 4."


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_a_run_under_way_and_what_came_since(view, under_way):
    shown = settled(view(run=under_way))
    assert shown.error == ""
    text = shown.note if view is EmbeddingExplorer else shown.notice.text
    assert "now is its net of epoch 3 of 4" in text
    Runner(under_way.folder).run()
    if view is EmbeddingExplorer:
        assert shown.live and shown.net == "now"
        shown._handle_message(None, {"kind": "refresh"}, None)
        assert settled(shown).net == "after" and not shown.live and "epoch 4 of 4" in shown.note
        return
    assert shown.newest_button.layout.display == ""
    shown.newest_button.click()
    assert "after is the net of epoch 4 of 4" in settled(shown).notice.text
    assert shown.error == "" and shown.newest_button.layout.display == "none"


def test_the_inside_tab_looks_into_a_run_under_way(under_way):
    bench = wb.Workbench()
    tab = bench.tabs["inside"]
    bench.state.run = under_way
    tab.open()
    tab.wait(60)
    (view,) = tab.view_box.children
    assert "now is its net of epoch 3 of 4" in settled(view).notice.text
    bench.state.run = wb.load_run(create_run_folder(under_way.plan.replace(data="digits")))
    tab.refresh()
    assert "a run that has saved weights" in tab.notice.text


def test_a_run_that_has_saved_nothing_shows_how_it_begins(tiny_plan, toy):
    run = wb.load_run(create_run_folder(tiny_plan(toy, name="test_resnet")))
    assert ModelChoices(None, run).names == ("before",)
    shown = settled(FilterViewer(run=run))
    assert shown.error == "" and shown.result is not None
