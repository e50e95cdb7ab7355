"""GBC against the authors' release and the closed form for two Gaussians."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BadValue
from workbench.scores import scores

gbc = scores["gbc"]

# values of the authors' code (google-research, stable_transfer) with diagonal Gaussians, float64
DIAGONAL = {10: -2.053956634277109, 11: -0.079849138507119, 12: -1.234612518957968e-06, 13: -0.47801826646127693}


@pytest.mark.parametrize("seed", DIAGONAL)
def test_it_is_the_published_value(case, seed):
    assert gbc(*case(seed).data, shape="diagonal", components=None) == pytest.approx(DIAGONAL[seed], rel=1e-9)


def test_spheres_of_one_size_are_as_published():
    # both classes have the same deviations from their means, so the two ways to count the logarithm agree
    around = np.random.default_rng(5).standard_normal((40, 6))
    f = np.vstack([around, around + 0.4, around - [0.2, 0, 0, 0, 0, 1]])
    y = np.repeat([0, 1, 2], 40)
    assert gbc(f, y, components=None) == pytest.approx(-4.870559095027536, abs=1e-9)


def test_two_spheres_overlap_as_the_integral_says():
    # mean 0 and 1, deviation 1 and 2, in one dimension: the integral of the root of both densities' product
    f = np.array([-1.0, 1.0, -1.0, 3.0])[:, None]
    at = np.linspace(-40, 40, 400_001)
    densities = [np.exp(-((at - m) ** 2) / 2 / s**2) / s / np.sqrt(2 * np.pi) for m, s in ((0, 1), (1, 2))]
    overlap = np.sqrt(densities[0] * densities[1]).sum() * (at[1] - at[0])
    assert gbc(f, [0, 0, 1, 1], components=None) == pytest.approx(-2 * overlap, abs=1e-9)


def test_a_sphere_counts_its_logarithm_once_a_feature():
    f = np.array([-1.0, 1.0, -1.0, 3.0])[:, None]
    one = gbc(f, [0, 0, 1, 1], components=None)
    assert gbc(np.hstack([f] * 3), [0, 0, 1, 1], components=None) == pytest.approx(-2 * (-one / 2) ** 3, abs=1e-12)


def test_all_principal_components_are_a_rotation(small):
    assert gbc(*small.data, components=5) == pytest.approx(gbc(*small.data, components=None), abs=1e-12)
    assert gbc(*small.data, components=2) != pytest.approx(gbc(*small.data, components=None), abs=1e-3)


def test_options_out_of_range_are_refused(small):
    with pytest.raises(BadValue, match="spherical"):
        gbc(*small.data, shape="full")
    with pytest.raises(BadValue, match="components"):
        gbc(*small.data, components=0)
