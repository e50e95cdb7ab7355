"""Forms drawn from constructors."""

from __future__ import annotations

from typing import Annotated, Literal

import ipywidgets
import pytest

from workbench import forms
from workbench.forms import Range
from workbench.plan import Schedule
from workbench.strategies import strategies
from workbench.tunings import tunings
from workbench.widgets.components.form import Form, to_label


class Oven:
    """Bakes.

    Args:
        heat: degrees, never too many.
        share: of the dough.
        rate: how fast it browns.
        mode: where the heat comes from.
        fan: whether it blows.
        tins: sizes of the tins.
        label: what stands on the bread; <b>text</b> only.
    """

    def __init__(
        self,
        *,
        label: str,
        heat: Annotated[int, Range(50, 250)] = 180,
        share: Annotated[float, Range(0.0, 1.0)] = 0.5,
        rate: Annotated[float, Range(1e-4, 1.0, log=True)] | None = None,
        mode: Literal["top", "bottom"] = "top",
        fan: bool = True,
        tins: list[int] = (),  # type: ignore[assignment]
    ) -> None: ...


def type_into(form, name, text):
    form.rows[name].control.value = text


def test_every_kind_of_field_has_its_control():
    rows = Form(Oven).rows
    kinds = {name: type(row.control) for name, row in rows.items()}
    assert kinds["mode"] is ipywidgets.Dropdown
    assert kinds["fan"] is ipywidgets.Checkbox
    assert {kinds[name] for name in ("label", "heat", "share", "rate", "tins")} == {ipywidgets.Text}
    sliders = {name: type(row.slider) for name, row in rows.items() if row.slider}
    assert sliders == {"share": ipywidgets.FloatSlider, "rate": ipywidgets.FloatLogSlider}
    assert rows["heat"].control.tooltip == "degrees, never too many. Whole number from 50 to 250."
    assert rows["heat"].control.description == (
        '<span title="degrees, never too many. Whole number from 50 to 250.">heat</span>'
    )
    assert rows["share"].slider.tooltip == "of the dough. Number from 0 to 1."
    assert rows["fan"].control.description == "" and rows["fan"].control.tooltip == "fan: whether it blows."


def test_a_name_in_python_has_one_label():
    assert [to_label(name) for name in ("lr", "lr_schedule", "batch_size")] == [
        "learning rate",
        "learning rate schedule",
        "batch size",
    ]


def test_the_value_begins_with_the_constructors_own():
    form = Form(Oven)
    assert form.value == {"heat": 180, "share": 0.5, "rate": None, "mode": "top", "fan": True, "tins": ()}
    assert form.changed_values() == {}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("heat", "200", 200),
        ("heat", " 2e2 ", 200),
        ("share", "0.25", 0.25),
        ("rate", "1e-3", 0.001),
        ("rate", "", None),
        ("mode", "bottom", "bottom"),
        ("fan", False, False),
        ("tins", "[1, 2]", [1, 2]),
        ("label", "rye", "rye"),
    ],
)
def test_what_is_entered_is_taken(name, text, value):
    form = Form(Oven)
    type_into(form, name, text)
    assert form.value[name] == value
    assert name not in form.problems


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("heat", "300", "between 50 and 250"),
        ("heat", "hot", "a whole number"),
        ("heat", "180.5", "a whole number"),
        ("heat", "", "is missing"),
        ("share", "nan", "between 0 and 1"),
        ("rate", "0", "between 0.0001 and 1"),
        ("tins", "1, 2", "a list such as [1, 2]"),
    ],
)
def test_a_mistake_is_told_under_its_field_and_the_last_good_value_stays(name, text, sentence):
    form = Form(Oven, value={"heat": 120, "rate": 0.5, "label": "rye"})
    before = form.value
    type_into(form, name, text)
    assert form.value == before
    assert sentence in form.problems[name]
    assert sentence in form.rows[name].problem_text.value
    assert form.rows[name].problem_text.layout.display != "none"
    type_into(form, name, "[]" if name == "tins" else "0.75" if name != "heat" else "60")
    assert form.problems == {}
    assert form.rows[name].problem_text.layout.display == "none"


def test_a_parameter_of_any_kind_of_mapping_or_sequence_is_read_from_its_text():
    form = Form(strategies.classes()["distill-hints"], value={"teacher": "wb/residual-all"})
    type_into(form, "hints", '{"blocks.1": "layer2"}')
    type_into(form, "others", '["wb/mobile"]')
    assert form.changed_values() == {
        "teacher": "wb/residual-all",
        "hints": {"blocks.1": "layer2"},
        "others": ["wb/mobile"],
    }
    type_into(form, "hints", "blocks.1 layer2")
    assert 'a mapping such as {"a": 1}' in form.problems["hints"]
    type_into(form, "hints", "")
    assert form.problems == {} and form.value["hints"] is None


def test_a_required_field_says_what_it_wants_until_it_is_given():
    form = Form(Oven)
    assert form.problems == {"label": "label is required: what stands on the bread; <b>text</b> only."}
    assert "&lt;b&gt;" in form.rows["label"].problem_text.value
    type_into(form, "label", "rye")
    assert form.problems == {}
    assert form.value["label"] == "rye"


def test_slider_and_number_follow_each_other():
    row = Form(Oven).rows["rate"]
    row.slider.value = 0.0123456
    assert row.control.value == "0.0123"
    assert row.valid_value == 0.0123
    row.control.value = "0.5"
    assert row.slider.value == pytest.approx(0.5)


def test_a_value_set_from_outside_is_shown():
    form = Form(Oven)
    form.value = {**form.value, "heat": 99, "mode": "bottom"}
    assert form.rows["heat"].control.value == "99"
    assert form.rows["mode"].control.value == "bottom"
    assert form.changed_values() == {"heat": 99, "mode": "bottom"}


def test_only_and_exclude_choose_the_fields():
    assert list(Form(Oven, only=["mode", "heat"]).rows) == ["mode", "heat"]
    assert set(Form(Oven, exclude=["label"]).rows) == {"heat", "share", "rate", "mode", "fan", "tins"}


@pytest.mark.parametrize("cls", [Schedule, *strategies.classes().values(), *tunings.classes().values()])
def test_every_schedule_strategy_and_tuning_has_a_form_of_good_values(cls):
    form = Form(cls)
    assert form.changed_values() == {}
    assert set(form.problems) == {field.name for field in forms.constructor_fields(cls) if field.is_required}
