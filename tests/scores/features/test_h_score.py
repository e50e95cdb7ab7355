"""H-score against the authors' release, the textbook formula and its invariance."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.scores import Moments, scores

h_score = scores["h_score"]

# values of the public reference code, float64
PUBLISHED = {10: 1.9270375704165692, 11: 6.7133080425225815, 12: 4.999999999999991, 13: 0.734985585022579}


def textbook(f, y):
    """The trace as it is written."""
    means = np.stack([f[y == label].mean(0) for label in y])
    return np.trace(np.linalg.pinv(np.cov(f.T)) @ np.cov(means.T))


@pytest.mark.parametrize("seed", PUBLISHED)
def test_it_is_the_published_value(case, seed):
    assert h_score(*case(seed).data) == pytest.approx(PUBLISHED[seed], abs=1e-9)


def test_it_is_the_textbook_trace_where_classes_are_unequal(small):
    y = np.array([0] * 50 + [1] * 9 + [2])
    assert h_score(small.features, y) == pytest.approx(textbook(small.features, y), abs=1e-10)


def test_no_invertible_map_and_no_shift_changes_it(small):
    rng = np.random.default_rng(3)
    mapped = small.features @ rng.standard_normal((5, 5)) * [1e-3, 1, 1e3, 1, 1] + 10
    assert h_score(mapped, small.labels) == pytest.approx(h_score(*small.data), abs=1e-9)


def test_duplicate_and_constant_features_change_nothing(small):
    padded = np.hstack([small.features, small.features[:, :2], small.features[:, :1] * 3, np.full((60, 2), 0.1)])
    assert h_score(padded, small.labels) == pytest.approx(h_score(*small.data), abs=1e-9)


def test_it_saturates_where_features_outnumber_images(case):
    # the docstring says so: K - 1, with the features as they are or shuffled
    given = case(12)
    shuffled = np.random.default_rng(0).permutation(given.labels)
    assert h_score(given.features, shuffled) == pytest.approx(5, abs=1e-6)


def test_moments_give_the_same_value(small):
    assert h_score(Moments.from_features(*small.data)) == h_score(*small.data)
