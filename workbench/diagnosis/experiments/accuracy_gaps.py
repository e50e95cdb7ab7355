"""Accuracy differences between two trainings, with uncertainty over images and over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue, escape_returned_text

__all__ = ["AccuracyGap", "accuracy_gap"]

SEED_STD = 0.02  # prior standard deviation of accuracy over seeds, as usual in fine-tuning
PRIOR_SEEDS = 2.0  # weight of that prior, in seeds


@dataclass(frozen=True)
class AccuracyGap:
    """Accuracy difference between two plans, as a fraction of the images, with its confidence interval.

    Attributes:
        value: mean accuracy of the first minus that of the second, -1 to 1.
        low: lower end of the interval.
        high: upper end of the interval.
        level: confidence level of the interval.
        p: two-sided p-value of the hypothesis that there is no difference.
        n_images: images that both are evaluated on.
        n_seeds: seeds of each.
    """

    value: float
    low: float
    high: float
    level: float
    p: float
    n_images: int
    n_seeds: tuple[int, int]

    @property
    def is_significant(self) -> bool:
        """True if the interval excludes zero."""
        return self.low > 0 or self.high < 0

    @escape_returned_text
    def __str__(self) -> str:
        return f"{100 * self.value:+.1f} points ({100 * self.low:+.1f} to {100 * self.high:+.1f})"


@check_arguments
def accuracy_gap(first: Any, second: Any, level: float = 0.95) -> AccuracyGap:
    """Compute the accuracy gap between two plans, each evaluated on the same images once per seed.

    Two sources of uncertainty add up. Sampling of images: the variance of the paired differences over images, each
    averaged over the seeds. Training: the variance of the accuracies over seeds, shrunk towards a usual standard
    deviation of 2 points where seeds are few. The interval is Student's t, with degrees of freedom by Welch and
    Satterthwaite.

    Args:
        first: (S, N) bool, correct or not, one row per seed.
        second: (R, N) bool, on the same images in the same order.
        level: confidence level of the interval, above 0 and below 1.

    Raises:
        BadData: different images, or fewer than 2.
        BadValue: a level out of range.
    """
    a, b = (np.atleast_2d(np.asarray(x, float)) for x in (first, second))
    if a.shape[1] != b.shape[1] or a.shape[1] < 2:
        raise BadData(f"expected the same images for both plans, at least 2; got {a.shape[1]} and {b.shape[1]}")
    if not 0 < level < 1:
        raise BadValue(f"expected a confidence level above 0 and below 1; got {level!r}")
    differences = a.mean(0) - b.mean(0)
    n, value = len(differences), float(differences.mean())
    # variance and degrees of freedom of each source of uncertainty
    parts = [(differences.var(ddof=1) / n, n - 1.0)]
    parts += [(_seed_variance(x.mean(1)) / len(x), len(x) - 1 + PRIOR_SEEDS) for x in (a, b)]
    variance = sum(v for v, _ in parts)
    df = variance**2 / sum(v**2 / f for v, f in parts) if variance else 1.0
    error = float(np.sqrt(variance))
    half_width = float(stats.t.ppf(0.5 + level / 2, df)) * error
    p = float(2 * stats.t.sf(abs(value) / error, df)) if error else float(value == 0)
    low, high = max(value - half_width, -1.0), min(value + half_width, 1.0)
    return AccuracyGap(value, low, high, level, p, n, (len(a), len(b)))


def _seed_variance(accuracies: np.ndarray) -> float:
    """Estimate the variance of accuracies over seeds, shrunk towards the usual one."""
    n = len(accuracies)
    variance = float(accuracies.var(ddof=1)) if n > 1 else 0.0
    return ((n - 1) * variance + PRIOR_SEEDS * SEED_STD**2) / (n - 1 + PRIOR_SEEDS)


def accuracy_gap_per_class(
    first: Any, second: Any, labels: np.ndarray, level: float = 0.95
) -> list[AccuracyGap | None]:
    """Compute the accuracy gap on the images of each class 0 .. K - 1; None for a class with fewer than two images."""
    a, b = (np.atleast_2d(np.asarray(x)) for x in (first, second))
    masks = [labels == k for k in range(int(labels.max()) + 1)]
    return [accuracy_gap(a[:, m], b[:, m], level) if m.sum() > 1 else None for m in masks]
