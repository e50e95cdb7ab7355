"""TransRate against the authors' release and the determinant by hand."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BadValue
from workbench.scores import Moments, scores

transrate = scores["transrate"]

# values of the authors' code (Long-Kai/TransRate) on features less their mean, float64
PUBLISHED = {10: 2.2411737654204558, 11: 107.53207394074906, 12: 525.149496935375, 13: 0.034690398313628634}


@pytest.mark.parametrize("seed", PUBLISHED)
def test_it_is_the_published_value(case, seed):
    assert transrate(*case(seed).data) == pytest.approx(PUBLISHED[seed], abs=1e-6)


def test_one_feature_is_logarithms_of_variances():
    f, y = np.array([[0.0], [2.0], [4.0], [10.0]]), np.array([0, 0, 0, 1])
    z = f[:, 0] - 4
    whole, parts = np.log1p((z**2).mean() / 0.5), [np.log1p((z[y == c] ** 2).mean() / 0.5) for c in (0, 1)]
    by_hand = (whole - 3 / 4 * parts[0] - 1 / 4 * parts[1]) / 2
    assert transrate(f, y, distortion=0.5) == pytest.approx(by_hand, abs=1e-12)


def test_moments_of_an_array_are_enough(small):
    assert transrate(Moments.from_features(*small.data)) == transrate(*small.data)


def test_a_distortion_of_zero_is_refused(small):
    with pytest.raises(BadValue, match="distortion"):
        transrate(*small.data, distortion=0)
