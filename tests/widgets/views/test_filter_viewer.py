"""What a net looks for, as a widget: every view, the climb stopped, what goes wrong."""

from __future__ import annotations

import html

import pytest
import torch

import workbench as wb
from tests.widgets.conftest import without_error as settled
from workbench.errors import BadValue, Unavailable
from workbench.widgets import FilterViewer
from workbench.widgets.components.html_charts import render_figure
from workbench.widgets.views.filter_viewer import CROPS, DRIFT, FILTERS, MAPS, VISUALIZED


@pytest.fixture
def nets(tiny):
    before, after = tiny("test_resnet", size=64), tiny("test_resnet", size=64)
    with torch.no_grad():
        for p in after.backbone.layer3.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(0)))
    return {"before": before, "<b>after</b>": after}


def test_every_view_of_two_nets(nets, toy):
    view = settled(FilterViewer(nets, toy, split=None))
    assert "filters of stem, by hue" in view.body.value and view.result.stage == "stem"
    assert view.channel.layout.display == "none" != view.order.layout.display
    assert "by hue" in view.figure().texts[0].get_text()
    view.stage.value = "layer2"
    settled(view)
    assert view.result.stage == "layer2" and view.channel.max == 47
    view.view.value = MAPS
    assert "of 48 channels of layer2 with the largest variance" in settled(view).body.value
    assert view.figure().axes and view.image.max == len(toy) - 1
    view.view.value, view.channel.value = CROPS, 7
    found = settled(view).result
    assert list(found) == list(nets) and found["before"].channel == 7 and "channel 7" in view.body.value
    view.view.value = DRIFT
    assert "Filters of layer3 changed most" in settled(view).body.value
    assert "&lt;b&gt;after" in view.body.value and "<b>after" not in view.body.value
    assert "layer3" in view.figure().layout.title.text and render_figure(view.figure()) in view.body.value


def test_the_climb_can_be_stopped(nets, toy, monkeypatch):
    view = settled(FilterViewer(nets["before"], toy, split=None))
    monkeypatch.setattr("workbench.widgets.views.filter_viewer.DRAW_EVERY", 1)
    view.body.observe(lambda change: view.stop_button.click() if "so far" in change.new else None, "value")
    view.view.value = VISUALIZED
    settled(view)
    assert not view.result.is_complete and "stopped after" in view.body.value and len(view.result.history) < 128
    assert view.figure().texts[0].get_text().startswith("Feature visualization of stem, channel 0")


def test_without_images_the_filters_are_there_and_the_rest_says_what_it_wants(nets):
    view = settled(FilterViewer(nets["before"]))
    assert view.view.options == (FILTERS, MAPS, CROPS, VISUALIZED) and view.result is not None
    view.view.value = MAPS
    view.wait(60)
    assert view.error == "this view needs images; pass images=…"


def test_without_a_net_it_says_what_to_do():
    view = FilterViewer()
    assert "choose a run" in view.notice.text
    with pytest.raises(Unavailable, match="nothing is shown yet"):
        view.figure()
    with pytest.raises(BadValue, match="expected a net"):
        FilterViewer({"a": 3})


def test_it_stands_inside_the_workbench(nets, toy):
    shown = wb.Workbench()
    shown.state.images, shown.state.backbone = toy, nets["before"]
    tab = shown.tabs["inside"]
    tab.open()
    tab.wait(60)
    tab.question.value = "What does it look for?"
    tab.wait(60)
    assert isinstance(tab.view_box.children[0], FilterViewer) and settled(tab.view_box.children[0]).result is not None


def test_two_nets_stand_side_by_side_in_every_view(nets, toy):
    view = settled(FilterViewer(nets, toy, split=None))
    for show in (FILTERS, MAPS, VISUALIZED):
        view.view.value = show
        settled(view)
        assert render_figure(view.figure()) in view.body.value, show
        assert all(f'<p class="wb-quiet">{html.escape(name)}</p>' in view.body.value for name in nets), show


def test_a_net_of_another_architecture_is_left_out(nets, tiny, toy):
    view = settled(FilterViewer({"other": tiny("test_efficientnet", size=64), **nets}, toy, split=None))
    assert "wb-beside" not in view.body.value and view.body.value
