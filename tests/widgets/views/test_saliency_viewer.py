"""Where a net looks, as a widget: choosers, mistakes first, nets compared, what goes wrong."""

from __future__ import annotations

import pytest

import workbench as wb
from tests.widgets.conftest import settled
from workbench.errors import BadValue, Unavailable
from workbench.widgets import SaliencyViewer
from workbench.widgets.components.html_charts import render_figure


@pytest.fixture
def nets(tiny):
    kinds = ["left", "middle", "right"]
    return {"before": tiny("test_resnet", kinds, 64), "<b>after</b>": tiny("test_resnet", kinds, 64, seed=1)}


def test_maps_are_drawn_and_every_chooser_asks_again(nets, toy):
    view = settled(SaliencyViewer(nets["before"], toy, split=None))
    assert view.error == "" and len(view.result) == 12 and view.result.method == "grad-cam"
    assert view.body.value == render_figure(view.figure()) and view.body.value.count("<image") == 2 * 12 + 1
    view.method.value = "layer-cam"
    settled(view)
    view.layer.value = "stem"
    settled(view)
    view.target.value = "right"
    settled(view)
    assert (view.result.method, view.result.layer) == ("layer-cam", "stem")
    assert set(view.result.frame["target"]) == {"right"}
    assert view.target.options[0] == ("predicted", "")  # None would leave the page's chooser empty
    before = list(view.rows)
    view.resample_button.click()
    assert settled(view).rows != before
    assert "Saliency of 12 images" in view.figure().texts[0].get_text()


def test_the_surest_mistakes_come_first(nets, toy):
    view = settled(SaliencyViewer(nets["before"], toy, split=None))
    view.order.value = "most confident mistakes"
    frame = settled(view).result.frame
    assert (frame["true"] != frame["predicted"]).all() and frame["confidence"].is_monotonic_decreasing


def test_nets_are_compared_and_names_are_text(nets, toy):
    view = settled(SaliencyViewer(nets, toy, split=None))
    assert view.net.value == "<b>after</b>"
    view.method.value = "eigen-cam"
    view.net.value = "all, compared"
    found = settled(view).result
    assert list(found.saliencies) == list(nets) and view.body.value == render_figure(view.figure())
    assert "&lt;b&gt;after" in view.body.value and "<b>after" not in view.body.value
    assert "agree" in view.figure().texts[0].get_text()


def test_a_comparison_of_nets_tells_how_far_it_is_and_can_be_stopped(nets, toy):
    view = settled(SaliencyViewer(nets, toy, split=None))
    assert view.stop_button.disabled and view.stop_button.tooltip == "no work is under way"
    told = []
    view.notice.observe(lambda change: told.append((change.new, view.stop_button.disabled)), "text")
    view.body.observe(lambda _: view.stop_button.click(), "value")  # as soon as there is something
    view.net.value = "all, compared"
    found = settled(view).result
    assert len(found.frame) == 4 and len(view.rows) == 12 and list(found.saliencies) == list(nets)
    assert view.stop_button.disabled and not all(at_rest for _, at_rest in told)
    view.body.unobserve_all("value")
    view.update()
    assert len(settled(view).result.frame) == 12
    assert any(text.startswith("4 of 12 images") for text, _ in told)


def test_a_verdict_on_the_maps(nets, toy):
    view = settled(SaliencyViewer(nets["before"], toy, split=None))
    view.faithfulness_button.click()
    assert "at random" in settled(view).verdict.value and view.notice.text == ""


def test_a_run_before_and_after(tiny_plan, toy):
    run = wb.fit(tiny_plan(toy, name="test_resnet", epochs=1, tuning="last-k"), progress=False)
    view = settled(SaliencyViewer(run=run))
    assert view.error == "" and view.net.options == ("before", "after", "all, compared") and len(view.result)


def test_without_a_net_it_says_what_to_do_and_refusals_are_told(nets, toy):
    view = SaliencyViewer()
    assert "choose a run" in view.notice.text
    with pytest.raises(Unavailable, match="nothing is shown yet"):
        view.figure()
    with pytest.raises(BadValue, match="expected a net"):
        SaliencyViewer({"a": 3}, toy)
    view = settled(SaliencyViewer(nets["before"], toy, split=None))
    view.method.value = "attention-rollout"
    assert "use grad-cam" in settled(view).error


def test_the_inside_tab_opens_with_the_backbone_and_images_of_the_moment(nets, toy):
    shown = wb.Workbench()
    tab = shown.tabs["inside"]
    tab.open()
    assert "Nothing to inspect yet" in tab.notice.text
    shown.state.images, shown.state.backbone = toy, nets["before"]
    tab.open()
    tab.wait(60)
    (view,) = tab.view_box.children
    assert isinstance(view, SaliencyViewer) and len(settled(view).result) == 12
    tab.question.value = "What moved?"
    tab.wait(60)
    assert type(tab.view_box.children[0]).__name__ == "SimilarityMap"
    tab.question.value = "Where does it look?"
    assert tab.view_box.children == (view,)
