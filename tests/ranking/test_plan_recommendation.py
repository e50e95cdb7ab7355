"""Recommendation of a plan."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.errors import BadData, BadValue
from workbench.ranking import plan_recommendation

NUMBERS = {"probe": 0.7, "control": 0.4, "per_class": 10.0, "gain": 0.5, "chance": 0.1, "images": 100.0}


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"gain": 0.9}, "careful fine-tuning"),
        ({"gain": 0.9, "per_class": 500.0}, "full fine-tuning"),
        ({}, "full fine-tuning"),
        ({"gain": 0.0}, "full fine-tuning"),
        ({"gain": -0.2}, "from scratch"),
        ({"gain": -0.2, "per_class": 500.0}, "from scratch"),
        # random features tell nothing either: 0.13 is a standard error above the guess from 100 images
        ({"gain": -0.2, "control": 0.125}, "full fine-tuning"),
        ({"gain": -0.2, "control": 0.135}, "from scratch"),
        ({"gain": -0.2, "control": 0.125, "images": 1000.0}, "from scratch"),
        ({"gain": -0.2, "control": 0.105, "images": 9000.0}, "full fine-tuning"),
        ({"gain": 0.1, "per_class": 500.0}, "full fine-tuning"),
        ({"per_class": 500.0}, "full fine-tuning"),
        ({"probe": 0.99}, "feature extraction"),
        ({"probe": 0.99, "per_class": 500.0}, "full fine-tuning"),
    ],
)
def test_the_table(changed, name):
    found, reasons = plan_recommendation.choose_candidate({**NUMBERS, **changed})
    assert found == name
    assert "few" in reasons[0] or "many" in reasons[0]
    assert "70%" in reasons[1] or "99%" in reasons[1]


def test_why_random_weights_are_not_advised():
    told = plan_recommendation.choose_candidate({**NUMBERS, "gain": -0.2, "control": 0.1})[1][-1]
    assert (
        "random features are no better" in told
        and "random ones" not in plan_recommendation.choose_candidate({**NUMBERS, "gain": 0.1})[1][-1]
    )


def test_the_distance_of_the_domains_is_told_where_it_was_measured():
    assert (
        "A-distance of the two domains is 1.25 of 2"
        in plan_recommendation.choose_candidate({**NUMBERS, "gap": 1.25})[1][2]
    )


def test_a_small_budget_shortens_and_a_tiny_one_trains_the_head_alone():
    costs = {"full fine-tuning": 100.0, "feature extraction": 2.0}
    kept = plan_recommendation.choose_affordable("full fine-tuning", (), costs, 200.0)
    cut = plan_recommendation.choose_affordable("full fine-tuning", (), costs, 50.0)
    assert kept[0] == cut[0] == "full fine-tuning" and "cut to fit 50 s" in cut[1][0]
    tiny = plan_recommendation.choose_affordable("full fine-tuning", (), costs, 5.0)
    assert tiny[0] == "feature extraction" and "about 2 min" in tiny[1][0] and "the budget is 5.0 s" in tiny[1][0]
    plan = wb.Plan("resnet18", "digits", epochs=20)
    assert plan_recommendation.cut_to_budget(plan, 100.0, 50.0).schedule.epochs == 10
    assert (
        plan_recommendation.cut_to_budget(plan, 100.0, 0.1).schedule.epochs == 1
        and plan_recommendation.cut_to_budget(plan, 1.0, 50.0) is plan
    )


def test_it_is_a_plan_that_can_be_trained_with_its_reasons(taught, toy):
    found = wb.recommend_plan(taught, toy, augment="none", source=toy)
    # the net was trained on these very classes
    assert found.name == "feature extraction" and found.plan.tuning.name == "head"
    assert found.measurements["probe"] > 0.95 and found.measurements["gap"] < 0.5
    assert found.measurements["images"] == 80 and found.plan.schedule.augment == "none"
    assert any("A-distance" in reason for reason in found.reasons) and "epochs take about" in found.reasons[-1]
    assert found.frame["recommended"].sum() == 1 and found.frame["pretrained"].tolist() == [True, True, True, False]
    run = wb.fit(found.plan.replace(epochs=3), progress=False)
    assert run.evaluate("valid").accuracy > 0.9


def test_a_budget_reaches_every_candidate(taught, toy):
    free, held = wb.recommend_plan(taught, toy), wb.recommend_plan(taught, toy, seconds=0.05)
    for name, plan in held.candidates.items():
        assert plan.schedule.epochs <= free.candidates[name].schedule.epochs
    assert held.candidates["from scratch"].schedule.epochs < free.candidates["from scratch"].schedule.epochs


def test_what_cannot_be_advised_on(taught, toy):
    with pytest.raises(BadValue, match="random weights"):
        wb.recommend_plan({"name": "test_resnet", "params": {"pretrained": False}}, toy)
    with pytest.raises(BadValue, match="above 0"):
        wb.recommend_plan(taught, toy, seconds=0)
    with pytest.raises(BadData, match="8 training images"):
        wb.recommend_plan(taught, toy.subset(rows=[0, 1, 2]))
