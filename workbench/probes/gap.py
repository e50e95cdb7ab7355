"""How far two domains lie apart in a net's features: proxy A-distance and maximum mean discrepancy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadValue, printable_text
from workbench.markers import Seed
from workbench.probes.linear import Linear
from workbench.probes.samples import halves, pair
from workbench.probes.two_sample import mmd

MOST = 1500  # rows a domain that the discrepancy is taken over: its kernel is quadratic in them


@dataclass(frozen=True)
class DomainGap:
    """The distance of two domains as a classifier sees it, and as a kernel does.

    Attributes:
        distance: proxy A-distance, 0 (cannot be told apart) to 2 (always told apart).
        low: lower end of its interval.
        high: upper end.
        level: of the interval, within 0..1; over the images held back, not over the classifier's training.
        error: balanced error of the domain classifier on images held back, 0..1.
        discrepancy: squared maximum mean discrepancy, unbiased, so that it may fall below 0 for equal domains.
        p_value: share of 499 shuffles of the domains, this one counted, whose discrepancy is as great.
        counts: images held back, source and target.
    """

    distance: float
    low: float
    high: float
    level: float
    error: float
    discrepancy: float
    p_value: float
    counts: tuple[int, int]

    @printable_text
    def __str__(self) -> str:
        return (
            f"proxy A-distance {self.distance:.2f} ({self.low:.2f} to {self.high:.2f}), a domain classifier errs on "
            f"{self.error:.0%} of {sum(self.counts)} images; MMD² {self.discrepancy:.3g}, p = {self.p_value:.2g}"
        )


@check_arguments
def domain_gap(source: Any, target: Any, *, level: float = 0.95, seed: Seed = 0) -> DomainGap:
    """How far two domains lie apart in the features of one stage.

    The proxy A-distance is 2·(1 − 2·error) of a linear domain classifier that learns on one half of each domain and
    is judged on the other; below an error of one half it is cut at 0. A richer classifier may tell more apart, so it
    is a floor. The discrepancy takes a Gaussian kernel whose width is the median distance between images.

    Ben-David et al. 2007, "Analysis of representations for domain adaptation"; Gretton et al. 2012, "A kernel
    two-sample test".

    Args:
        source: features (N, D).
        target: features (M, D) from the same stage.
        level: of the interval, above 0 and below 1.
        seed: of the halves and of the shuffles.

    Raises:
        BadValue: features of different widths, or a level out of range.
        BadData: fewer than 10 images, or features that are not finite.
    """
    s, t = pair(source, target)
    checked_level(level)
    s_half, t_half = split(len(s), seed), split(len(t), seed + 1)
    wrong, counts = domain_errors(s, t, s_half, t_half, seed)
    error, low, high = mean_of_rates(wrong, counts, level)
    distance, nearest, farthest = (float(np.clip(2 * (1 - 2 * e), 0, 2)) for e in (error, high, low))
    random = np.random.default_rng(seed)
    few = [x[random.permutation(len(x))[:MOST]] for x in (s, t)]
    discrepancy, p_value = mmd(few[0], few[1], random)
    return DomainGap(distance, nearest, farthest, level, error, discrepancy, p_value, counts)


def split(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from and rows held back, half and half."""
    return halves(np.zeros(count, dtype=int), seed)


def domain_errors(
    s: np.ndarray, t: np.ndarray, s_half: tuple[np.ndarray, ...], t_half: tuple[np.ndarray, ...], seed: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many held-back images of the source and of the target a domain classifier errs on, and of how many."""
    classifier = domain_classifier(s[s_half[0]], t[t_half[0]], seed=seed)
    wrong = (
        int((classifier.predict(s[s_half[1]]) != 0).sum()),
        int((classifier.predict(t[t_half[1]]) != 1).sum()),
    )
    return wrong, (len(s_half[1]), len(t_half[1]))


def domain_classifier(s: np.ndarray, t: np.ndarray, weights: np.ndarray | None = None, seed: int = 0) -> Linear:
    """A linear classifier of source (0) against target (1), both domains weighing the same.

    Args:
        weights: of the source rows (N,); all alike if None.
    """
    w = np.ones(len(s)) if weights is None else weights
    # the smaller domain is weighed up, not the larger one thrown away
    row = np.concatenate([w / w.sum(), np.full(len(t), 1 / len(t))])
    return Linear(np.concatenate([s, t]), np.repeat([0, 1], [len(s), len(t)]), row, seed)


def mean_of_rates(wrong: tuple[int, int], counts: tuple[int, int], level: float) -> tuple[float, float, float]:
    """The mean of two error rates and its interval, each rate's from Wilson's (Newcombe 1998, method 10)."""
    rates = [w / n for w, n in zip(wrong, counts, strict=True)]
    ends = [wilson(w, n, level) for w, n in zip(wrong, counts, strict=True)]
    below = math.hypot(*(r - low for r, (low, _) in zip(rates, ends, strict=True))) / 2
    above = math.hypot(*(high - r for r, (_, high) in zip(rates, ends, strict=True))) / 2
    mean = sum(rates) / 2
    return mean, max(mean - below, 0.0), min(mean + above, 1.0)


def wilson(wrong: int, count: int, level: float) -> tuple[float, float]:
    """Wilson's interval of a rate: `wrong` of `count`."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    rate, room = wrong / count, z * z / count
    middle = (rate + room / 2) / (1 + room)
    half = z / (1 + room) * np.sqrt(rate * (1 - rate) / count + room / (4 * count))
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)


def checked_level(level: Any) -> None:
    """Refuses a level of intervals or tests outside 0..1."""
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 1:
        raise BadValue(f"the level is a share above 0 and below 1, such as 0.95; got {level!r}")
