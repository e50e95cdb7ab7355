"""Drawings of an evaluation: right, and never markup from names."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from workbench.metrics import Evaluation
from workbench.widgets import drawings

EVIL = '<img src=x onerror="alert(1)">'


def evaluation(labels, predicted, classes):
    labels, predicted = np.array(labels), np.array(predicted)
    p = np.full((len(labels), len(classes)), 0.1 / max(len(classes) - 1, 1))
    p[np.arange(len(labels)), predicted] = 0.9
    return Evaluation(np.array([f"{i}.png" for i in range(len(labels))]), labels, p, tuple(classes))


@pytest.fixture
def evil():
    return evaluation([0, 0, 1, 1, 2], [0, 1, 1, 1, 2], [EVIL, "b&b", "c"])


@pytest.mark.parametrize("draw", [drawings.metrics, drawings.confusion, drawings.per_class, drawings.calibration])
def test_a_class_name_is_text(draw, evil):
    drawn = draw(evil)
    assert 'onerror="' not in drawn
    assert "<img src=x" not in drawn


def test_the_confusion_matrix_holds_every_count(evil):
    drawn = drawings.confusion(evil)
    counts = [int(n) for n in re.findall(r"<td[^>]*>(\d+)</td>", drawn)]
    assert sorted(counts) == [1, 1, 1, 2]
    assert "taken for b&amp;b (1 of 2)" in drawn


def test_without_confusion_it_says_so():
    assert "No class was taken for another" in drawings.confusion(evaluation([0, 1], [0, 1], "ab"))


def test_many_classes_become_a_picture():
    k = drawings.NAMED + 1
    drawn = drawings.confusion(evaluation(range(k), range(k), [str(i) for i in range(k)]))
    assert "data:image/png;base64," in drawn
    assert "<td" not in drawn


def test_classes_that_are_confused_become_neighbours():
    rng = np.random.default_rng(0)
    matrix = np.eye(8) * 50
    pairs = [(0, 5), (1, 7), (2, 4), (3, 6)]
    for i, j in pairs:
        matrix[i, j] = matrix[j, i] = rng.integers(5, 20)
    order = drawings.blocks(matrix)
    assert sorted(order) == list(range(8))
    place = np.argsort(order)
    assert all(abs(place[i] - place[j]) == 1 for i, j in pairs)


def test_one_class_alone_is_drawn():
    assert drawings.blocks(np.array([[3]])).tolist() == [0]


def test_classes_stand_worst_first(evil):
    drawn = drawings.per_class(evil)
    assert drawn.index("50.0 %") < drawn.index("100.0 %")
    assert "Hardest" in drawn


def test_the_calibration_says_which_way_it_errs():
    assert "Too sure: 90.0 % sure on average, 50.0 % right" in drawings.calibration(evaluation([0, 1], [0, 0], "ab"))
    assert "Not sure enough" in drawings.calibration(evaluation([0, 1], [0, 1], "ab"))


def test_thumbnails_and_tables_escape_names_too():
    picture = np.zeros((4, 4, 3), np.uint8)
    counts = pd.DataFrame({"train": [1234]}, index=pd.Index([EVIL]))
    for drawn in (drawings.table(counts), drawings.thumbnails([picture], [EVIL])):
        assert "<img src=x" not in drawn
        assert "<b>" not in drawn
    assert "1,234" in drawings.table(counts)
