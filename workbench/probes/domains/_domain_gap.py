"""Distance of two domains in a net's features: proxy A-distance and maximum mean discrepancy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, escape_returned_text
from workbench.probes.binomial_interval import wilson_interval
from workbench.probes.domains.two_sample import mmd_test
from workbench.probes.linear_classifier import LinearClassifier
from workbench.probes.validation import split_halves, to_domain_pair

__all__ = ["DomainGap", "domain_gap"]

MAX_ROWS = 1500  # rows per domain for the discrepancy, whose kernel matrix is quadratic in them


@dataclass(frozen=True)
class DomainGap:
    """Distance of two domains, by a domain classifier and by a kernel.

    Attributes:
        distance: proxy A-distance, 0 (indistinguishable) to 2 (always distinguished).
        low: lower end of its interval.
        high: upper end.
        confidence_level: of the interval, within 0..1; over the held-out images, not over the classifier's training.
        error: balanced error of the domain classifier on held-out images, 0..1.
        squared_mmd: squared maximum mean discrepancy, unbiased, so that it may be below 0 for equal domains.
        p_value: share of permutations, of 499 and the observed one, with a discrepancy at least as great.
        n_test_images: number of held-out images, source and target.
    """

    distance: float
    low: float
    high: float
    confidence_level: float
    error: float
    squared_mmd: float
    p_value: float
    n_test_images: tuple[int, int]

    @escape_returned_text
    def __str__(self) -> str:
        return (
            f"proxy A-distance {self.distance:.2f} ({self.low:.2f} to {self.high:.2f}), a domain classifier errs on "
            f"{self.error:.0%} of {sum(self.n_test_images)} images; MMD² {self.squared_mmd:.3g}, p = {self.p_value:.2g}"
        )


@check_arguments
def domain_gap(source: Any, target: Any, *, confidence_level: float = 0.95, seed: Seed = 0) -> DomainGap:
    """Measure the distance of two domains in the features of one stage.

    The proxy A-distance is 2·(1 − 2·error) of a linear domain classifier that is trained on one half of each domain and
    evaluated on the other, at least 0. A richer classifier may distinguish more, so it is a lower limit. The
    discrepancy uses a Gaussian kernel whose width is the median distance between images.

    Source: Ben-David et al. 2007, "Analysis of representations for domain adaptation"; Gretton et al. 2012, "A kernel
    two-sample test".

    Args:
        source: features (N, D).
        target: features (M, D) from the same stage.
        confidence_level: of the interval, above 0 and below 1.
        seed: of the halves and of the permutations.

    Raises:
        BadValue: features of different widths, or a level out of range.
        BadData: fewer than 10 images, or features that are not finite.
    """
    s, t = to_domain_pair(source, target)
    check_level(confidence_level)
    s_half, t_half = split_rows(len(s), seed), split_rows(len(t), seed + 1)
    wrong, counts = count_domain_errors(s, t, s_half, t_half, seed)
    error, low, high = mean_rate_interval(wrong, counts, confidence_level)
    distance, nearest, farthest = (float(np.clip(2 * (1 - 2 * e), 0, 2)) for e in (error, high, low))
    rng = np.random.default_rng(seed)
    samples = [x[rng.permutation(len(x))[:MAX_ROWS]] for x in (s, t)]
    discrepancy, p_value = mmd_test(samples[0], samples[1], rng)
    return DomainGap(distance, nearest, farthest, confidence_level, error, discrepancy, p_value, counts)


def split_rows(n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return training rows and held-out rows, half each."""
    return split_halves(np.zeros(n_rows, dtype=int), seed)


def count_domain_errors(
    s: np.ndarray, t: np.ndarray, s_split: tuple[np.ndarray, ...], t_split: tuple[np.ndarray, ...], seed: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return a domain classifier's numbers of errors on held-out source and target images, and of these images."""
    classifier = fit_domain_classifier(s[s_split[0]], t[t_split[0]], seed=seed)
    wrong = (
        int((classifier.predict(s[s_split[1]]) != 0).sum()),
        int((classifier.predict(t[t_split[1]]) != 1).sum()),
    )
    return wrong, (len(s_split[1]), len(t_split[1]))


def fit_domain_classifier(
    s: np.ndarray, t: np.ndarray, weights: np.ndarray | None = None, seed: int = 0
) -> LinearClassifier:
    """Train a linear classifier of source (0) against target (1), with equal total weight of both domains.

    Args:
        weights: of the source rows (N,); all equal if None.
    """
    source_weights = np.ones(len(s)) if weights is None else weights
    # the smaller domain gets larger weights, and no row of the larger one is dropped
    row_weights = np.concatenate([source_weights / source_weights.sum(), np.full(len(t), 1 / len(t))])
    return LinearClassifier(np.concatenate([s, t]), np.repeat([0, 1], [len(s), len(t)]), row_weights, seed)


def mean_rate_interval(
    n_errors: tuple[int, int], n_images: tuple[int, int], confidence_level: float
) -> tuple[float, float, float]:
    """Return the mean of two error rates and its interval, from both Wilson intervals (Newcombe 1998, method 10)."""
    rates = [w / n for w, n in zip(n_errors, n_images, strict=True)]
    ends = [wilson_interval(w, n, confidence_level) for w, n in zip(n_errors, n_images, strict=True)]
    below = math.hypot(*(r - low for r, (low, _) in zip(rates, ends, strict=True))) / 2
    above = math.hypot(*(high - r for r, (_, high) in zip(rates, ends, strict=True))) / 2
    mean = sum(rates) / 2
    return mean, max(mean - below, 0.0), min(mean + above, 1.0)


def check_level(level: Any) -> None:
    """Raise an error for a confidence or significance level outside 0..1."""
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 1:
        raise BadValue(f"expected a level above 0 and below 1, such as 0.95; got {level!r}")
