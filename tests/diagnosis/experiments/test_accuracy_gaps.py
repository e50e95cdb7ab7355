"""Accuracy gaps between two plans: by hand, and over simulated experiments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from workbench.diagnosis.experiments.accuracy_gaps import PRIOR_SEEDS, SEED_STD, accuracy_gap, accuracy_gap_per_class
from workbench.errors import BadData, BadValue


def test_by_hand():
    first, second = [[1, 1, 1, 0]], [[1, 0, 0, 1]]
    found = accuracy_gap(first, second)
    apart = np.array([0.0, 1.0, 1.0, -1.0])
    seeds = SEED_STD**2  # one seed each: the usual spread alone
    images = apart.var(ddof=1) / 4
    freedom = (images + 2 * seeds) ** 2 / (images**2 / 3 + 2 * seeds**2 / PRIOR_SEEDS)
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(images + 2 * seeds)
    assert found.value == 0.25 and found.n_images == 4 and found.n_seeds == (1, 1)
    assert np.isclose(found.low, max(0.25 - reach, -1)) and np.isclose(found.high, min(0.25 + reach, 1))
    assert np.isclose(found.p, 2 * stats.t.sf(0.25 / np.sqrt(images + 2 * seeds), freedom))


@pytest.mark.parametrize(("seeds", "spread"), [(1, 0.02), (3, 0.02), (3, 0.0), (5, 0.04)])
def test_the_interval_covers_the_truth_as_often_as_it_says(seeds, spread):
    rng, covered = np.random.default_rng(0), 0
    many = rng.normal(0.7, 0.25, 10**6)
    truth = float((np.clip(many + 0.05, 0, 1) - np.clip(many, 0, 1)).mean())
    for _ in range(200):
        ease = rng.normal(0.7, 0.25, 200)  # each image has its own chance, and each seed its own luck
        sides = [[rng.random(200) < ease + lift + rng.normal(0, spread) for _ in range(seeds)] for lift in (0.05, 0.0)]
        held = accuracy_gap(*sides)
        covered += held.low <= truth <= held.high
    assert 0.91 <= covered / 200 <= 1.0


def test_no_difference_at_all():
    same = np.ones((2, 50), bool)
    found = accuracy_gap(same, same)
    assert found.value == 0 and not found.is_significant and found.p == 1.0


def test_by_class():
    labels = np.array([0, 0, 0, 1, 1, 2])
    first, second = np.array([[1, 1, 1, 0, 0, 1]]), np.array([[0, 0, 0, 1, 1, 1]])
    found = accuracy_gap_per_class(first, second, labels)
    assert [g and g.value for g in found] == [1.0, -1.0, None]


def test_other_images_and_levels_are_refused():
    with pytest.raises(BadData, match="at least 2; got 3 and 4"):
        accuracy_gap([[1, 0, 1]], [[1, 0, 1, 1]])
    with pytest.raises(BadValue, match="above 0 and below 1"):
        accuracy_gap([[1, 0]], [[1, 0]], level=1.0)
