"""The view of a diagnosis: begun, watched, stopped, read, and put to use."""

from __future__ import annotations

import dataclasses
import time

import pytest

import workbench as wb
from workbench.errors import Unavailable
from workbench.widgets import DiagnosisView
from workbench.widgets.diagnosis_view import NOTHING, QUICK
from workbench.widgets.launcher import Launcher
from workbench.widgets.tabs import Bench
from workbench.widgets.tabs.diagnosis import DiagnosisTab


@pytest.fixture
def found(diagnosed, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(diagnosed[1]))
    return diagnosed[0]


def shown(view):
    return view.verdict.value + "".join(card.children[0].value for card in view.cards.children)


def test_a_finished_diagnosis_is_shown_whole_with_names_as_text(found):
    view = DiagnosisView(diagnosis=found)
    view.wait(120)
    assert view.error == "" and len(view.cards.children) == len(found.findings)
    assert "There is" in shown(view) and "<details" in shown(view) and "&lt;b&gt;x" in view.parts["harmed"].value
    assert view.parts["harmed"].value.count("<img") == 3 * min(8, len(found.harmed))
    assert view.parts["controls"].value.count("<svg") == 2 and view.parts["stages"].value.count("<svg") == 2
    assert "<b>" not in "".join(part.value for part in view.parts.values()) + shown(view)
    assert set(view.figures()) == {"controls", "classes", "stages", "inside", "trials"}
    assert view.choosers.layout.display == "none", "there is nothing else to diagnose"


def test_a_remedy_becomes_the_plan_at_once(found):
    view = DiagnosisView(diagnosis=found)
    view.wait(120)
    button = view.cards.children[0].children[1]
    began = time.process_time()
    button.click()
    assert time.process_time() - began < 0.1 and view.plan == found.findings[0].remedy
    assert "Applied" in view.notice.text


def test_where_no_cause_is_named_a_control_that_is_ahead_is_offered(found):
    bare = dataclasses.replace(found, findings=())
    ahead = [name for name in found.controls.worse_than if name != "random features"]
    assert bare.gain.low > 0 and f"{ahead[0]}, which gains" in " ".join(str(bare).split())
    assert bare.remedy.tuning.name == {"from scratch": "full", "frozen features": "head"}.get(ahead[0], "lp-ft")
    view = DiagnosisView(diagnosis=bare)
    view.wait(120)
    view.cards.children[0].children[1].click()
    assert view.plan == bare.remedy
    nothing = dataclasses.replace(bare, controls=None)
    assert nothing.remedy is None and nothing.gain is None


def test_it_says_what_it_tries_and_keeps_what_there_is_when_stopped(found, monkeypatch):
    told = []

    def slow(what, images, **options):
        assert what is found.plan and options["minutes"] == 0.5 and options["seeds"] == 1
        for step in range(400):
            try:
                options["progress"]("what if not: <b>the rate</b>? seed 0", step / 100)
            except KeyboardInterrupt:
                return found
            told.append((view.notice.text, view.bar.value, view.go.disabled, view.halt.disabled))
            if step == 3:
                view.halt.click()
            time.sleep(0.05)
        raise AssertionError("it was not stopped")

    monkeypatch.setattr("workbench.diagnosis.diagnose", slow)
    view = DiagnosisView(found.plan, seeds=1)
    view.minutes.value = 0.5
    view.go.click()
    view.wait(120)
    text, _, going, halting = told[0]
    assert text.startswith("What if not: <b>the rate</b>? seed 0 · ") and text.endswith(" left at most")
    assert going and not halting and view.diagnosis is found and shown(view)
    assert not view.go.disabled and view.halt.disabled


def test_a_quick_look_for_real(found, tmp_path, monkeypatch):
    view = DiagnosisView({"the plan": found.plan, "another": found.plan.but(seed=1)})
    assert list(view.of.options) == [("the plan", found.plan), ("another", found.plan.but(seed=1))]
    view.depth.value = QUICK
    assert view.minutes.disabled
    view.begin()
    view.wait(120)
    assert view.error == "" and view.diagnosis.answer == "not asked" and "rate" in shown(view)
    view.file.value = str(tmp_path / "out.html")
    view.keep.click()
    view.wait(60)
    assert "Saved" in view.notice.text and (tmp_path / "out.html").exists()
    view.file.value = str(tmp_path / "nowhere" / "out.html")
    view.keep.click()
    view.wait(60)
    assert "cannot be written" in view.error


def test_what_goes_wrong_is_said_and_it_can_begin_again(found):
    view = DiagnosisView("wb/residual-all")
    view.begin()
    view.wait(60)
    assert "a backbone is diagnosed on images" in view.error and not view.go.disabled
    empty = DiagnosisView()
    assert empty.notice.text == NOTHING
    empty.begin()
    assert empty.error == NOTHING
    with pytest.raises(Unavailable, match="press Diagnose"):
        empty.figures()


def test_the_tab_offers_the_plan_and_fills_the_launcher_with_the_remedy(found):
    launcher = Launcher(plan=found.plan)
    bench = Bench(launcher=launcher)
    tab = DiagnosisTab(bench)
    tab.open()
    assert "No plan yet" in tab.notice.text
    bench.plan = launcher.plan
    tab.open()
    assert list(tab.view.subjects) == ["the plan as it stands"] and tab.notice.text == ""
    tab.view.diagnosis = found
    tab.view.wait(120)
    remedy = found.findings[0].remedy
    tab.view.apply(0)
    assert launcher.plan == remedy and launcher.settings.value["lr"] == remedy.schedule.lr
    assert "Launch trains it" in tab.view.notice.text


def test_a_launcher_takes_a_whole_plan(toy):
    launcher = Launcher(images=toy, backbone="resnet18")
    strategy = wb.strategy("fine-tune", smoothing=0.1)
    plan = wb.Plan("test_resnet", toy, "last-k", strategy, epochs=7, lr=0.01, optimizer="sgd", seed=3)
    launcher.take(plan)
    assert launcher.plan == plan and launcher.images is toy and launcher.settings.problem == ""
