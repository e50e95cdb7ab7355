"""Wilson's interval."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from workbench.probes.binomial_interval import wilson_interval


def test_a_published_value():
    assert wilson_interval(1, 10) == pytest.approx((0.0179, 0.4042), abs=2e-4)  # Newcombe 1998's method 3


@pytest.mark.parametrize(("n_hits", "n_images", "level"), [(0, 20, 0.95), (7, 30, 0.9), (30, 30, 0.99)])
def test_the_closed_form(n_hits, n_images, level):
    z, rate = NormalDist().inv_cdf(0.5 + level / 2), n_hits / n_images
    correction = z * z / n_images
    center = rate + correction / 2
    half_width = z * math.sqrt(rate * (1 - rate) / n_images + correction / (4 * n_images))
    expected = ((center - half_width) / (1 + correction), (center + half_width) / (1 + correction))
    assert wilson_interval(n_hits, n_images, level) == pytest.approx(expected, abs=1e-12)
    assert wilson_interval(n_hits, n_images, level)[0] >= 0 and wilson_interval(n_hits, n_images, level)[1] <= 1
