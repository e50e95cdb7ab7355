"""Canonical correlations against scikit-learn's and by hand; drift by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA

from workbench.errors import BadData, BadValue
from workbench.probes import mean_drift, pwcca, svcca


def related(n=300, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)) * [1, 2, 3, 1]
    return x, x[:, :3] @ rng.normal(size=(3, 3)) + rng.normal(size=(n, 3))


def test_with_every_direction_it_is_canonical_correlation():
    x, y = related()
    u, v = CCA(n_components=3, max_iter=5000, tol=1e-10).fit_transform(x, y)
    expected = np.mean([np.corrcoef(u[:, i], v[:, i])[0, 1] for i in range(3)])
    assert svcca(x, y, variance_fraction=1.0) == pytest.approx(expected, abs=1e-4)
    assert svcca(x, x @ np.random.default_rng(1).normal(size=(4, 4)), variance_fraction=1.0) == pytest.approx(1)


def test_directions_of_little_variance_are_not_read():
    x, _ = related()
    rng = np.random.default_rng(2)
    noisy = np.concatenate([x, 1e-3 * rng.normal(size=(300, 50))], axis=1)
    other = np.concatenate([x, 1e-3 * rng.normal(size=(300, 50))], axis=1)
    assert svcca(noisy, other) > 0.999 > 0.6 > svcca(noisy, other, variance_fraction=1.0)


def test_weights_follow_what_is_projected():
    # x has a strong direction that y shares and a weak one that it does not: by hand, orthonormal columns
    rng = np.random.default_rng(3)
    basis, _ = np.linalg.qr(np.concatenate([np.ones((200, 1)), rng.normal(size=(200, 3))], axis=1))
    a, b, c = basis[:, 1:].T
    x, y = np.stack([9 * a, b], 1), np.stack([a, c], 1)
    assert svcca(x, y, variance_fraction=1.0) == pytest.approx(0.5)
    assert pwcca(x, y, variance_fraction=1.0) == pytest.approx(0.9)


def test_constant_features_and_too_few_images():
    x, y = related()
    assert svcca(x, np.ones((300, 5))) == pwcca(np.ones((300, 5)), y) == 0
    wide = np.random.default_rng(0).normal(size=(30, 40))
    with pytest.raises(BadData, match=r"use \d+ images or more"):
        svcca(wide, wide)
    with pytest.raises(BadValue, match="variance_fraction above 0 and at most 1"):
        svcca(x, y, variance_fraction=1.5)
    with pytest.raises(BadValue, match="rows"):
        pwcca(x, y[1:])


def test_drift_by_hand():
    x = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])  # variance 1 in both columns
    assert mean_drift(x, x + np.array([3, 4])) == pytest.approx(5 / np.sqrt(2))
    assert mean_drift(x, x[:, ::-1]) == 0
    constant = np.full((3, 2), 2.0)
    assert mean_drift(constant, constant) == mean_drift(0 * constant, 0 * constant) == 0
    assert mean_drift(constant, 2 * constant) == pytest.approx(0.5)
    with pytest.raises(BadValue, match="2 and 1"):
        mean_drift(x, x[:, :1])
