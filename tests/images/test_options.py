"""Options as plain data."""

from __future__ import annotations

import json

import pytest

from workbench.errors import UnknownName
from workbench.images.options import check, words
from workbench.images.shifts import Shift


def test_only_what_differs_from_the_defaults_goes_into_the_recipe():
    assert check({}).changed() == {} and check({"valid": 0.2, "seed": 0}).changed() == {}
    options = check({"seed": 4, "classes": ("b", "a"), "domains": {"x": None, "y": Shift("blur", 2)}})
    recipe = options.changed()
    assert json.loads(json.dumps(recipe)) == {"seed": 4, "classes": ["b", "a"], "domains": {"x": None, "y": "blur:2"}}
    assert check(recipe).changed() == recipe


def test_an_unknown_option_names_its_neighbour():
    with pytest.raises(UnknownName, match=r"no option of wb\.images is called 'lables'; did you mean label"):
        check({"lables": "x"})


def test_words():
    assert words(None) == [] and words("a") == ["a"] and words(["a", "b"]) == ["a", "b"]
