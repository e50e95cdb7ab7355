"""Options as plain data."""

from __future__ import annotations

import json

import pytest

from workbench.data.domain_shifts import Shift
from workbench.data.opening.load_options import parse_options, to_name_list
from workbench.errors import UnknownName


def test_only_what_differs_from_the_defaults_goes_into_the_recipe():
    assert (
        parse_options({}).non_default_options() == {}
        and parse_options({"valid": 0.2, "seed": 0}).non_default_options() == {}
    )
    options = parse_options({"seed": 4, "classes": ("b", "a"), "domains": {"x": None, "y": Shift("blur", 2)}})
    recipe = options.non_default_options()
    assert json.loads(json.dumps(recipe)) == {"seed": 4, "classes": ["b", "a"], "domains": {"x": None, "y": "blur:2"}}
    assert parse_options(recipe).non_default_options() == recipe


def test_an_unknown_option_names_its_neighbour():
    with pytest.raises(UnknownName, match=r"no option of wb\.load_images is called 'lables'; did you mean label"):
        parse_options({"lables": "x"})


def test_words():
    assert to_name_list(None) == [] and to_name_list("a") == ["a"] and to_name_list(["a", "b"]) == ["a", "b"]
