"""Weighted Kendall tau."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BadValue
from workbench.scores.rank_correlation import weighted_tau, weighted_tau_omit_nan


@pytest.mark.parametrize("ties", [False, True])
def test_it_is_the_definition(ties):
    rng = np.random.default_rng(0)
    for n in (2, 3, 7, 20):
        for _ in range(10):
            a, b = rng.normal(size=(2, n))
            if ties and n > 3:
                a, b = np.round(a), np.round(b)
            expected = (tau_by_ranks(a, b) + tau_by_ranks(b, a)) / 2
            np.testing.assert_allclose(weighted_tau(a, b), expected, atol=1e-12)


def tau_by_ranks(first, second):
    """Tau with the pairs weighted by the ranks by `first`, whose ties `second` breaks."""
    order = np.lexsort((second, first))[::-1]
    weight = 1 / (np.arange(len(first)) + 1)
    pair = weight[:, None] + weight
    dx, dy = (np.sign(v[order][:, None] - v[order]) for v in (first, second))
    return (pair * dx * dy).sum() / np.sqrt((pair * dx * dx).sum() * (pair * dy * dy).sum())


def test_a_swap_at_the_top_counts_for_more():
    order = np.array([4.0, 3, 2, 1])
    assert weighted_tau(order, [3, 4, 2, 1]) < weighted_tau(order, [4, 3, 1, 2]) < 1
    # by hand: weights 1, 1/2, 1/3, 1/4; all pairs weigh 3 * (25/12), the swapped one 3/2, whichever order gives places
    assert weighted_tau(order, [3, 4, 2, 1]) == pytest.approx(1 - 2 * 1.5 / 6.25)
    assert weighted_tau(order, order) == pytest.approx(1) and weighted_tau(order, -order) == pytest.approx(-1)


def test_what_is_missing_is_left_out_and_what_orders_nothing_has_none():
    assert weighted_tau_omit_nan(np.array([1, 2, np.nan, 0]), np.array([1, 2, 9.0, 0])) == pytest.approx(1)
    with pytest.raises(BadValue, match="NaN or infinity in 1 of 4 values"):
        weighted_tau([1, 2, np.nan, 0], [1, 2, 9, 0])
    assert np.isnan(weighted_tau([1, 1, 1], [1, 2, 3])) and np.isnan(weighted_tau([1], [1]))
    with pytest.raises(BadValue, match="shapes"):
        weighted_tau([1, 2], [1, 2, 3])
