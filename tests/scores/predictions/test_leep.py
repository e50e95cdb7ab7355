"""LEEP against the authors' release, a sum by hand, and what is no probability."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.errors import BadData
from workbench.scores import scores

leep = scores["leep"]

# values of the public reference code, float64
PUBLISHED = {10: -0.806914512010326, 11: -1.1254390833618821, 12: -1.0742338496709058, 13: -0.4418320617874701}


@pytest.mark.parametrize("seed", PUBLISHED)
def test_it_is_the_published_value(case, seed):
    given = case(seed)
    assert leep(given.probabilities, given.labels) == pytest.approx(PUBLISHED[seed], abs=1e-9)


def test_it_is_the_sum_by_hand():
    theta = [[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]]
    # P(a|1) = 1.25 / 1.5 and P(a|2) = 0.75 / 1.5, where images 1 and 3 are of class a
    a1, a2 = 1.25 / 1.5, 0.75 / 1.5
    by_hand = [0.75 * a1 + 0.25 * a2, 0.25 * (1 - a1) + 0.75 * (1 - a2), 0.5 * a1 + 0.5 * a2]
    assert leep(np.array(theta), ["a", "b", "a"]) == pytest.approx(np.log(by_hand).mean(), abs=1e-12)


def test_certain_predictions_of_the_classes_score_zero():
    y = np.arange(30) % 3
    assert leep(np.eye(7)[y], y) == pytest.approx(0.0, abs=1e-12)


def test_predictions_that_are_all_alike_score_the_entropy_of_the_classes():
    y = np.arange(40) % 4
    assert leep(np.full((40, 5), 0.2), y) == pytest.approx(-math.log(4), abs=1e-12)


def test_a_source_class_that_nothing_is_taken_for_changes_nothing(small):
    wider = np.hstack([small.probabilities, np.zeros((60, 3))])
    assert leep(wider, small.labels) == pytest.approx(leep(small.probabilities, small.labels), abs=1e-12)


@pytest.mark.parametrize("wrong", [lambda p: np.log(p + 1e-3), lambda p: p / 2, lambda p: p - 0.1])
def test_what_is_no_probability_is_refused(small, wrong):
    with pytest.raises(BadData, match="softmax"):
        leep(wrong(small.probabilities), small.labels)


def test_half_precision_is_a_probability_still(small):
    half = leep(small.probabilities.astype(np.float16), small.labels)
    assert half == pytest.approx(leep(small.probabilities, small.labels), abs=2e-3)
