"""What a net looks for, as a widget: every view, the climb stopped, what goes wrong."""

from __future__ import annotations

import html

import pytest
import torch

import workbench as wb
from tests.widgets.conftest import without_error as settled
from workbench.errors import BadValue, Unavailable
from workbench.widgets import FilterViewer
from workbench.widgets.filter_viewer import CROPS, DRAWN, FILTERS, MAPS, MOVED


@pytest.fixture
def nets(tiny):
    before, after = tiny("test_resnet", size=64), tiny("test_resnet", size=64)
    with torch.no_grad():
        for p in after.backbone.layer3.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(0)))
    return {"before": before, "<b>after</b>": after}


def test_every_view_of_two_nets(nets, toy):
    view = settled(FilterViewer(nets, toy, split=None))
    assert "filters of stem, by hue" in view.body.value and view.found.stage == "stem"
    assert view.channel.layout.display == "none" != view.order.layout.display
    assert "by hue" in view.figure().texts[0].get_text()
    view.stage.value = "layer2"
    settled(view)
    assert view.found.stage == "layer2" and view.channel.max == 47
    view.view.value = MAPS
    assert "liveliest of 48 channels of layer2" in settled(view).body.value
    assert view.figure().axes and view.picture.max == len(toy) - 1
    view.view.value, view.channel.value = CROPS, 7
    found = settled(view).found
    assert list(found) == list(nets) and found["before"].channel == 7 and "channel 7" in view.body.value
    view.view.value = MOVED
    assert "filters of layer3 moved most" in settled(view).body.value
    assert "&lt;b&gt;after" in view.body.value and "<b>after" not in view.body.value
    assert "layer3" in view.figure().layout.title.text


def test_the_climb_can_be_stopped(nets, toy, monkeypatch):
    view = settled(FilterViewer(nets["before"], toy, split=None))
    monkeypatch.setattr("workbench.widgets.filter_viewer.OFTEN", 1)
    view.body.observe(lambda change: view.halt.click() if "so far" in change.new else None, "value")
    view.view.value = DRAWN
    settled(view)
    assert not view.found.finished and "stopped after" in view.body.value and len(view.found.history) < 128
    assert view.figure().texts[0].get_text().startswith("What stem, channel 0 answers to most")


def test_without_images_the_filters_are_there_and_the_rest_says_what_it_wants(nets):
    view = settled(FilterViewer(nets["before"]))
    assert view.view.options == (FILTERS, MAPS, CROPS, DRAWN) and view.found is not None
    view.view.value = MAPS
    view.wait(60)
    assert view.error == "this view shows images to the net: give it some"


def test_without_a_net_it_says_what_to_do():
    view = FilterViewer()
    assert "choose a run" in view.notice.text
    with pytest.raises(Unavailable, match="nothing is shown yet"):
        view.figure()
    with pytest.raises(BadValue, match="wanted is a net"):
        FilterViewer({"a": 3})


def test_it_stands_inside_the_workbench(nets, toy):
    shown = wb.Workbench()
    shown.bench.images, shown.bench.backbone = toy, nets["before"]
    tab = shown.tabs["inside"]
    tab.open()
    tab.wait(60)
    tab.question.value = "What does it look for?"
    tab.wait(60)
    assert isinstance(tab.place.children[0], FilterViewer) and settled(tab.place.children[0]).found is not None


def test_two_nets_stand_side_by_side_in_every_view(nets, toy):
    view = settled(FilterViewer(nets, toy, split=None))
    for show in (FILTERS, MAPS, DRAWN):
        view.view.value = show
        settled(view)
        assert all(f'<p class="wb-quiet">{html.escape(name)}</p>' in view.body.value for name in nets), show


def test_a_net_of_another_architecture_is_left_out(nets, tiny, toy):
    view = settled(FilterViewer({"other": tiny("test_efficientnet", size=64), **nets}, toy, split=None))
    assert "wb-beside" not in view.body.value and view.body.value
