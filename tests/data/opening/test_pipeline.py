"""The pipeline: its steps agree with the pages, and none changes what it is given."""

from __future__ import annotations

import pickle
import re
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

import workbench
from workbench.data.opening import pipeline, readers
from workbench.data.opening.load_options import LoadOptions, parse_options

NAMES = [step.__name__ for step in pipeline.STEPS]
PAGE = Path(workbench.__file__).parent.parent / "docs" / "data.md"


def test_the_docstring_names_the_steps_in_order():
    assert re.findall(r"^\d+\. `(\w+)`: ", pipeline.__doc__, re.MULTILINE) == NAMES
    assert [int(n) for n in re.findall(r"^(\d+)\. `", pipeline.__doc__, re.MULTILINE)] == [*range(1, len(NAMES) + 1)]


def test_the_page_names_the_steps_and_their_options():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name, _ in rows] == NAMES
    named = {option for _, options in rows for option in re.findall(r"`(\w+)=", options)}
    assert named == LoadOptions.defaults().keys() - readers.SOURCE_OPTIONS.keys()


@pytest.mark.parametrize("step", pipeline.STEPS, ids=NAMES)
@pytest.mark.parametrize(
    "keywords",
    [{}, {"classes": ["b", "a", "c"], "shift": "blur", "per_class": 1}, {"domains": {"x": None, "y": "invert"}}],
)
def test_a_step_changes_nothing_that_it_is_given(step, keywords, make_items):
    items = make_items(splits=np.array([0, 0, 1, 1, 2, 2, 0, 0], np.int8))
    before = pickle.dumps(items)
    step(items, parse_options(keywords))
    assert pickle.dumps(items) == before


def test_items_are_frozen(make_items):
    items = make_items()
    with pytest.raises(FrozenInstanceError):
        items.splits = np.zeros(8, np.int8)
    with pytest.raises(FrozenInstanceError):
        items.labels.note = "x"


def test_the_steps_are_applied_in_their_order(make_items, monkeypatch: pytest.MonkeyPatch):
    def record(name):
        return lambda items, options: replace(items, notes=(*items.notes, name))

    monkeypatch.setattr(pipeline, "STEPS", (record("first"), record("second")))
    assert pipeline.apply_steps(make_items(), LoadOptions()).notes == ("first", "second")
