"""Diagnosis as a whole: a planted fault is named and undone, bad input gets an honest answer, a saved one opens."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.diagnosis import diagnosing
from workbench.diagnosis.causes import Evidence, causes
from workbench.diagnosis.diagnosing import _run_cause_experiment
from workbench.diagnosis.evidence.context import DiagnosisContext
from workbench.diagnosis.evidence.stage_domain_gaps import measure_stage_domain_gaps
from workbench.diagnosis.experiments import stage_transplants
from workbench.diagnosis.experiments.accuracy_gaps import AccuracyGap
from workbench.diagnosis.experiments.control_plans import YOURS
from workbench.diagnosis.experiments.experiment_budget import BudgetedExperiments
from workbench.diagnosis.experiments.plan_outcomes import ExperimentRunner
from workbench.diagnosis.findings import ANSWERS, Finding, Trial
from workbench.diagnosis.report import conclusions
from workbench.diagnosis.report.confidence import (
    MAX_ODDS,
    MAX_REFUTED_CONFIDENCE,
    MAX_UNTESTED_CONFIDENCE,
    bayes_factor,
    compute_confidence,
    explain_away,
)
from workbench.errors import BadData, BadValue, RunFailed, Unavailable, UnknownName
from workbench.loop.training import Training

SHAPES = ("square", "triangle", "moon", "gear")
QUICK = {"batch_size": 16, "augment": "none", "precision": "fp32", "threads": 1}
TRANSPLANTS = "workbench.diagnosis.diagnosing.stage_transplants.run_transplants"
FEW = {"progress": False, "seeds": 1, "minutes": 2}


def gain(value, error=0.03):
    reach = 1.96 * error
    return AccuracyGap(value, value - reach, value + reach, 0.95, 0.5, 100, (1, 1))


def test_the_rule_of_confidence():
    # by hand: N(0.1; 0.1, 0.08² + 0.03²) against N(0.1; 0, 0.02² + 0.03²)
    spread = np.hypot(0.08, 0.03), np.hypot(0.02, 0.03)
    by_hand = (1 / spread[0]) / (np.exp(-0.5 * (0.1 / spread[1]) ** 2) / spread[1])
    assert np.isclose(bayes_factor(gain(0.1)), by_hand, rtol=1e-3)
    assert np.isclose(compute_confidence(0.5, gain(0.1), True), by_hand / (1 + by_hand), rtol=1e-3)
    assert np.isclose(bayes_factor(gain(0.5)), MAX_ODDS) and np.isclose(
        bayes_factor(gain(-0.3)), bayes_factor(gain(0.0))
    )
    assert bayes_factor(gain(0.0)) < 0.25
    # what was not tried stays open, and what cannot be tried is as sure as what was seen
    assert (
        compute_confidence(0.95, None, True) == MAX_UNTESTED_CONFIDENCE
        and compute_confidence(0.95, None, False) == 0.95
    )
    assert (
        compute_confidence(0.99, gain(0.0), True)
        == MAX_REFUTED_CONFIDENCE
        < 0.9
        < compute_confidence(0.9, gain(0.2), True)
    )
    assert explain_away(0.8, [0.5, 0.25]) == 0.8 * 0.5 * 0.75


@pytest.fixture
def quickly(tiny, toy_arrays):
    """Return a function that makes a plan of a second on toy images, with a net that holds its weights."""

    def make(images=None, n=120, **changes):
        data = wb.load_images(toy_arrays(n=n), valid=0.4) if images is None else images
        return wb.Plan(tiny(classes=data.classes), data, **{"tuning": "full", **QUICK, "epochs": 2, **changes})

    return make


def test_a_rate_too_high_is_named_undone_and_kept(diagnosed, tmp_path, monkeypatch):
    found, place = diagnosed
    monkeypatch.setenv("WORKBENCH_HOME", str(place))
    first = found.findings[0]
    assert first.cause == "rate-too-high" and first.trial.status == "confirmed" and first.confidence > 0.8
    assert found.remedy == first.trial.plan and found.remedy.schedule.lr == 1e-3
    assert found.gain.low > 0.1 and found.controls.accuracy_gap().value < -0.2
    course = first.frames["loss on validation images"]
    assert list(course) == ["epoch", "your plan", "fixed"] and len(course) > 1
    assert course["fixed"].iloc[-1] < course["your plan"].iloc[-1]
    assert "rate" in found.verdict and first.problem in " ".join(str(found).split())
    assert all(len(line) <= 100 for line in str(found).splitlines())
    assert set(found.cause_table["cause"]) == set(causes) and found.n_trainings >= 4

    again = wb.Diagnosis.open(found.save(tmp_path / "kept"))
    assert str(again) == str(found) and again.findings[0].trial.gain == first.trial.gain
    assert again.remedy.schedule == found.remedy.schedule and again.controls.verdict == found.controls.verdict
    assert again.negative_transfer_set.equals(found.negative_transfer_set) and again.stages.round(9).equals(
        found.stages.round(9)
    )

    monkeypatch.setattr(diagnosing, "MAX_CAUSES", 1)
    monkeypatch.setattr(stage_transplants, "MAX_CUTS", 2)
    monkeypatch.setattr(ExperimentRunner, "_train", lambda *_: pytest.fail("trained again"))
    assert wb.diagnose(found.plan, **FEW).findings[0].trial.gain == first.trial.gain


def test_where_it_goes_wrong(diagnosed, quickly):
    found, _ = diagnosed
    rows = found.stages.set_index("stage")
    assert (rows["drift"] > 0.5).all() and rows["probe"].between(0, 1).all()
    cut = rows.iloc[[0, -1]]  # no more stages are transplanted in tests
    assert (rows["gradient"] > 0).all()
    assert cut["transplant"].between(0, 1).all() and cut["tuned"].between(0, 1).all()
    # what this net learnt from is not known
    assert rows["gap"].isna().all() and any("not measured" in note for note in found.notes)
    images = wb.load_images("world", n=60, label="shape", only={"shape": SHAPES}, valid=0.5)
    near = measure_stage_domain_gaps(DiagnosisContext(wb.Plan("wb/residual-shape", images, "head"), images))
    inverted = wb.load_images("world", n=60, label="shape", only={"shape": SHAPES}, valid=0.5, style="sketch")
    far = measure_stage_domain_gaps(DiagnosisContext(wb.Plan("wb/residual-shape", inverted, "head"), inverted))
    assert near["gap"]["stem"] + 0.4 < far["gap"]["stem"] and set(near["gap"]) == set(far["gap"])
    assert near["mmd"]["stem"] < 0.05 < far["mmd"]["stem"]


def test_a_quick_look_trains_nothing(quickly, monkeypatch):
    monkeypatch.setattr(ExperimentRunner, "_train", lambda *_: pytest.fail("trained"))
    found = wb.diagnose(quickly(lr=0.3), quick=True, progress=False)
    assert found.answer == "not asked" and found.controls is None and found.n_trainings == 0
    assert found.findings[0].cause == "rate-too-high" and found.findings[0].confidence <= MAX_UNTESTED_CONFIDENCE
    assert found.cause_table["gain"].isna().all() and ANSWERS["not asked"] in found.verdict
    assert not any("transplant" in note for note in found.notes)


def test_a_finished_run_is_not_trained_again(quickly, monkeypatch):
    done = wb.fit(quickly(lr=0.3), progress=False)
    monkeypatch.setattr(diagnosing, "MAX_CAUSES", 0)
    monkeypatch.setattr(TRANSPLANTS, lambda *_: None)
    told = []
    found = wb.diagnose(done, **{**FEW, "progress": lambda why, _: told.append(why)})
    yours = found.controls.outcomes[YOURS]
    assert [o.run for o in yours] == [done.name] and not any(why.startswith(f"{YOURS}, seed 0") for why in told)
    assert yours[0].accuracy == pytest.approx(done.evaluate(split="valid").accuracy)
    assert found.plan.schedule == done.plan.schedule and found.findings[0].cause == "rate-too-high"


def test_of_a_failed_run_the_plan_is_diagnosed(quickly, monkeypatch):
    def poisoned(self, seen, epoch, rates, real=Training._make_point):
        return real(self, [({n: v * np.nan for n, v in losses.items()}, count) for losses, count in seen], epoch, rates)

    plan = quickly(lr=0.3)
    monkeypatch.setattr(Training, "_make_point", poisoned)
    with pytest.raises(RunFailed):
        wb.fit(plan, progress=False)
    failed = wb.load_run(str(wb.search_runs()["name"].iloc[0]))
    assert failed.status.state == "failed"
    found = wb.diagnose(failed, quick=True, progress=False)
    assert any("the run failed" in note and failed.status.message in note for note in found.notes)
    assert found.findings[0].cause == "rate-too-high" and found.plan.schedule.lr == 0.3


def test_stopped_it_keeps_what_it_has(quickly, monkeypatch):
    done = []

    def run_plan(self, plan, reason, real=ExperimentRunner.run_plan):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(reason)
        return real(self, plan, reason)

    monkeypatch.setattr(ExperimentRunner, "run_plan", run_plan)
    monkeypatch.setattr(TRANSPLANTS, lambda *_: None)
    found = wb.diagnose(quickly(epochs=1), progress=False)
    assert found.n_trainings == 3 and any("stopped" in note for note in found.notes) and found.answer in ANSWERS


def test_a_training_that_fails_counts_as_knowing_nothing(quickly, monkeypatch):
    def run_plan(self, plan, reason, real=ExperimentRunner.run_plan):
        if plan.schedule.lr == 0.5:
            raise RunFailed("the loss is not finite")
        return real(self, plan, reason)

    monkeypatch.setattr(ExperimentRunner, "run_plan", run_plan)
    monkeypatch.setattr(TRANSPLANTS, lambda *_: None)
    monkeypatch.setattr(diagnosing, "MAX_CAUSES", 1)
    found = wb.diagnose(quickly(lr=0.5), **FEW)
    assert any("not finite" in note for note in found.notes)
    assert found.controls.frame.set_index("name").loc["your plan", "accuracy"] < 0.6


def test_bad_input_gets_an_honest_answer(quickly, tiny, toy_arrays, monkeypatch):
    monkeypatch.setattr(ExperimentRunner, "_train", lambda *_: pytest.fail("trained"))
    x, y = toy_arrays(n=60)
    images = wb.load_images((x, y))
    one = wb.diagnose(tiny(), images.subset(rows=images.labels() == 0), epochs=1, progress=False)
    assert one.answer == "not enough data to tell" and any("2 classes are needed" in note for note in one.notes)
    ten = wb.diagnose(quickly(wb.load_images((x[:10], y[:10]), valid=0.3)), progress=False)
    assert ten.answer == "not enough data to tell" and ten.findings[0].cause == "too-small-to-tell"
    plain = {"name": "wb/residual-shape", "params": {"pretrained": False}}
    blank = wb.diagnose(quickly(n=60).replace(backbone=plain), quick=True, progress=False)
    assert blank.answer == "nothing is transferred" and "no pretrained weights" in blank.verdict
    unsplit = wb.diagnose(quickly(wb.load_images((x, y), valid=0.0)), quick=True, progress=False)
    assert any("15 of 60 training images were held out" in note for note in unsplit.notes)
    with pytest.raises(BadValue, match="expected images with a backbone"):
        wb.diagnose("wb/residual-shape")
    with pytest.raises(BadValue, match="above 0"):
        wb.diagnose(quickly(), minutes=0)
    with pytest.raises(BadData, match="holds tasks"):
        wb.diagnose("wb/residual-shape", wb.load_images("world", n=40, label=["shape", "hue"]))
    with pytest.raises(UnknownName, match="no diagnosis is saved"):
        wb.Diagnosis.open("nowhere")


def test_classes_missing_in_a_split_are_named(quickly, toy_arrays):
    images = wb.load_images(toy_arrays(n=120), valid=0.4)
    frame = images.frame
    for split, words in (("train", "cannot be learned"), ("valid", "are not evaluated")):
        odd = (frame["label"] == "middle") & (frame["split"] == split)
        found = wb.diagnose(quickly(images.subset(rows=~odd.to_numpy())), quick=True, progress=False)
        assert any("middle" in note and words in note for note in found.notes)


def test_what_misleads_comes_first_and_a_refuted_cause_is_none(sound):
    lost = Trial(sound(), gain(-0.05))
    assert lost.status == "refuted" and Trial(sound(), gain(0.1)).status == "confirmed"
    assert Trial(sound(), gain(0.03)).status == "open"
    assert Finding("rate-too-high", "", 0.9, "").remedy is None


def test_what_no_experiment_can_refute_is_not_tried_and_one_that_cannot_be_made_is_noted(sound, monkeypatch):
    case = DiagnosisContext(sound(), wb.load_images("world", n=40, valid=0.5))
    inquiry = BudgetedExperiments(case, 0.0, lambda *_: None)
    monkeypatch.setattr(BudgetedExperiments, "run_experiment", lambda *_: pytest.fail("tried"))
    _run_cause_experiment(case, inquiry, "leaked-duplicates", causes["leaked-duplicates"](), 0)

    def fix_plan(*_):
        raise Unavailable("no such weights here")

    monkeypatch.setattr(causes["poor-source"], "fix_plan", fix_plan)
    _run_cause_experiment(case, inquiry, "poor-source", causes["poor-source"](), 0)
    assert inquiry.failures == {"the experiment on poor-source": "no such weights here"}


def test_an_experiment_does_not_refute_what_is_shown(sound, monkeypatch):
    monkeypatch.setattr(conclusions, "_build_trial", lambda *_: Trial(sound(), gain(0.0)))
    seen = {"noisy-labels": Evidence(0.9, "seen", is_observed=True), "rate-too-high": Evidence(0.9, "seen")}
    findings, considered = conclusions.draw_conclusions(
        BudgetedExperiments(DiagnosisContext(sound(), None), 0.0, lambda *_: None), seen
    )
    assert [f.cause for f in findings] == ["noisy-labels"] and findings[0].status == "does no harm"
    assert considered.set_index("cause").loc["rate-too-high", "confidence"] == MAX_REFUTED_CONFIDENCE
