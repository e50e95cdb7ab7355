"""Whether two samples come from one distribution: ranks, kernels, counts; with what each finding is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

CLEAR = 0.15  # spread of the areas above one half that count as a clear difference, before looking
SMALL = 0.2  # spread of differences between means, in deviations, likewise


@dataclass(frozen=True)
class Finding:
    """The answer of one test.

    Attributes:
        question: what was asked.
        statistic: the area under the curve, 0.5 for no difference; of counts, the greatest difference of shares.
        p_value: how often a difference as great comes by chance.
        evidence: Bayes factor of a difference against none; above 1 speaks for one.
    """

    question: str
    statistic: float
    p_value: float
    evidence: float


def areas(question: str, s: np.ndarray, t: np.ndarray, groups: tuple[np.ndarray, np.ndarray] | None = None) -> Finding:
    """Whether target scores are higher than source scores, group by group (Wilcoxon 1945; van Elteren 1960).

    Args:
        s: scores (N,) of source images held back from whatever gives the scores.
        t: scores (M,) of target images.
        groups: codes (N,) and (M,) of the strata that are compared within themselves; one stratum if None.
    """
    strata = (np.zeros(len(s), int), np.zeros(len(t), int)) if groups is None else groups
    parts = [
        ranked(s[strata[0] == g], t[strata[1] == g]) for g in np.intersect1d(np.unique(strata[0]), np.unique(strata[1]))
    ]
    return pooled(question, [part for part in parts if part[1] > 0])


def ranked(s: np.ndarray, t: np.ndarray) -> tuple[float, float]:
    """The area under the curve of t above s, and its variance if both come from one distribution; ties count half."""
    from scipy.stats import rankdata

    n, m = len(s), len(t)
    ranks = rankdata(np.concatenate([s, t]))
    area = (ranks[n:].sum() - m * (m + 1) / 2) / (n * m)
    _, ties = np.unique(ranks, return_counts=True)
    both = n + m
    tied = float((ties**3 - ties).sum()) / (both * (both - 1)) if both > 1 else 0.0
    return float(area), (both + 1 - tied) / (12 * n * m)


def pooled(question: str, parts: list[tuple[float, float]]) -> Finding:
    """One finding from the areas of independent strata, each weighing as much as it is certain."""
    if not parts:
        return Finding(question, 0.5, 1.0, 1.0)
    weights = np.array([1 / variance for _, variance in parts])
    area = float(np.average([a for a, _ in parts], weights=weights))
    return normal(question, area, float(weights.sum()) ** -0.5)


def normal(question: str, area: float, error: float) -> Finding:
    """The finding of an area with a normal error under no difference; only areas above one half count as one."""
    z = (area - 0.5) / error
    return Finding(question, area, 0.5 * math.erfc(z / math.sqrt(2)), bayes_factor(z, CLEAR / error))


def bayes_factor(z: float, spread: float) -> float:
    """Of a half-normal effect with that spread, in units of the error, against none, having seen z."""
    room = 1 + spread**2
    share = spread**2 / room
    below = math.erfc(-z * math.sqrt(share / 2))  # 2·Φ(z·√share)
    return below / math.sqrt(room) * math.exp(min(z * z * share / 2, 700))


def weighted_areas(question: str, s: np.ndarray, t: np.ndarray, weights: np.ndarray) -> Finding:
    """As `areas`, with weights (N,) of the source rows: fewer rows count than there are (Kish 1965)."""
    if not weights.sum():
        return Finding(question, 0.5, 1.0, 1.0)
    order = np.argsort(s, kind="stable")
    mass = np.concatenate([[0.0], np.cumsum(weights[order])]) / weights.sum()
    below, upto = (np.searchsorted(s[order], t, side) for side in ("left", "right"))
    area = float((mass[below] + mass[upto]).mean() / 2)
    effective = weights.sum() ** 2 / (weights**2).sum()
    return normal(question, area, math.sqrt((1 / effective + 1 / len(t)) / 12))


def shares(question: str, s: np.ndarray, t: np.ndarray, count: int) -> Finding:
    """Whether classes come as often in both: codes (N,) and (M,) of `count` classes.

    The p-value is Pearson's; the Bayes factor is exact under equal odds of all shares (Gunel & Dickey 1974).
    """
    from scipy.special import gammaln
    from scipy.stats import chi2_contingency

    a, b = (np.bincount(y, minlength=count).astype(float) for y in (s, t))
    live = a + b > 0
    a, b = a[live], b[live]
    if len(a) < 2:
        return Finding(question, 0.0, 1.0, 1.0)
    p_value = float(chi2_contingency(np.array([a, b]), correction=False).pvalue)

    def beta(n: np.ndarray) -> float:
        return float(gammaln(n).sum() - gammaln(n.sum()))

    ones = np.ones(len(a))
    evidence = beta(a + 1) + beta(b + 1) - beta(ones) - beta(a + b + 1)
    greatest = float(np.abs(a / a.sum() - b / b.sum()).max())
    return Finding(question, greatest, p_value, math.exp(min(evidence, 700)))


def means(question: str, s: np.ndarray, t: np.ndarray) -> Finding:
    """Whether the means of s (N, K) and t (M, K) differ, all columns together (Hotelling 1931).

    The statistic is the greatest difference of a column's means; the Bayes factor expects differences of a fifth of
    a deviation in every direction before looking.
    """
    from scipy.stats import f

    away = t.mean(0) - s.mean(0)
    inside = np.concatenate([s - s.mean(0), t - t.mean(0)])
    spread, turn = np.linalg.eigh(inside.T @ inside / max(len(inside) - 2, 1))
    # probabilities sum to 1: one direction at least does not vary
    live = spread > 1e-9 * max(float(spread.max()), 1e-300)
    count = 1 / (1 / len(s) + 1 / len(t))
    if not live.any() or not spread.max() > 0:
        return Finding(question, 0.0, 1.0, 1.0)
    distance = float(count * ((away @ turn[:, live]) ** 2 / spread[live]).sum())
    room, width = 1 + count * SMALL**2, int(live.sum())
    evidence = 0.5 * distance * (1 - 1 / room) - 0.5 * width * math.log(room)
    free = len(inside) - width - 1
    p_value = float(f.sf(distance * free / (width * (free + width - 1)), width, free)) if free > 0 else 1.0
    return Finding(question, float(np.abs(away).max()), p_value, math.exp(min(evidence, 700)))


def either(question: str, *findings: Finding) -> Finding:
    """Whether any of several tests finds a difference: the least p-value times their number, the mean evidence."""
    best = min(findings, key=lambda f: f.p_value)
    evidence = sum(f.evidence for f in findings) / len(findings)
    return Finding(question, best.statistic, min(1.0, best.p_value * len(findings)), evidence)


def mmd(s: np.ndarray, t: np.ndarray, random: np.random.Generator, shuffles: int = 499) -> tuple[float, float]:
    """Squared maximum mean discrepancy, unbiased, and its p-value under shuffled domains: s (N, D), t (M, D).

    The kernel is Gaussian, as wide as the median distance between two images; features are standardised.
    """
    x = np.concatenate([s, t])
    deviation = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    squared = np.maximum((x**2).sum(1)[:, None] + (x**2).sum(1) - 2 * x @ x.T, 0.0)
    middle = float(np.median(squared[np.triu_indices(len(x), 1)]))
    kernel = np.exp(-squared / (middle or 1.0))
    np.fill_diagonal(kernel, 0.0)
    first = np.zeros((shuffles + 1, len(x)))
    first[0, : len(s)] = 1
    for row in range(1, shuffles + 1):
        first[row, random.permutation(len(x))[: len(s)]] = 1
    n, m = len(s), len(t)
    onto = first @ kernel
    within_s = (onto * first).sum(1)
    across = onto.sum(1) - within_s
    within_t = kernel.sum() - within_s - 2 * across
    values = within_s / (n * (n - 1)) + within_t / (m * (m - 1)) - 2 * across / (n * m)
    # a hair of rounding must not make equal shuffles smaller than what was seen
    as_great = int((values[1:] >= values[0] - 1e-12).sum())
    return float(values[0]), (1 + as_great) / (shuffles + 1)
