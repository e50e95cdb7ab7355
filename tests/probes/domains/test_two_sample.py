"""The tests under the probes: against scipy, by hand, and at their level."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from workbench.probes.domains.two_sample import (
    bayes_factor,
    class_share_test,
    combine_bonferroni,
    hotelling_test,
    mmd_test,
    rank_auc,
    stratified_rank_test,
    weighted_rank_test,
)

RNG = np.random.default_rng(0)
S, T = RNG.normal(size=60), RNG.normal(0.3, 1, 80)


@pytest.mark.parametrize(("s", "t"), [(S, T), (S.round(), T.round())], ids=["plain", "ties"])
def test_areas_are_the_rank_sum_test(s, t):
    reference = stats.mannwhitneyu(t, s, alternative="greater", use_continuity=False, method="asymptotic")
    found = stratified_rank_test("?", s, t)
    assert found.statistic == pytest.approx(reference.statistic / (60 * 80), abs=1e-12)
    assert found.p_value == pytest.approx(reference.pvalue, abs=1e-12)


def test_strata_are_compared_within_themselves():
    # between the groups the difference is large, within them there is none
    s, t = np.array([1, 2, 3, 4, 11, 12.0]), np.array([2.5, 11.5, 11.6, 11.4, 11.7, 11.3])
    groups = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 1, 1, 1, 1, 1])
    assert stratified_rank_test("?", s, t).statistic == 0.75
    assert stratified_rank_test("?", s, t, groups).statistic == 0.5
    assert stratified_rank_test("?", s, t, (np.zeros(6), np.ones(6))).p_value == 1.0


def test_equal_scores_are_no_difference():
    assert stratified_rank_test("?", np.ones(20), np.ones(20)).p_value == 1.0
    assert rank_auc(np.zeros(3), np.ones(2))[0] == 1.0


def test_whole_weights_are_repeated_rows():
    weights = np.where(np.arange(60) < 20, 3.0, 1.0)
    found = weighted_rank_test("?", S, T, weights)
    assert found.statistic == pytest.approx(rank_auc(np.repeat(S, weights.astype(int)), T)[0], abs=1e-12)
    # repeating rows makes no certainty: the effective number is 100² / 220
    error = math.sqrt((220 / 100**2 + 1 / 80) / 12)
    assert found.p_value == pytest.approx(stats.norm.sf((found.statistic - 0.5) / error), abs=1e-12)
    assert weighted_rank_test("?", S, T, np.zeros(60)).p_value == 1.0


@pytest.mark.parametrize(("z", "spread"), [(-1.0, 2.0), (0.0, 5.0), (2.5, 3.0), (6.0, 10.0)])
def test_the_bayes_factor_is_the_integral_over_effects(z, spread):
    under = integrate.quad(lambda e: 2 * stats.norm.pdf(e, 0, spread) * stats.norm.pdf(z, e, 1), 0, 12 * spread)[0]
    assert bayes_factor(z, spread) == pytest.approx(under / stats.norm.pdf(z), rel=1e-6)


def test_shares_of_classes():
    s, t = np.repeat([0, 1], [30, 70]), np.repeat([0, 1], [50, 50])
    found = class_share_test("?", s, t, 3)
    assert found.statistic == pytest.approx(0.2)
    assert found.p_value == pytest.approx(stats.chi2_contingency([[30, 70], [50, 50]], correction=False).pvalue)
    # beta-binomial evidences by hand: with the uniform prior, every count of n is as likely, 1 / (n + 1)
    apart = 1 / 101**2 / (math.comb(100, 30) * math.comb(100, 50))
    together = math.exp(math.lgamma(81) + math.lgamma(121) - math.lgamma(202))
    assert found.bayes_factor == pytest.approx(apart / together, rel=1e-9)
    assert class_share_test("?", np.zeros(5, int), np.zeros(9, int), 4).p_value == 1.0


def test_means_are_hotellings():
    s, t = RNG.normal(size=(40, 3)), RNG.normal(0.4, 1, (50, 3))
    cov = (39 * np.cov(s.T) + 49 * np.cov(t.T)) / 88
    away = t.mean(0) - s.mean(0)
    squared = 40 * 50 / 90 * away @ np.linalg.solve(cov, away)
    found = hotelling_test("?", s, t)
    assert found.p_value == pytest.approx(stats.f.sf(squared * 86 / (3 * 88), 3, 86), rel=1e-9)
    assert found.statistic == pytest.approx(np.abs(away).max())
    # the ratio of two normal densities of what was seen: with the effects' spread of 0.2, and without
    wide = stats.multivariate_normal(np.zeros(3), cov * (90 / 2000 + 0.04)).logpdf(away)
    narrow = stats.multivariate_normal(np.zeros(3), cov * 90 / 2000).logpdf(away)
    assert found.bayes_factor == pytest.approx(math.exp(wide - narrow), rel=1e-9)


def test_means_of_probabilities_have_one_direction_less():
    s = RNG.dirichlet([1, 1, 1], 50)
    t = RNG.dirichlet([1, 1, 1], 50)
    assert hotelling_test("?", s, t).p_value == pytest.approx(hotelling_test("?", s[:, :2], t[:, :2]).p_value, rel=1e-6)
    assert hotelling_test("?", np.ones((9, 2)), np.ones((9, 2))).p_value == 1.0


def test_the_best_of_two_pays_for_having_been_chosen():
    low, high = stratified_rank_test("?", S, T + 2), stratified_rank_test("?", S, S)
    both = combine_bonferroni("!", low, high)
    assert both.question == "!" and both.p_value == pytest.approx(2 * low.p_value)
    assert both.bayes_factor == pytest.approx((low.bayes_factor + high.bayes_factor) / 2)
    assert combine_bonferroni("!", high, high).p_value == 1.0


def test_the_discrepancy_by_hand():
    s, t = RNG.normal(size=(7, 2)), RNG.normal(1, 1, (5, 2))
    x = np.concatenate([s, t])
    x = (x - x.mean(0)) / x.std(0)
    squared = [[float(((a - b) ** 2).sum()) for b in x] for a in x]
    width = np.median([squared[i][j] for i in range(12) for j in range(i)])
    kernel = np.exp(-np.array(squared) / width)
    within = [kernel[np.ix_(r, r)] for r in (range(7), range(7, 12))]
    expected = sum((k.sum() - len(k)) / (len(k) * (len(k) - 1)) for k in within) - 2 * kernel[:7, 7:].mean()
    value, p_value = mmd_test(s, t, np.random.default_rng(0), n_permutations=99)
    assert value == pytest.approx(expected, abs=1e-12)
    assert 0.01 <= p_value <= 1


def test_the_discrepancy_of_equal_and_of_other_domains():
    one, other = RNG.normal(size=(60, 3)), RNG.normal(1, 1, (60, 3))
    assert mmd_test(one[:30], one[30:], np.random.default_rng(1))[1] > 0.02
    assert mmd_test(one, other, np.random.default_rng(1))[1] == pytest.approx(1 / 500)
    assert mmd_test(np.ones((20, 2)), np.ones((20, 2)), np.random.default_rng(1)) == (pytest.approx(0), 1.0)
