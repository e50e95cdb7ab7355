"""Diagnosis as a whole: a planted fault is named and undone, bad input gets an honest answer, what is kept opens."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.diagnosis import concluding, diagnosing, stage_transplants
from workbench.diagnosis.case import Case
from workbench.diagnosis.causes import Evidence, causes
from workbench.diagnosis.control_plans import YOURS
from workbench.diagnosis.diagnosing import _try
from workbench.diagnosis.experiments import Experiments
from workbench.diagnosis.findings import ANSWERS, Finding, Trial
from workbench.diagnosis.gaps import Gap
from workbench.diagnosis.inquiry import Inquiry
from workbench.diagnosis.stage_gaps import stage_gaps
from workbench.diagnosis.weighing import LIMIT, REFUTED, UNTRIED, evidence_of, weighed, yielding
from workbench.errors import BadData, BadValue, RunFailed, Unavailable, UnknownName
from workbench.loop import Training

SHAPES = ("square", "triangle", "moon", "gear")
QUICK = {"batch_size": 16, "augment": "none", "precision": "fp32", "threads": 1}
TRANSPLANTS = "workbench.diagnosis.diagnosing.transplants.carry_out"
FEW = {"progress": False, "seeds": 1, "minutes": 2}


def gain(value, error=0.03):
    reach = 1.96 * error
    return Gap(value, value - reach, value + reach, 0.95, 0.5, 100, (1, 1))


def test_the_rule_of_confidence():
    # by hand: N(0.1; 0.1, 0.08² + 0.03²) against N(0.1; 0, 0.02² + 0.03²)
    spread = np.hypot(0.08, 0.03), np.hypot(0.02, 0.03)
    by_hand = (1 / spread[0]) / (np.exp(-0.5 * (0.1 / spread[1]) ** 2) / spread[1])
    assert np.isclose(evidence_of(gain(0.1)), by_hand, rtol=1e-3)
    assert np.isclose(weighed(0.5, gain(0.1), True), by_hand / (1 + by_hand), rtol=1e-3)
    assert np.isclose(evidence_of(gain(0.5)), LIMIT) and np.isclose(evidence_of(gain(-0.3)), evidence_of(gain(0.0)))
    assert evidence_of(gain(0.0)) < 0.25
    # what was not tried stays open, and what cannot be tried is as sure as what was seen
    assert weighed(0.95, None, True) == UNTRIED and weighed(0.95, None, False) == 0.95
    assert weighed(0.99, gain(0.0), True) == REFUTED < 0.9 < weighed(0.9, gain(0.2), True)
    assert yielding(0.8, [0.5, 0.25]) == 0.8 * 0.5 * 0.75


@pytest.fixture
def quickly(tiny, toy_arrays):
    """A function that makes a plan of a second on toy images, with a net that holds its weights."""

    def make(images=None, n=120, **changes):
        data = wb.images(toy_arrays(n=n), valid=0.4) if images is None else images
        return wb.Plan(tiny(classes=data.classes), data, **{"tuning": "full", **QUICK, "epochs": 2, **changes})

    return make


def test_a_rate_too_high_is_named_undone_and_kept(diagnosed, tmp_path, monkeypatch):
    found, place = diagnosed
    monkeypatch.setenv("WORKBENCH_HOME", str(place))
    first = found.findings[0]
    assert first.cause == "rate-too-high" and first.trial.said == "confirmed" and first.confidence > 0.8
    assert found.remedy == first.trial.plan and found.remedy.schedule.lr == 1e-3
    assert found.gain.low > 0.1 and found.controls.gap().value < -0.2
    course = first.drawn["loss on validation images"]
    assert list(course) == ["epoch", "your plan", "put right"] and len(course) > 1
    assert course["put right"].iloc[-1] < course["your plan"].iloc[-1]
    assert "rate" in found.verdict and first.means in " ".join(str(found).split())
    assert all(len(line) <= 100 for line in str(found).splitlines())
    assert set(found.considered["cause"]) == set(causes) and found.trainings >= 4

    again = wb.Diagnosis.open(found.save(tmp_path / "kept"))
    assert str(again) == str(found) and again.findings[0].trial.gain == first.trial.gain
    assert again.remedy.schedule == found.remedy.schedule and again.controls.verdict == found.controls.verdict
    assert again.harmed.equals(found.harmed) and again.stages.round(9).equals(found.stages.round(9))

    monkeypatch.setattr(diagnosing, "MOST", 1)
    monkeypatch.setattr(stage_transplants, "MOST", 2)
    monkeypatch.setattr(Experiments, "_train", lambda *_: pytest.fail("trained again"))
    assert wb.diagnose(found.plan, **FEW).findings[0].trial.gain == first.trial.gain


def test_where_it_goes_wrong(diagnosed, quickly):
    found, _ = diagnosed
    rows = found.stages.set_index("stage")
    assert (rows["drift"] > 0.5).all() and rows["probe"].between(0, 1).all()
    cut = rows.iloc[[0, -1]]  # no more stages are transplanted in tests
    assert (rows["gradient"] > 0).all()
    assert cut["transplant"].between(0, 1).all() and cut["tuned"].between(0, 1).all()
    # what this net learnt from is not known
    assert rows["gap"].isna().all() and any("learnt from" in note for note in found.notes)
    images = wb.images("world", n=60, label="shape", only={"shape": SHAPES}, valid=0.5)
    near = stage_gaps(Case(wb.Plan("wb/residual-shape", images, "head"), images))
    inverted = wb.images("world", n=60, label="shape", only={"shape": SHAPES}, valid=0.5, style="sketch")
    far = stage_gaps(Case(wb.Plan("wb/residual-shape", inverted, "head"), inverted))
    assert near["gap"]["stem"] + 0.4 < far["gap"]["stem"] and set(near["gap"]) == set(far["gap"])
    assert near["mmd"]["stem"] < 0.05 < far["mmd"]["stem"]


def test_a_quick_look_trains_nothing(quickly, monkeypatch):
    monkeypatch.setattr(Experiments, "_train", lambda *_: pytest.fail("trained"))
    found = wb.diagnose(quickly(lr=0.3), quick=True, progress=False)
    assert found.answer == "not asked" and found.controls is None and found.trainings == 0
    assert found.findings[0].cause == "rate-too-high" and found.findings[0].confidence <= UNTRIED
    assert found.considered["gain"].isna().all() and ANSWERS["not asked"] in found.verdict
    assert not any("transplant" in note for note in found.notes)


def test_a_finished_run_is_not_trained_again(quickly, monkeypatch):
    done = wb.fit(quickly(lr=0.3), progress=False)
    monkeypatch.setattr(diagnosing, "MOST", 0)
    monkeypatch.setattr(TRANSPLANTS, lambda *_: None)
    told = []
    found = wb.diagnose(done, **{**FEW, "progress": lambda why, _: told.append(why)})
    yours = found.controls.outcomes[YOURS]
    assert [o.run for o in yours] == [done.name] and not any(why.startswith(f"{YOURS}, seed 0") for why in told)
    assert yours[0].accuracy == pytest.approx(done.evaluate(split="valid").accuracy)
    assert found.plan.schedule == done.plan.schedule and found.findings[0].cause == "rate-too-high"


def test_of_a_failed_run_the_plan_is_diagnosed(quickly, monkeypatch):
    def poisoned(self, seen, epoch, rates, real=Training._point):
        return real(self, [({n: v * np.nan for n, v in losses.items()}, count) for losses, count in seen], epoch, rates)

    plan = quickly(lr=0.3)
    monkeypatch.setattr(Training, "_point", poisoned)
    with pytest.raises(RunFailed):
        wb.fit(plan, progress=False)
    failed = wb.run(str(wb.runs()["name"].iloc[0]))
    assert failed.status.state == "failed"
    found = wb.diagnose(failed, quick=True, progress=False)
    assert any("the run failed" in note and failed.status.sentence in note for note in found.notes)
    assert found.findings[0].cause == "rate-too-high" and found.plan.schedule.lr == 0.3


def test_stopped_it_keeps_what_it_has(quickly, monkeypatch):
    done = []

    def outcome(self, plan, why, real=Experiments.outcome):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(why)
        return real(self, plan, why)

    monkeypatch.setattr(Experiments, "outcome", outcome)
    monkeypatch.setattr(TRANSPLANTS, lambda *_: None)
    found = wb.diagnose(quickly(epochs=1), progress=False)
    assert found.trainings == 3 and any("stopped" in note for note in found.notes) and found.answer in ANSWERS


def test_a_training_that_fails_counts_as_knowing_nothing(quickly, monkeypatch):
    def outcome(self, plan, why, real=Experiments.outcome):
        if plan.schedule.lr == 0.5:
            raise RunFailed("the loss is not finite")
        return real(self, plan, why)

    monkeypatch.setattr(Experiments, "outcome", outcome)
    monkeypatch.setattr(TRANSPLANTS, lambda *_: None)
    monkeypatch.setattr(diagnosing, "MOST", 1)
    found = wb.diagnose(quickly(lr=0.5), **FEW)
    assert any("not finite" in note for note in found.notes)
    assert found.controls.frame.set_index("name").loc["your plan", "accuracy"] < 0.6


def test_bad_input_gets_an_honest_answer(quickly, tiny, toy_arrays, monkeypatch):
    monkeypatch.setattr(Experiments, "_train", lambda *_: pytest.fail("trained"))
    x, y = toy_arrays(n=60)
    images = wb.images((x, y))
    one = wb.diagnose(tiny(), images.part(rows=images.labels() == 0), epochs=1, progress=False)
    assert one.answer == "not enough data to tell" and any("nothing to tell apart" in note for note in one.notes)
    ten = wb.diagnose(quickly(wb.images((x[:10], y[:10]), valid=0.3)), progress=False)
    assert ten.answer == "not enough data to tell" and ten.findings[0].cause == "too-small-to-tell"
    plain = {"name": "wb/residual-shape", "params": {"pretrained": False}}
    blank = wb.diagnose(quickly(n=60).but(backbone=plain), quick=True, progress=False)
    assert blank.answer == "nothing is transferred" and "no pretrained weights" in blank.verdict
    unsplit = wb.diagnose(quickly(wb.images((x, y), valid=0.0)), quick=True, progress=False)
    assert any("15 of 60 training images were held back" in note for note in unsplit.notes)
    with pytest.raises(BadValue, match="diagnosed on images"):
        wb.diagnose("wb/residual-shape")
    with pytest.raises(BadValue, match="above 0"):
        wb.diagnose(quickly(), minutes=0)
    with pytest.raises(BadData, match="holds tasks"):
        wb.diagnose("wb/residual-shape", wb.images("world", n=40, label=["shape", "hue"]))
    with pytest.raises(UnknownName, match="no diagnosis is kept"):
        wb.Diagnosis.open("nowhere")


def test_classes_missing_in_a_split_are_named(quickly, toy_arrays):
    images = wb.images(toy_arrays(n=120), valid=0.4)
    frame = images.frame
    for split, words in (("train", "cannot be learnt"), ("valid", "are not judged")):
        odd = (frame["label"] == "middle") & (frame["split"] == split)
        found = wb.diagnose(quickly(images.part(rows=~odd.to_numpy())), quick=True, progress=False)
        assert any("middle" in note and words in note for note in found.notes)


def test_what_misleads_comes_first_and_a_refuted_cause_is_none(sound):
    lost = Trial(sound(), gain(-0.05))
    assert lost.said == "refuted" and Trial(sound(), gain(0.1)).said == "confirmed"
    assert Trial(sound(), gain(0.03)).said == "open"
    assert Finding("rate-too-high", "", 0.9, "").remedy is None


def test_what_no_experiment_can_refute_is_not_tried_and_one_that_cannot_be_made_is_noted(sound, monkeypatch):
    case = Case(sound(), wb.images("world", n=40, valid=0.5))
    inquiry = Inquiry(case, 0.0, lambda *_: None)
    monkeypatch.setattr(Inquiry, "carry_out", lambda *_: pytest.fail("tried"))
    _try(case, inquiry, "leaked-duplicates", causes["leaked-duplicates"](), 0)

    def without(*_):
        raise Unavailable("no such weights here")

    monkeypatch.setattr(causes["poor-source"], "without", without)
    _try(case, inquiry, "poor-source", causes["poor-source"](), 0)
    assert inquiry.failures == {"the experiment on poor-source": "no such weights here"}


def test_an_experiment_does_not_refute_what_is_shown(sound, monkeypatch):
    monkeypatch.setattr(concluding, "_trial", lambda *_: Trial(sound(), gain(0.0)))
    seen = {"noisy-labels": Evidence(0.9, "seen", fact=True), "rate-too-high": Evidence(0.9, "seen")}
    findings, considered = concluding.concluded(Inquiry(Case(sound(), None), 0.0, lambda *_: None), seen)
    assert [f.cause for f in findings] == ["noisy-labels"] and findings[0].said == "does no harm"
    assert considered.set_index("cause").loc["rate-too-high", "confidence"] == REFUTED
