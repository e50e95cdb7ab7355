"""From settings to a run."""

from __future__ import annotations

import threading
import time

import pytest

from workbench.errors import BadData
from workbench.plan import Plan
from workbench.widgets import launcher as module
from workbench.widgets.launcher import Launcher
from workbench.widgets.plan_bar import PlanBar


@pytest.fixture
def launched(run, monkeypatch):
    """Launching waits until the test lets it go, and gives the staged run."""
    go, plans = threading.Event(), []

    def launch(plan):
        plans.append(plan)
        assert go.wait(10)
        return run

    monkeypatch.setattr(module, "launch", launch)
    return go, plans


def test_the_plan_is_what_was_chosen():
    shown = Launcher(images="digits", backbone="resnet18", tuning="gradual")
    assert shown.plan == Plan("resnet18", "digits", "gradual")
    shown.settings.schedule.rows["epochs"].control.value = "9"
    shown.tuning = "full"
    assert shown.plan == Plan("resnet18", "digits", "full", epochs=9)
    assert shown.plan_bar.code == shown.plan.to_code()
    assert shown.plan_bar.words == "Plan: fine-tune of resnet18 on digits, full, 9 epochs, seed 0"


def test_a_plan_given_comes_back_unchanged():
    plan = Plan("resnet18", "digits", "head", epochs=3, lr=0.1, seed=4, warmup=0.0)
    assert Launcher(plan).plan == plan


def test_what_is_missing_is_the_reason_that_launch_is_off():
    shown = Launcher()
    assert shown.plan is None
    assert shown.plan_bar.reason == "choose images first"
    shown.images = "digits"
    assert shown.plan_bar.reason == "choose a backbone first"
    shown.backbone = "resnet18"
    assert shown.plan_bar.reason == ""
    shown.settings.schedule.rows["epochs"].control.value = "-1"
    assert "between 1 and 10000" in shown.plan_bar.reason
    assert shown.plan is None


def test_launch_answers_at_once_and_shows_the_run_when_it_is_there(run, launched, until):
    go, plans = launched
    shown = Launcher(images="digits", backbone="resnet18")
    began = time.perf_counter()
    shown.plan_bar.handle_message({"do": "launch"})
    assert time.perf_counter() - began < 0.1
    assert shown.plan_bar.busy
    shown.plan_bar.handle_message({"do": "launch"})
    go.set()
    assert until(lambda: not shown.plan_bar.busy)
    assert shown.run is run
    assert shown.curves.run is run
    assert shown.run_state.about["name"] == run.name
    assert plans == [shown.plan]


def test_a_refused_launch_is_told_and_can_be_tried_again(monkeypatch, until):
    def refuse(plan):
        raise BadData("the folder is empty")

    monkeypatch.setattr(module, "launch", refuse)
    shown = Launcher(images="digits", backbone="resnet18")
    shown.launch()
    assert until(lambda: not shown.plan_bar.busy)
    assert shown.notice.error == "the folder is empty"
    assert shown.run is None
    assert shown.plan_bar.reason == ""


def test_a_click_on_a_run_that_is_gone_is_told():
    shown = Launcher()
    shown.run_list.chosen = "never-was"
    assert "never-was" in shown.notice.error


def test_the_bar_launches_only_when_nothing_speaks_against_it():
    calls = []
    bar = PlanBar(lambda: calls.append(1))
    bar.reason = "choose images first"
    bar.handle_message({"do": "launch"})
    bar.reason, bar.busy = "", True
    bar.handle_message({"do": "launch"})
    assert calls == []
    bar.busy = False
    bar.handle_message({"do": "launch"})
    assert calls == [1]


def test_a_painted_plan_is_said_in_one_line():
    plan = Plan("/zoo/net", "/data/pets", {"name": "grid", "params": {"rows": {"head": [1.0] * 50}}}, epochs=1)
    assert plan.summary == "fine-tune of net on pets, custom learning-rate grid, 1 epoch, seed 0"
