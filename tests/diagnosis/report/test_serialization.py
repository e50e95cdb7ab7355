"""Saved diagnoses: everything is stored, and files of version 0.1 open."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.diagnosis.experiments.accuracy_gaps import AccuracyGap
from workbench.diagnosis.experiments.control_group import Controls
from workbench.diagnosis.experiments.plan_outcomes import Outcome
from workbench.diagnosis.findings import Diagnosis, Finding, Trial
from workbench.diagnosis.report.conclusions import COLUMNS
from workbench.errors import BadData

PLAN = {
    "backbone": {"name": "resnet18", "params": {}},
    "data": {"name": "digits", "params": {"source": "a"}},
    "tuning": {"name": "full", "params": {}},
    "strategy": {"name": "fine-tune", "params": {}},
    "schedule": {"epochs": 2, "shape": "constant", "batch_norm": "still", "keep": "last"},
    "seed": 3,
}
GAIN = {"value": 0.0, "low": -0.01, "high": 0.01, "level": 0.95, "p": 1.0, "images": 4, "seeds": [1, 1]}
OLD = {
    "answer": "negative transfer",
    "notes": ["a note"],
    "seconds": 3.0,
    "trainings": 2,
    "plan": PLAN,
    "findings": [
        {
            "cause": cause,
            "means": "labels are wrong",
            "confidence": 0.9,
            "words": "labels contradict",
            "strength": 0.8,
            "advice": "inspect them",
            "numbers": {"words": 0.5},
            "drawn": {"labels": {"columns": ["id", "said"], "data": [["a", 1.0]]}},
            "trial": {"plan": PLAN, "gain": GAIN, "runs": ["experiment-1"], "balanced": True},
        }
        for cause in ("noisy-labels", "rate-too-high")
    ],
    "considered": {
        "columns": ["cause", "strength", "confidence", "gain", "low", "high", "said", "words"],
        "data": [
            ["noisy-labels", 0.8, 0.9, 0.0, -0.01, 0.01, "does no harm", "labels contradict"],
            ["rate-too-high", 0.8, 0.9, 0.0, -0.01, 0.01, "refuted", "labels contradict"],
        ],
    },
    "stages": None,
    "controls": {
        "classes": ["x", "y"],
        "level": 0.9,
        "outcomes": {n: [{"plan": PLAN, "run": "run", "seconds": 1.0}] for n in ("your plan", "from scratch")},
    },
}


@pytest.fixture
def finished():
    """Return a diagnosis with an observed problem whose experiment gained nothing."""
    plan = wb.Plan("resnet18", "digits", "full", epochs=2)
    trial = Trial(plan, AccuracyGap(0.0, -0.01, 0.01, 0.95, 1.0, 4, (1, 1)), ("experiment-1",), True)
    finding = Finding(
        "noisy-labels", "wrong", 0.9, "seen", {"n": 1.0}, {}, 0.8, trial, "inspect them", is_observed=True
    )
    table = pd.DataFrame([("noisy-labels", 0.8, 0.9, 0.0, -0.01, 0.01, finding.status, "seen")], columns=COLUMNS)
    labels = np.array([0, 1, 0, 1])
    answers = {"ids": np.array(list("abcd")), "labels": labels, "seconds": 1.0}
    outcomes = {
        "your plan": (Outcome(plan, "run", probabilities=np.eye(2)[1 - labels], **answers),),
        "from scratch": (Outcome(plan, "run", probabilities=np.eye(2)[labels], **answers),),
    }
    controls = Controls(outcomes, ("x", "y"))
    return Diagnosis(plan, "negative transfer", (finding,), table, controls, None, ("a note",), 3.0, 2)


def write_old(finished, folder, record):
    finished.save(folder)
    (folder / "diagnosis.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_an_observed_problem_is_still_one_after_opening(finished, tmp_path):
    again = Diagnosis.open(finished.save(tmp_path))
    assert again.findings[0].is_observed and again.findings[0].status == "does no harm"
    assert again.findings == finished.findings and str(again) == str(finished)
    assert again.cause_table.equals(finished.cause_table) and again.n_trainings == finished.n_trainings


def test_a_file_of_version_0_1_opens(finished, tmp_path):
    old = Diagnosis.open(write_old(finished, tmp_path, OLD))
    harmless, refuted = old.findings
    assert (harmless.problem, harmless.summary, dict(harmless.numbers)) == (
        "labels are wrong", "labels contradict", {"words": 0.5}
    )  # fmt: skip
    assert list(harmless.frames["labels"]) == ["id", "said"], "frames of the evidence are not renamed"
    assert harmless.status == "does no harm" and refuted.status == "refuted" and not refuted.is_observed
    assert harmless.trial.is_class_balanced and harmless.gain.n_images == 4 and harmless.gain.n_seeds == (1, 1)
    assert list(old.cause_table) == COLUMNS and old.n_trainings == 2 and old.seconds == 3.0
    schedule = harmless.trial.plan.schedule
    assert schedule.lr_schedule == "constant" and schedule.batch_norm == "eval" and schedule.select == "last"
    assert old.controls.level == 0.9 and len(old.negative_transfer_set) == 4
    assert old.frame["status"].tolist() == ["does no harm", "refuted"] and "There is" in old.verdict


def test_a_damaged_file_is_refused(finished, tmp_path):
    for name, value in (("considered", None), ("findings", [{"cause": "noisy-labels"}])):
        with pytest.raises(BadData, match="is damaged"):
            Diagnosis.open(write_old(finished, tmp_path, {**OLD, name: value}))
    with pytest.raises(BadData, match="is damaged"):
        Diagnosis.open(write_old(finished, tmp_path, {k: v for k, v in OLD.items() if k != "trainings"}))


def test_the_dictionary_is_plain(finished):
    record = json.loads(json.dumps(finished.to_dict()))
    assert list(record) == [
        "verdict", "answer", "notes", "seconds", "n_trainings", "findings", "cause_table", "controls", "classes",
        "negative_transfer_set", "stages", "plan", "remedy",
    ]  # fmt: skip
    finding = record["findings"][0]
    assert finding["problem"] == "wrong" and finding["gain"]["status"] == "refuted" and finding["gain"]["n_images"] == 4
    assert list(record["cause_table"][0]) == COLUMNS and len(record["negative_transfer_set"]) == 4
