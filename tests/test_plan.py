"""A run as plain data: JSON both ways, variants, and refusals before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName, WorkbenchError
from workbench.plan import Choice, Plan, Schedule, to_choice, to_plain_data
from workbench.strategies import strategies
from workbench.tunings import tunings


class Held:
    """Something in memory: it has a recipe and can be stored with a run."""

    choice = Choice("stored", {"path": "here", "size": (3, 4)})

    def store_with(self, folder):
        return self.choice


def plan(**changes) -> Plan:
    """A plan of ordinary parts."""
    return Plan(**{"backbone": "resnet18", "data": "digits", **changes})


EXAMPLES = {
    "grid": {"rows": {"stem": [0, 0.5], "head": [1.0]}},
    "distill": {"teacher": "some/run"},
    "distill-features": {"teacher": "some/run"},
    "distill-hints": {"teacher": "some/run", "hints": {"blocks.1": "layer2"}},
}
PAIRS = [(t, s) for t in tunings for s in strategies]


@pytest.mark.parametrize(("tuning", "strategy"), PAIRS, ids=["+".join(p) for p in PAIRS])
def test_every_plan_goes_through_json_unchanged(tuning, strategy):
    given = plan(
        tuning=wb.tuning(tuning, **EXAMPLES.get(tuning, {})),
        strategy=wb.strategy(strategy, **EXAMPLES.get(strategy, {})),
        epochs=7,
        lr=3e-4,
        seed=11,
    )
    back = Plan.from_json(given.to_json())
    assert back == given
    assert back.to_json() == given.to_json()
    assert hash(back) == hash(given)


@pytest.mark.parametrize(
    "value",
    ["digits", Path("digits"), Choice("digits"), {"name": "digits"}, {"name": "digits", "params": {}}],
    ids=["name", "path", "choice", "mapping", "mapping with params"],
)
def test_a_part_may_be_given_in_any_of_its_forms(value):
    assert plan(data=value) == plan()


def test_what_json_would_change_is_changed_at_once():
    given = plan(data=Choice("table", {"label": ("a", "b"), "path": Path("x/y"), "n": np.int64(3), "w": np.ones(2)}))
    assert given.data.params == {"label": ["a", "b"], "path": "x/y", "n": 3, "w": [1.0, 1.0]}
    assert Plan.from_json(given.to_json()) == given


def test_a_part_that_came_from_an_object_goes_through_json_too():
    given = plan(data=Held())
    assert given.in_memory["data"].choice.name == "stored"
    assert Plan.from_json(given.to_json()) == given


def test_a_plan_does_not_follow_a_mapping_that_changes_later():
    options = {"classes": ["a", "b"]}
    given = plan(data={"name": "digits", "params": options})
    options["classes"].append("c")
    assert given.data.params["classes"] == ["a", "b"]


def test_but_changes_what_is_named_and_nothing_else():
    base = plan(epochs=3, size=96, tuning="head")
    other = base.replace(epochs=9, seed=np.int64(4))
    assert (other.schedule.epochs, other.seed) == (9, 4)
    assert (other.backbone, other.data, other.tuning, other.strategy) == (
        base.backbone,
        base.data,
        base.tuning,
        base.strategy,
    )
    assert base.schedule.epochs == 3
    assert base.replace() == base


def test_but_keeps_what_is_held_in_memory_and_what_was_asked_of_it():
    held = Held()
    base = plan(backbone=held, data=held, size=96)
    other = base.replace(seed=1)
    assert other.in_memory == {"backbone": held, "data": held}
    assert other.backbone.params["size"] == 96
    assert base.replace(backbone="resnet18").in_memory == {"data": held}
    newer = Held()
    assert base.replace(data=newer).in_memory["data"] is newer


def test_the_schedule_may_be_given_whole_by_name_or_field_by_field():
    assert (
        plan(schedule=Schedule(epochs=2)).schedule == plan(schedule={"epochs": 2}).schedule == plan(epochs=2).schedule
    )
    assert plan(schedule=Schedule(epochs=2, lr=0.1), epochs=4).schedule == Schedule(epochs=4, lr=0.1)


def test_whatever_was_clicked_can_be_typed():
    given = plan(tuning=wb.tuning("last-k", k=2), size=64, epochs=4, lr=0.01, augment="flip", seed=5)
    seen = {}
    stub = type("wb", (), {"Plan": Plan, "launch": staticmethod(lambda p: seen.update(plan=p))})
    exec(given.to_code(), {"wb": stub})
    assert seen["plan"] == given


BAD = [
    ({"backbone": None}, BadValue, "as the backbone of a plan"),
    ({"backbone": 5}, BadValue, "got int"),
    ({"backbone": ["resnet18"]}, BadValue, "got list"),
    ({"data": None}, BadValue, "the data of a plan"),
    ({"data": {"nome": "digits"}}, BadValue, "got dict"),
    ({"data": {"name": "digits", "options": {}}}, BadValue, "got dict"),
    ({"data": Choice("digits", {"model": set()})}, BadValue, "numbers, strings and lists in a plan; got set"),
    ({"tuning": "heads"}, UnknownName, "no tuning is called 'heads'; did you mean head?"),
    ({"tuning": None}, BadValue, "tuning"),
    ({"tuning": {"name": "last-k", "params": {"k": -1}}}, BadValue, "k of tuning last-k must be between"),
    ({"tuning": {"name": "last-k", "params": {"k": "two"}}}, BadValue, "wants a whole number"),
    ({"tuning": {"name": "last-k", "params": {"n": 2}}}, UnknownName, "no parameter of tuning last-k is called 'n'"),
    ({"tuning": {"name": "head", "params": {"k": 2}}}, UnknownName, "it takes no parameters"),
    ({"tuning": "grid"}, BadValue, "needs the parameter rows"),
    ({"tuning": {"name": "grid", "params": {"rows": 5}}}, BadValue, "wants a mapping; got 5"),
    ({"strategy": "dan"}, UnknownName, "no strategy is called 'dan'; did you mean dann?"),
    ({"strategy": "distill"}, BadValue, "needs the parameter teacher"),
    ({"strategy": {"name": "l2-sp", "params": {"alpha": -1}}}, BadValue, "alpha of strategy l2-sp must be between"),
    ({"schedule": 5}, BadValue, "schedule of Plan wants a schedule"),
    ({"schedule": {"epoch": 5}}, UnknownName, "did you mean epochs"),
    ({"epochs": 0}, BadValue, "epochs of the schedule must be between 1 and 10000; got 0"),
    ({"epochs": 1.5}, BadValue, "wants a whole number"),
    ({"epochs": None}, BadValue, "epochs of the schedule is missing"),
    ({"lr": 0}, BadValue, "lr of the schedule must be between"),
    ({"lr": "fast"}, BadValue, "wants a number"),
    ({"lr": float("nan")}, BadValue, "got nan"),
    ({"batch_size": -4}, BadValue, "batch_size of the schedule must be between"),
    ({"warmup": 0.95}, BadValue, "warmup of the schedule must be between 0 and 0.9"),
    ({"optimizer": "adam"}, BadValue, "optimizer of the schedule must be one of adamw, sgd; got 'adam'"),
    ({"augment": True}, BadValue, "augment of the schedule must be one of none, flip, crop"),
    ({"learning_rate": 0.1}, UnknownName, "no argument of a plan is called 'learning_rate'"),
    ({"seed": -1}, BadValue, "the seed is a whole number from 0"),
    ({"seed": 2**32}, BadValue, "the seed is a whole number"),
    ({"seed": 1.0}, BadValue, "got 1.0"),
    ({"seed": True}, BadValue, "got True"),
    ({"seed": None}, BadValue, "got None"),
]


@pytest.mark.parametrize(("changes", "kind", "sentence"), BAD, ids=[json.dumps(c, default=str) for c, _, _ in BAD])
def test_a_plan_that_cannot_work_is_refused_with_a_sentence(changes, kind, sentence):
    with pytest.raises(kind) as refused:
        plan(**changes)
    assert isinstance(refused.value, WorkbenchError)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "5", "{}", '{"backbone": "a"}', '{"backbone": 1, "data": 2}'])
def test_what_is_no_plan_is_refused(text):
    with pytest.raises(BadValue):
        Plan.from_json(text)


def test_a_plan_cannot_be_changed():
    with pytest.raises(AttributeError):
        plan().seed = 3


def test_choices_print_as_a_person_would_say_them():
    assert str(Choice("last-k", {"k": 2})) == "last-k(k=2)"
    assert str(plan(tuning="head", epochs=2)) == "fine-tune of resnet18, head, 2 epochs, seed 0"
    assert Choice("a", {"b": 1}).replace(c=2) == Choice("a", {"b": 1, "c": 2})


def test_to_choice_and_plain_are_plain():
    assert to_choice(Held(), "data").params == {"path": "here", "size": [3, 4]}
    assert to_plain_data({1: (np.float32(0.5), Choice("x"))}) == {"1": [0.5, {"name": "x", "params": {}}]}


OLD_PLAN = """{
 "backbone": {"name": "resnet18", "params": {"size": 96}},
 "data": {"name": "photos", "params": {"source": ["photo"], "target": "sketch"}},
 "tuning": {"name": "full", "params": {}},
 "strategy": {"name": "simclr", "params": {"colour": 0.4, "grey": 0.1, "smallest": 0.3}},
 "schedule": {"epochs": 3, "shape": "constant", "clip": 0.0, "keep": "last", "store": "off", "views": 0,
  "batch_norm": "still"},
 "seed": 4
}"""


def test_a_plan_of_version_0_1_opens_under_todays_names():
    opened = Plan.from_json(OLD_PLAN)
    wanted = {"epochs": 3, "lr_schedule": "constant", "clip_grad": 0.0, "select": "last", "cache_activations": "off"}
    assert opened.schedule == Schedule(**wanted, augment_views=0, batch_norm="eval")
    assert opened.data.params == {"source_domain": ["photo"], "target_domain": "sketch"}
    assert opened.strategy.params == {"color": 0.4, "gray": 0.1, "min_area": 0.3}
    assert Plan.from_json(opened.to_json()) == opened
    assert "follow" not in Plan.from_json(OLD_PLAN.replace("still", "follow")).to_json()
