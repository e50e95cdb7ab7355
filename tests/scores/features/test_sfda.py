"""SFDA against the authors' release, and what it promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.scores import Moments, scores
from workbench.scores.features.sfda import largest

sfda = scores["sfda"]

# values of the authors' code (TencentARC/SFDA), float64
PUBLISHED = {10: 0.6400466738187113, 11: 0.9395649742841983, 12: 1.0, 13: 0.7421514231637438, 14: 0.7266772316726985}


@pytest.mark.parametrize("seed", PUBLISHED)
def test_it_is_the_published_value(case, seed):
    assert sfda(*case(seed).data) == pytest.approx(PUBLISHED[seed], abs=1e-9)


def test_the_largest_eigenvalue_is_found():
    matrix = torch.diag(torch.tensor([9.0, 1.0, 0.5], dtype=torch.float64))
    assert largest(matrix) == pytest.approx(9, abs=1e-3)
    assert largest(torch.zeros(2, 2, dtype=torch.float64)) == 0


def test_the_features_are_left_as_they_came(small):
    before = small.features.copy()
    sfda(*small.data)
    np.testing.assert_array_equal(small.features, before)


def test_the_images_behind_moments_are_read(case):
    given = case(12)
    assert sfda(Moments.of(*given.data)) == sfda(*given.data)
