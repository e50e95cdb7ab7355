"""The matrix of sources and targets."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.figures import task_affinity

ROWS = [("shape", "shape", 0.9), ("shape", "hue", 0.4), ("hue", "shape", 0.3), ("hue", "hue", 0.8)]


def frame(rows=ROWS):
    return pd.DataFrame(rows, columns=["source", "target", "accuracy"])


def test_the_title_counts_the_diagonal():
    figure = task_affinity(frame())
    assert "2 of 2 targets transfer best" in figure.layout.title.text
    swapped = task_affinity(frame([*ROWS[:2], ("hue", "shape", 0.95), ROWS[3]]))
    assert "1 of 2" in swapped.layout.title.text


def test_colour_is_the_share_of_the_columns_range_and_text_the_accuracy():
    heat = task_affinity(frame().assign(chance=0.1)).data[0]
    assert heat.text[0] == ("90", "40") or list(heat.text[0]) == ["90", "40"]
    assert heat.z[0][0] == 1 and heat.z[1][0] == pytest.approx(0.25)


def test_other_targets_than_sources():
    found = frame([("a", "x", 0.5), ("a", "y", 0.6), ("b", "x", 0.4), ("b", "y", 0.3)])
    assert "a is the best source for 2 of 2 targets" in task_affinity(found).layout.title.text


def test_pairs_that_stand_twice_are_refused():
    with pytest.raises(ValueError, match="duplicates"):
        task_affinity(frame([*ROWS, ROWS[0]]))
    with pytest.raises(ValueError, match="accuracy"):
        task_affinity(frame().drop(columns="accuracy"))
