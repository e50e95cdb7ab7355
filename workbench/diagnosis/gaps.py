"""Differences in accuracy between two ways of training, with their uncertainty: over images and over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from workbench.errors import BadData, BadValue, printable_text

SPREAD = 0.02  # standard deviation of one seed's accuracy where too few seeds tell it: what fine-tunings usually show
PRIOR = 2.0  # seeds' worth of belief in that


@dataclass(frozen=True)
class Gap:
    """How much more accurate one way is than another, in shares of images.

    Attributes:
        value: mean accuracy of the first less that of the second, -1 to 1.
        low: lower end of the interval.
        high: upper end.
        level: of the interval.
        p: chance of a gap at least as large, either way, if there were none.
        images: that both are judged on.
        seeds: of each.
    """

    value: float
    low: float
    high: float
    level: float
    p: float
    images: int
    seeds: tuple[int, int]

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out no difference at all."""
        return self.low > 0 or self.high < 0

    @printable_text
    def __str__(self) -> str:
        return f"{100 * self.value:+.1f} points ({100 * self.low:+.1f} to {100 * self.high:+.1f})"


def gap(first: Any, second: Any, level: float = 0.95) -> Gap:
    """The gap between two ways of training, each judged on the same images, once a seed.

    Two things make it uncertain. Other images would have been answered otherwise: the variance of the paired
    differences over images, each averaged over the seeds. Another seed would have trained otherwise: the variance of
    the accuracies over seeds, drawn towards a usual spread of 2 points where there are few. The two add up, and the
    interval is Student's, with Welch and Satterthwaite's degrees of freedom.

    Args:
        first: (S, N) bool, right or wrong; a row a seed.
        second: (R, N) bool, of the same images in the same order.
        level: of the interval, above 0 and below 1.

    Raises:
        BadData: other images, or fewer than 2.
        BadValue: a level out of range.
    """
    a, b = (np.atleast_2d(np.asarray(x, float)) for x in (first, second))
    if a.shape[1] != b.shape[1] or a.shape[1] < 2:
        raise BadData(f"a gap is measured on the same two or more images; got {a.shape[1]} and {b.shape[1]}")
    if not 0 < level < 1:
        raise BadValue(f"the level of an interval is above 0 and below 1; got {level!r}")
    apart = a.mean(0) - b.mean(0)
    count, value = len(apart), float(apart.mean())
    parts = [(apart.var(ddof=1) / count, count - 1.0)]
    parts += [(_seed_variance(x.mean(1)) / len(x), len(x) - 1 + PRIOR) for x in (a, b)]
    variance = sum(v for v, _ in parts)
    freedom = variance**2 / sum(v**2 / f for v, f in parts) if variance else 1.0
    error = float(np.sqrt(variance))
    reach = float(stats.t.ppf(0.5 + level / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(value) / error, freedom)) if error else float(value == 0)
    return Gap(value, max(value - reach, -1.0), min(value + reach, 1.0), level, p, count, (len(a), len(b)))


def _seed_variance(accuracies: np.ndarray) -> float:
    """The variance of accuracies over seeds, with some belief in the usual one."""
    count = len(accuracies)
    own = float(accuracies.var(ddof=1)) if count > 1 else 0.0
    return ((count - 1) * own + PRIOR * SPREAD**2) / (count - 1 + PRIOR)


def gaps_by_class(first: Any, second: Any, labels: np.ndarray, level: float = 0.95) -> list[Gap | None]:
    """The gap among the images of each class 0 .. K - 1; None for a class of fewer than two images."""
    a, b = (np.atleast_2d(np.asarray(x)) for x in (first, second))
    masks = [labels == k for k in range(int(labels.max()) + 1)]
    return [gap(a[:, m], b[:, m], level) if m.sum() > 1 else None for m in masks]
