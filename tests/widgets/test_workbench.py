"""The whole workbench: shared state, tabs, and what leads a person on."""

from __future__ import annotations

import pytest

from workbench.data.image_loading import load_images
from workbench.plan import Choice, Plan
from workbench.widgets.tabs import Tab, WorkbenchState, tabs
from workbench.widgets.workbench import Workbench, describe_images


@pytest.fixture(scope="module")
def digits():
    return load_images("digits")


def test_the_tabs_stand_in_order_with_their_titles():
    shown = Workbench()
    assert list(shown.panes.titles)[:5] == ["Data", "Backbone", "Layers", "Train", "Results"]
    assert list(shown.tabs)[:5] == ["data", "backbone", "layers", "train", "results"]


def test_a_class_of_its_own_adds_a_tab(monkeypatch):
    class Extra(Tab):
        name, title, order = "extra", "Extra", 35

        def build(self):
            return []

    known = {**tabs.classes(), "extra": Extra}
    monkeypatch.setattr(tabs, "classes", lambda: known)
    assert list(Workbench().tabs)[:6] == ["data", "backbone", "layers", "extra", "train", "results"]


def test_the_header_says_what_is_loaded_and_where_it_runs(digits):
    shown = Workbench(digits)
    assert "digits" in shown.header.value
    assert "10 classes" in shown.header.value
    assert "no images yet" in Workbench().header.value
    assert describe_images(digits).startswith("digits · ")


def test_what_is_chosen_anywhere_is_shared(digits):
    shown = Workbench(digits)
    assert shown.plan is None
    shown.state.backbone = Choice("resnet18")
    shown.tuning = Choice("full")
    assert shown.plan == Plan("resnet18", digits, "full")
    assert shown.launcher.plan_bar.code == shown.plan.to_code()
    shown.launcher.run = None
    assert shown.run is None


def test_every_tab_opens_without_anything_chosen_and_says_what_to_do():
    shown = Workbench()
    for tab in shown.tabs.values():
        shown.show_tab(tab.title)
        tab.wait(60)
        assert tab.is_built
        assert tab.notice.error == ""
    assert "Type a folder" in shown.tabs["data"].notice.text
    assert "Choose one in Backbone" in shown.tabs["layers"].notice.text


def test_the_data_tab_counts_and_shows(digits, until):
    tab = Workbench(digits).tabs["data"]
    assert "digits: 1,797 images, 10 classes" in tab.counts_html.value
    assert until(lambda: tab.thumbnails_html.value.count("<figure>") == 20)
    assert until(lambda: "can be read" in tab.problems_html.value)
    tab.class_chooser.value = "7"
    assert until(lambda: tab.thumbnails_html.value.count("<figcaption>7</figcaption>") == 20)


def test_images_are_opened_from_the_data_tab(until):
    shown = Workbench()
    tab = shown.tabs["data"]
    tab.path_field.value = "digits"
    tab._open_images()
    assert until(lambda: "1,797 images" in tab.counts_html.value)
    assert shown.images is not None
    tab.path_field.value = "/nowhere/at/all"
    tab._open_images()
    assert until(lambda: "/nowhere/at/all" in tab.notice.error)


def test_painter_and_settings_keep_the_same_epochs_and_rate(digits, until):
    shown = Workbench(digits, backbone=Choice("resnet10t", {"pretrained": False}))
    shown.show_tab("Layers")
    painter = shown.tabs["layers"].painter
    painter.epochs = 7
    assert shown.plan.schedule.epochs == 7
    schedule = shown.launcher.settings.schedule
    schedule.rows["lr"].control.value = "0.02"
    assert painter.lr == 0.02
    painter.tuning = Choice("full")
    assert shown.plan.tuning == Choice("full")
    painter._load_task.wait(60)
    painter._estimate_task.wait(60)


def test_a_backbone_typed_is_taken_and_an_unknown_one_refused():
    shown = Workbench()
    shown.show_tab("Backbone")
    tab = shown.tabs["backbone"]
    tab.wait(60)
    tab.name_field.value = "no-such-backbone"
    tab._use_typed_name()
    assert "no-such-backbone" in tab.notice.error
    assert shown.backbone is None
    tab.name_field.value = "resnet18"
    tab._use_typed_name()
    assert shown.backbone == Choice("resnet18")
    assert tab.notice.error == ""
    assert "Chosen: resnet18" in tab.notice.text


def test_a_launched_run_brings_the_train_tab_into_view(run, monkeypatch):
    shown = Workbench()
    shown.launcher.run = run
    assert shown.panes.titles[shown.panes.selected_index] == "Train"
    assert shown.run is run


def test_a_bench_holds_nothing_to_begin_with():
    bench = WorkbenchState()
    assert (bench.images, bench.backbone, bench.plan, bench.run) == (None, None, None, None)


def test_a_tab_asked_for_comes_into_view():
    shown = Workbench()
    shown.state.requested_tab = "Results"
    assert shown.panes.titles[shown.panes.selected_index] == "Results"
    shown.state.requested_tab = "No such tab"
    assert shown.panes.titles[shown.panes.selected_index] == "Results"
