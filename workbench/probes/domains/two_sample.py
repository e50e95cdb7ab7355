"""Two-sample tests by ranks, kernels and counts, with p-values and Bayes factors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

AUC_PRIOR_STD = 0.15  # prior standard deviation of areas under the curve above one half
MEAN_PRIOR_STD = 0.2  # prior standard deviation of differences between means, in standard deviations


@dataclass(frozen=True)
class TwoSampleResult:
    """Result of one test.

    Attributes:
        question: the tested question.
        statistic: area under the curve, 0.5 for no difference; for counts, the greatest difference of shares.
        p_value: probability of a difference at least as great by chance.
        bayes_factor: of a difference against none; above 1 is evidence for a difference.
    """

    question: str
    statistic: float
    p_value: float
    bayes_factor: float


def stratified_rank_test(
    question: str, s: np.ndarray, t: np.ndarray, groups: tuple[np.ndarray, np.ndarray] | None = None
) -> TwoSampleResult:
    """Test whether target scores are higher than source scores, stratum by stratum (Wilcoxon 1945; van Elteren 1960).

    Args:
        s: scores (N,) of source images held out from the training of whatever gives the scores.
        t: scores (M,) of target images.
        groups: codes (N,) and (M,) of the strata, each compared within itself; one stratum if None.
    """
    strata = (np.zeros(len(s), int), np.zeros(len(t), int)) if groups is None else groups
    parts = [
        rank_auc(s[strata[0] == g], t[strata[1] == g])
        for g in np.intersect1d(np.unique(strata[0]), np.unique(strata[1]))
    ]
    return pool_aucs(question, [part for part in parts if part[1] > 0])


def rank_auc(s: np.ndarray, t: np.ndarray) -> tuple[float, float]:
    """Return the area under the curve of t above s, and its variance if both have one distribution; ties count half."""
    from scipy.stats import rankdata

    n, m = len(s), len(t)
    ranks = rankdata(np.concatenate([s, t]))
    area = (ranks[n:].sum() - m * (m + 1) / 2) / (n * m)
    _, ties = np.unique(ranks, return_counts=True)
    both = n + m
    tied = float((ties**3 - ties).sum()) / (both * (both - 1)) if both > 1 else 0.0
    return float(area), (both + 1 - tied) / (12 * n * m)


def pool_aucs(question: str, parts: list[tuple[float, float]]) -> TwoSampleResult:
    """Combine the areas of independent strata into one result, weighted by their precision."""
    if not parts:
        return TwoSampleResult(question, 0.5, 1.0, 1.0)
    weights = np.array([1 / variance for _, variance in parts])
    area = float(np.average([a for a, _ in parts], weights=weights))
    return result_from_auc(question, area, float(weights.sum()) ** -0.5)


def result_from_auc(question: str, auc: float, std_error: float) -> TwoSampleResult:
    """Return the result of an area with a normal error; the test is one-sided, for areas above one half."""
    z = (auc - 0.5) / std_error
    return TwoSampleResult(question, auc, 0.5 * math.erfc(z / math.sqrt(2)), bayes_factor(z, AUC_PRIOR_STD / std_error))


def bayes_factor(z: float, spread: float) -> float:
    """Compute the Bayes factor of a half-normal effect with that spread, in standard errors, against none, given z."""
    variance = 1 + spread**2
    share = spread**2 / variance
    below = math.erfc(-z * math.sqrt(share / 2))  # 2·Φ(z·√share)
    return below / math.sqrt(variance) * math.exp(min(z * z * share / 2, 700))


def weighted_rank_test(question: str, s: np.ndarray, t: np.ndarray, weights: np.ndarray) -> TwoSampleResult:
    """Test as `stratified_rank_test`, with weights (N,) of the source rows and their effective number (Kish 1965)."""
    if not weights.sum():
        return TwoSampleResult(question, 0.5, 1.0, 1.0)
    order = np.argsort(s, kind="stable")
    mass = np.concatenate([[0.0], np.cumsum(weights[order])]) / weights.sum()
    below, upto = (np.searchsorted(s[order], t, side) for side in ("left", "right"))
    area = float((mass[below] + mass[upto]).mean() / 2)
    effective = weights.sum() ** 2 / (weights**2).sum()
    return result_from_auc(question, area, math.sqrt((1 / effective + 1 / len(t)) / 12))


def class_share_test(question: str, s: np.ndarray, t: np.ndarray, n_classes: int) -> TwoSampleResult:
    """Test whether class shares are equal in both: codes (N,) and (M,) of `n_classes` classes.

    The p-value is Pearson's; the Bayes factor is exact under a uniform prior of all shares (Gunel & Dickey 1974).
    """
    from scipy.special import gammaln
    from scipy.stats import chi2_contingency

    a, b = (np.bincount(y, minlength=n_classes).astype(float) for y in (s, t))
    is_used = a + b > 0
    a, b = a[is_used], b[is_used]
    if len(a) < 2:
        return TwoSampleResult(question, 0.0, 1.0, 1.0)
    p_value = float(chi2_contingency(np.array([a, b]), correction=False).pvalue)

    def beta(n: np.ndarray) -> float:
        return float(gammaln(n).sum() - gammaln(n.sum()))

    ones = np.ones(len(a))
    evidence = beta(a + 1) + beta(b + 1) - beta(ones) - beta(a + b + 1)
    greatest = float(np.abs(a / a.sum() - b / b.sum()).max())
    return TwoSampleResult(question, greatest, p_value, math.exp(min(evidence, 700)))


def hotelling_test(question: str, s: np.ndarray, t: np.ndarray) -> TwoSampleResult:
    """Test whether the means of s (N, K) and t (M, K) differ, all columns together (Hotelling 1931).

    The statistic is the greatest difference of a column's means; the prior of the Bayes factor expects differences of a
    fifth of a standard deviation in every direction.
    """
    from scipy.stats import f

    difference = t.mean(0) - s.mean(0)
    centered = np.concatenate([s - s.mean(0), t - t.mean(0)])
    variances, directions = np.linalg.eigh(centered.T @ centered / max(len(centered) - 2, 1))
    # probabilities sum to 1, so that at least one direction has no variance
    is_varying = variances > 1e-9 * max(float(variances.max()), 1e-300)
    count = 1 / (1 / len(s) + 1 / len(t))
    if not is_varying.any() or not variances.max() > 0:
        return TwoSampleResult(question, 0.0, 1.0, 1.0)
    distance = float(count * ((difference @ directions[:, is_varying]) ** 2 / variances[is_varying]).sum())
    ratio, width = 1 + count * MEAN_PRIOR_STD**2, int(is_varying.sum())
    evidence = 0.5 * distance * (1 - 1 / ratio) - 0.5 * width * math.log(ratio)
    n_free = len(centered) - width - 1
    p_value = float(f.sf(distance * n_free / (width * (n_free + width - 1)), width, n_free)) if n_free > 0 else 1.0
    return TwoSampleResult(question, float(np.abs(difference).max()), p_value, math.exp(min(evidence, 700)))


def combine_bonferroni(question: str, *results: TwoSampleResult) -> TwoSampleResult:
    """Combine several tests of one difference: least p-value times their number (Bonferroni), and mean Bayes factor."""
    best = min(results, key=lambda f: f.p_value)
    evidence = sum(f.bayes_factor for f in results) / len(results)
    return TwoSampleResult(question, best.statistic, min(1.0, best.p_value * len(results)), evidence)


def mmd_test(s: np.ndarray, t: np.ndarray, rng: np.random.Generator, n_permutations: int = 499) -> tuple[float, float]:
    """Compute the unbiased squared maximum mean discrepancy of s (N, D) and t (M, D), and its permutation p-value.

    The kernel is Gaussian, its width the median distance between two images; features are standardised.
    """
    x = np.concatenate([s, t])
    deviation = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    squared = np.maximum((x**2).sum(1)[:, None] + (x**2).sum(1) - 2 * x @ x.T, 0.0)
    median = float(np.median(squared[np.triu_indices(len(x), 1)]))
    kernel = np.exp(-squared / (median or 1.0))
    np.fill_diagonal(kernel, 0.0)
    # all permutations in one matrix product; scipy.stats.permutation_test evaluates them one by one
    first = np.zeros((n_permutations + 1, len(x)))
    first[0, : len(s)] = 1
    for row in range(1, n_permutations + 1):
        first[row, rng.permutation(len(x))[: len(s)]] = 1
    n, m = len(s), len(t)
    products = first @ kernel
    within_s = (products * first).sum(1)
    across = products.sum(1) - within_s
    within_t = kernel.sum() - within_s - 2 * across
    values = within_s / (n * (n - 1)) + within_t / (m * (m - 1)) - 2 * across / (n * m)
    # a tolerance, so that rounding does not make equal permutations smaller than the observed value
    as_great = int((values[1:] >= values[0] - 1e-12).sum())
    return float(values[0]), (1 + as_great) / (n_permutations + 1)
