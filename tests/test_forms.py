"""Constructors as data: what a form shows, and what a check refuses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest

from workbench.errors import BadValue, UnknownName
from workbench.forms import Range, check_params, constructor_fields


class Kettle:
    """Boils water.

    Args:
        litres: how much, over
            two lines.
        heat: how hot.

    Raises:
        Nothing: ever.
    """

    def __init__(
        self,
        *,
        litres: Annotated[float, Range(0.1, 2.0, log=True)],
        heat: Literal["low", "high"] = "low",
        cups: Annotated[int, Range(1, 8)] = 2,
        limit: Annotated[float, Range(0.0, 1.0)] | None = None,
        label: str = "",
        whistle: bool = True,
        order: list[str] = [],  # noqa: B006
        rows: Mapping[str, list[float]] | None = None,
        loose: float = 1.0,
    ) -> None:
        pass


class Plain:
    """Takes nothing."""

    def __init__(self) -> None:
        pass


def test_fields_come_in_order_with_type_default_range_options_and_help():
    by_name = {field.name: field for field in constructor_fields(Kettle)}
    assert list(by_name) == ["litres", "heat", "cups", "limit", "label", "whistle", "order", "rows", "loose"]
    litres, heat, limit = by_name["litres"], by_name["heat"], by_name["limit"]
    assert litres.is_required
    assert (litres.type, litres.range, litres.help) == (float, Range(0.1, 2.0, log=True), "how much, over two lines.")
    assert (heat.type, heat.options, heat.default, heat.is_required) == (str, ("low", "high"), "low", False)
    assert (limit.type, limit.range, limit.optional) == (float, Range(0.0, 1.0), True)
    assert by_name["order"].type is list
    assert by_name["rows"].optional
    assert constructor_fields(Plain) == ()


def test_what_is_given_comes_back_converted_and_nothing_else():
    given = {"litres": 1, "cups": np.int64(3), "label": Path("a/b"), "limit": None, "order": ("x",)}
    checked = check_params(Kettle, given, "the kettle")
    assert checked == {"litres": 1.0, "cups": 3, "label": "a/b", "limit": None, "order": ("x",)}
    assert [type(checked[name]) for name in ("litres", "cups", "label")] == [float, int, str]


@pytest.mark.parametrize(
    ("params", "kind", "sentence"),
    [
        ({}, BadValue, "the kettle needs the parameter litres: how much"),
        ({"litres": None}, BadValue, "litres of the kettle is missing; it wants a number between 0.1 and 2"),
        ({"litres": 0.05}, BadValue, "must be between 0.1 and 2; got 0.05"),
        ({"litres": 2.0001}, BadValue, "must be between 0.1 and 2"),
        ({"litres": float("nan")}, BadValue, "got nan"),
        ({"litres": "much"}, BadValue, "wants a number between 0.1 and 2; got 'much'"),
        ({"litres": True}, BadValue, "wants a number"),
        ({"litres": [1.0]}, BadValue, "wants a number"),
        ({"loose": float("inf")}, BadValue, "wants a number; got inf"),
        ({"loose": float("nan")}, BadValue, "wants a number; got nan"),
        ({"heat": "medium"}, BadValue, "heat of the kettle must be one of low, high; got 'medium'"),
        ({"cups": 2.5}, BadValue, "cups of the kettle wants a whole number between 1 and 8; got 2.5"),
        ({"cups": 9}, BadValue, "must be between 1 and 8; got 9"),
        ({"cups": 10**30}, BadValue, "wants a whole number"),
        ({"cups": None}, BadValue, "cups of the kettle is missing"),
        ({"limit": -1}, BadValue, "limit of the kettle must be between 0 and 1; got -1"),
        ({"label": 3}, BadValue, "wants a string; got 3"),
        ({"whistle": 1}, BadValue, "wants True or False; got 1"),
        ({"whistle": "yes"}, BadValue, "wants True or False"),
        ({"order": "abc"}, BadValue, "wants a list; got 'abc'"),
        ({"order": 5}, BadValue, "wants a list; got 5"),
        ({"rows": [1, 2]}, BadValue, "wants a mapping; got [1, 2]"),
        ({"liters": 1.0}, UnknownName, "no parameter of the kettle is called 'liters'; did you mean litres?"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_was_wanted_and_what_came(params, kind, sentence):
    given = {"litres": 1.0, **params} if params else {}
    with pytest.raises(kind) as refused:
        check_params(Kettle, given, "the kettle")
    assert sentence in str(refused.value)


def test_a_parameter_of_what_takes_none_is_refused():
    with pytest.raises(UnknownName, match="takes no parameters"):
        check_params(Plain, {"speed": 1}, "the rest")
