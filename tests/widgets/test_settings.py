"""The forms for strategy, schedule and seed."""

from __future__ import annotations

from workbench.plan import SCHEDULE_FIELDS, Plan
from workbench.strategies import strategies
from workbench.widgets.settings import Settings


def test_settings_begin_as_a_plan_does():
    settings = Settings()
    plan = Plan("resnet18", "digits", **settings.value)
    assert plan == Plan("resnet18", "digits")
    assert set(settings.value) == {"strategy", "seed", *SCHEDULE_FIELDS}
    assert settings.problem == ""


def test_a_plan_given_is_shown():
    plan = Plan("resnet18", "digits", strategy={"name": "l2-sp", "params": {}}, epochs=7, lr=0.5, clip_grad=0.0, seed=9)
    settings = Settings(plan)
    assert Plan("resnet18", "digits", **settings.value) == plan
    assert settings.strategy.value == "l2-sp"


def test_every_strategy_brings_its_own_form():
    settings = Settings()
    for name in strategies:
        settings.strategy.value = name
        assert settings.value["strategy"].name == name
        assert strategies[name].paper.split()[0] in settings.about.value


def test_what_a_strategy_needs_is_a_problem_until_it_is_given():
    settings = Settings()
    settings.strategy.value = "distill"
    assert settings.problem.startswith("teacher is required")
    settings.parameters.children[0].rows["teacher"].control.value = "resnet18"
    assert settings.problem == ""
    assert settings.value["strategy"].params == {"teacher": "resnet18"}


def test_the_rest_is_folded_until_asked_for():
    settings = Settings()
    assert settings.rest.layout.display == "none"
    settings.fold.value = True
    assert settings.rest.layout.display == ""
    settings.rest.rows["clip_grad"].control.value = "2"
    assert settings.value["clip_grad"] == 2.0


def test_an_empty_rate_shows_the_tunings_own():
    settings = Settings()
    settings.set_lr_hint(0.01)
    row = settings.schedule.rows["lr"]
    assert row.control.placeholder == "auto: 0.01"
    assert row.slider.value == 0.01
    assert settings.value["lr"] is None
