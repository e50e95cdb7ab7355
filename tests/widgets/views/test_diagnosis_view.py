"""The view of a diagnosis: begun, watched, stopped, read, and put to use."""

from __future__ import annotations

import dataclasses
import time

import pytest

import workbench as wb
from workbench.errors import Unavailable
from workbench.widgets import DiagnosisView
from workbench.widgets.launcher import Launcher
from workbench.widgets.tabs import WorkbenchState
from workbench.widgets.tabs.diagnosis import DiagnosisTab
from workbench.widgets.views.diagnosis_view import NO_SUBJECT, QUICK


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
    assert (
        "There is" in shown(view)
        and "<details" in shown(view)
        and "&lt;b&gt;x" in view.parts["negative_transfer"].value
    )
    assert view.parts["negative_transfer"].value.count("<img") == 3 * min(8, len(found.negative_transfer_set))
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
    ahead = [name for name in found.controls.better_controls if name != "random features"]
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
            told.append(
                (view.notice.text, view.progress_bar.value, view.diagnose_button.disabled, view.stop_button.disabled)
            )
            if step == 3:
                view.stop_button.click()
            time.sleep(0.05)
        raise AssertionError("it was not stopped")

    view = DiagnosisView(found.plan, seeds=1)
    monkeypatch.setattr("workbench.diagnosis.diagnosing.diagnose", slow)
    view.minutes.value = 0.5
    view.diagnose_button.click()
    view.wait(120)
    text, _, going, halting = told[0]
    assert text.startswith("What if not: <b>the rate</b>? seed 0 · ") and text.endswith(" left at most")
    assert going and not halting and view.diagnosis is found and shown(view)
    assert not view.diagnose_button.disabled and view.stop_button.disabled


def test_a_quick_look_for_real(found, tmp_path, monkeypatch):
    view = DiagnosisView({"the plan": found.plan, "another": found.plan.replace(seed=1)})
    assert list(view.subject_chooser.options) == [("the plan", found.plan), ("another", found.plan.replace(seed=1))]
    view.depth.value = QUICK
    assert view.minutes.disabled
    view.start_diagnosis()
    view.wait(120)
    assert view.error == "" and view.diagnosis.answer == "not asked" and "rate" in shown(view)
    view.report_path.value = str(tmp_path / "out.html")
    view.save_button.click()
    view.wait(60)
    assert "Saved" in view.notice.text and (tmp_path / "out.html").exists()
    view.report_path.value = str(tmp_path / "nowhere" / "out.html")
    view.save_button.click()
    view.wait(60)
    assert "cannot be written" in view.error


def test_what_goes_wrong_is_said_and_it_can_begin_again(found):
    view = DiagnosisView("wb/residual-all")
    view.start_diagnosis()
    view.wait(60)
    assert "expected images with a backbone" in view.error and not view.diagnose_button.disabled
    empty = DiagnosisView()
    assert empty.notice.text == NO_SUBJECT
    empty.start_diagnosis()
    assert empty.error == NO_SUBJECT
    with pytest.raises(Unavailable, match="press Diagnose"):
        empty.figures()


def test_the_tab_offers_the_plan_and_fills_the_launcher_with_the_remedy(found):
    launcher = Launcher(plan=found.plan)
    bench = WorkbenchState(launcher=launcher)
    tab = DiagnosisTab(bench)
    tab.open()
    assert "No plan yet" in tab.notice.text
    bench.plan = launcher.plan
    tab.open()
    assert list(tab.view.subjects) == ["current plan"] and tab.notice.text == ""
    tab.view.diagnosis = found
    tab.view.wait(120)
    remedy = found.findings[0].remedy
    tab.view.apply_remedy(0)
    assert launcher.plan == remedy and launcher.settings.value["lr"] == remedy.schedule.lr
    assert "Launch trains it" in tab.view.notice.text


def test_a_launcher_takes_a_whole_plan(toy):
    launcher = Launcher(images=toy, backbone="resnet18")
    strategy = wb.strategy("fine-tune", smoothing=0.1)
    plan = wb.Plan("test_resnet", toy, "last-k", strategy, epochs=7, lr=0.01, optimizer="sgd", seed=3)
    launcher.set_plan(plan)
    assert launcher.plan == plan and launcher.images is toy and launcher.settings.problem == ""
