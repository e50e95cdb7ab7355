"""How far domains lie apart: known distances, intervals, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import workbench as wb
from workbench.errors import BadData, BadValue
from workbench.probes import domain_gap
from workbench.probes.domains._domain_gap import fit_domain_classifier, mean_rate_interval


def domains(shift, n=1200, m=800, d=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)) + shift * np.eye(d)[0]


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0, 5.0])
def test_the_distance_of_two_gaussians_is_known(shift):
    # the best classifier of N(0, 1) against N(shift, 1) errs with Φ(−shift / 2)
    truth = 2 * (1 - 2 * stats.norm.cdf(-shift / 2))
    gap = domain_gap(*domains(shift))
    assert abs(gap.distance - truth) < 0.15 and gap.low <= gap.distance <= gap.high
    assert gap.high - gap.low < 0.3 and gap.n_test_images == (600, 400)


def test_the_interval_covers():
    truth = 2 * (1 - 2 * stats.norm.cdf(-0.75))
    gaps = [domain_gap(*domains(1.5, 200, 150, 2, seed), confidence_level=0.9, seed=seed) for seed in range(20)]
    # a classifier that has learnt from 175 images is a little worse than the best: covered 9 times in 10, or so
    assert 14 <= sum(g.low <= truth <= g.high for g in gaps) <= 20
    wider = domain_gap(*domains(1.5, 200, 150, 2), confidence_level=0.99)
    assert wider.high - wider.low > gaps[0].high - gaps[0].low


def test_one_domain_has_no_distance_from_itself():
    s, _ = domains(0)
    gap = domain_gap(s[:600], s[600:])
    assert gap.low == 0 and gap.p_value > 0.05 and abs(gap.squared_mmd) < 0.005
    assert str(gap).startswith(f"proxy A-distance {gap.distance:.2f} (0.00 to ")


def test_the_kernel_sees_what_no_line_does():
    rng = np.random.default_rng(0)
    s, t = rng.normal(size=(300, 2)), rng.normal(size=(300, 2)) * 3
    gap = domain_gap(s, t)
    assert gap.distance < 0.5 and gap.p_value == pytest.approx(1 / 500)


def test_it_is_seeded_and_leaves_arrays_alone():
    s, t = domains(1.0, 60, 40)
    before = s.copy()
    assert domain_gap(s, t, seed=3) == domain_gap(s, t, seed=3) != domain_gap(s, t, seed=4)
    assert (s == before).all()


def test_a_rare_domain_weighs_as_much():
    s, t = domains(1.0, 2000, 60)
    judge = fit_domain_classifier(s, t)
    assert 0.15 < (judge.predict(t) == 0).mean() < 0.5


def test_the_mean_of_two_rates():
    # Newcombe's published interval of the difference 56/70 − 48/80, method 10: 0.0524 to 0.3339
    mean, low, high = mean_rate_interval((56, 80 - 48), (70, 80), 0.95)
    assert mean == pytest.approx((56 / 70 + 32 / 80) / 2)
    assert (2 * low - 1, 2 * high - 1) == pytest.approx((0.0524, 0.3339), abs=1e-4)


@pytest.mark.parametrize("level", [0, 1, -0.1, 95, True, "0.9"])
def test_a_level_out_of_range(level):
    says = "wants a number" if isinstance(level, (bool, str)) else "above 0 and below 1"
    with pytest.raises(BadValue, match=says):
        domain_gap(*domains(0, 20, 20), confidence_level=level)


def test_refusals_reach_the_person():
    with pytest.raises(BadData, match="too few"):
        domain_gap(np.ones((5, 2)), np.ones((20, 2)))


def test_an_unknown_probe_is_refused_with_a_near_miss():
    import workbench.probes as probes

    with pytest.raises(AttributeError, match="did you mean domain_gap"):
        probes.domain_gaps  # noqa: B018
    assert set(probes.__all__) <= set(dir(probes)) and wb.WorkbenchError
