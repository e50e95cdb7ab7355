"""Controls: negative transfer that is planted, absent, or undecided."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.diagnosis.experiments.control_plans import FROZEN, RANDOM, SCRATCH, SOUND, YOURS, build_control_plans
from workbench.diagnosis.experiments.plan_outcomes import ExperimentRunner
from workbench.errors import BadData, BadValue, UnknownName

QUICK = {"batch_size": 16, "augment": "none", "precision": "fp32", "threads": 1}


@pytest.fixture
def images(toy_arrays):
    return wb.load_images(toy_arrays(n=90), valid=0.4)


def ruined(net):
    """Return a net whose features are constant: the same for every image."""
    with torch.no_grad():
        for name, parameter in net.backbone.named_parameters():
            if "weight" in name:
                parameter.zero_()
    return net


def test_a_ruined_source_is_negative_transfer(tiny, images):
    plan = wb.Plan(ruined(tiny()), images, "head", epochs=8, **QUICK)
    found = wb.fit_controls(plan, seeds=1, only=[FROZEN], progress=False)
    assert found.verdict == "negative transfer" and found.accuracy_gap().high < 0
    assert set(found.outcomes) == {YOURS, SCRATCH, FROZEN}
    assert found.frame.set_index("name").loc[SCRATCH, "accuracy"] > 0.7
    harmed = found.negative_transfer_set
    assert len(harmed) > 5 and (harmed["true"] != harmed["predicted"]).all() and (harmed["scratch"] > 0.5).all()
    classes = found.per_class
    assert classes["gap"].is_monotonic_increasing and classes["gap"].iloc[0] < -0.5
    assert "negative transfer" in str(found) and SCRATCH in str(found)


def test_a_net_that_knows_the_task_helps_and_what_was_done_is_read(tiny, images, toy_arrays, monkeypatch):
    more = wb.load_images(toy_arrays(n=120, seed=5), valid=0.2)
    taught = wb.fit(wb.Plan(tiny(), more, "full", epochs=10, **QUICK), progress=False).net()
    plan = wb.Plan(taught, images, "head", epochs=1, lr=1e-3, **QUICK)
    found = wb.fit_controls(plan, seeds=1, only=[RANDOM], progress=False)
    assert found.verdict == "transfer helps" and found.accuracy_gap().low > 0 and not len(found.negative_transfer_set)

    def train(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(ExperimentRunner, "_train", train)
    again = wb.fit_controls(plan, seeds=1, only=[RANDOM], progress=False)
    assert np.array_equal(again.correct_by_seed(YOURS), found.correct_by_seed(YOURS)) and again.verdict == found.verdict


def test_one_thing_is_changed_in_each_control():
    choice = {"name": "resnet18", "params": {"size": 64, "mean": (0, 0, 0)}}
    plan = wb.Plan(choice, "digits", "last-k", epochs=7, lr=9.0, batch_size=8)
    plans = build_control_plans(plan)
    assert plans[YOURS] is plan
    assert all(p.schedule.epochs == 7 and p.schedule.batch_size == 8 for p in plans.values())
    assert [plans[n].tuning.name for n in (SCRATCH, RANDOM, FROZEN, SOUND)] == ["full", "head", "head", "lp-ft"]
    blank = [n for n, p in plans.items() if p.backbone.params.get("pretrained") is False]
    assert blank == [SCRATCH, RANDOM]
    assert "mean" in plans[FROZEN].backbone.params and "mean" not in plans[SOUND].backbone.params
    assert all(p.schedule.lr is None for n, p in plans.items() if n != YOURS)


def test_few_images_are_not_enough_to_tell(tiny, toy_arrays):
    few = wb.load_images(toy_arrays(n=30), valid=0.4)
    plan = wb.Plan(tiny(), few, "head", epochs=1, **QUICK)
    assert wb.fit_controls(plan, seeds=1, only=[], progress=False).verdict == "not enough data to tell"


def test_refused_before_anything_is_trained(tiny, images, toy_arrays, monkeypatch):
    monkeypatch.setattr(ExperimentRunner, "run_plan", lambda *_: pytest.fail("trained"))
    plan = wb.Plan(tiny(), images, "head", epochs=1, **QUICK)
    with pytest.raises(UnknownName, match="did you mean from scratch"):
        wb.fit_controls(plan, only=["from scrach"])
    with pytest.raises(BadValue, match="between 1 and 1000; got 0"):
        wb.fit_controls(plan, seeds=0)
    with pytest.raises(BadData, match="no validation images"):
        wb.fit_controls(plan, wb.load_images(toy_arrays(), valid=0.0))
