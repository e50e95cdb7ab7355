"""SFDA against the authors' release, and what it promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax

from workbench.scores import Moments, scores
from workbench.scores.features._sfda import largest_eigenvalue

sfda = scores["sfda"]

# values of the authors' code (TencentARC/SFDA), float64
PUBLISHED = {10: 0.6400466738187113, 11: 0.9395649742841983, 12: 1.0, 13: 0.7421514231637438, 14: 0.7266772316726985}


@pytest.mark.parametrize("seed", PUBLISHED)
def test_it_is_the_published_value(case, seed):
    assert sfda(*case(seed).data) == pytest.approx(PUBLISHED[seed], abs=1e-9)


def test_the_largest_eigenvalue_is_found():
    matrix = torch.diag(torch.tensor([9.0, 1.0, 0.5], dtype=torch.float64))
    assert largest_eigenvalue(matrix, matrix.sum(1)) == pytest.approx(9, abs=1e-3)
    assert largest_eigenvalue(torch.zeros(2, 2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)) == 0


def test_the_features_are_left_as_they_came(small):
    before = small.features.copy()
    sfda(*small.data)
    np.testing.assert_array_equal(small.features, before)


def test_the_images_behind_moments_are_read(case):
    given = case(12)
    assert sfda(Moments.from_features(*given.data)) == sfda(*given.data)


def plainly(x, y):
    """The method's text, in all D features and without moments."""
    k, eye = int(y.max()) + 1, np.eye(x.shape[1])

    def fisher(x, s=None):
        means = np.stack([x[y == c].mean(0) for c in range(k)])
        within = (x - means[y]).T @ (x - means[y]) / len(x)
        if s is None:
            after = within.sum(1)
            for _ in range(6):
                before, after = after, within @ after / np.linalg.norm(within @ after)
            s = max(np.exp(-5 * after @ within @ before), 1e-10)
        weights = np.linalg.solve((1 - s) * within + s * np.trace(within) / len(eye) * eye, means.T)
        bias = np.log(np.bincount(y) / len(y)) - (means.T * weights).sum(0) / 2
        return means, lambda x: softmax(x @ weights + bias, 1), s

    means, told, s = fisher(x)
    sure = softmax(told(x), 1)[np.arange(len(y)), y][:, None]
    x = sure * x + (1 - sure) * ((means.sum(0) - means) / (k - 1))[y]
    return fisher(x, s)[1](x)[np.arange(len(y)), y].mean()


@pytest.mark.parametrize("features", [20, 90, 300])
def test_more_features_than_images_are_told_in_fewer_without_changing_the_value(features):
    rng = np.random.default_rng(3)
    y = rng.permutation(np.arange(90) % 4)
    # small, so that the shrinkage matters and no probability is 1
    classes = 0.1 * rng.standard_normal((4, features))
    x = 0.03 * (rng.standard_normal((90, features)) + classes[y]) + rng.random(features)
    value = sfda(x, y)
    assert 0.27 < value < 0.99
    assert value == pytest.approx(plainly(x, y), abs=1e-9)
