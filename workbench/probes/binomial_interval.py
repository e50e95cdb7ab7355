"""Confidence interval of a rate."""

from __future__ import annotations


def wilson_interval(n_hits: int, n_images: int, confidence_level: float = 0.95) -> tuple[float, float]:
    """Compute Wilson's interval of the rate `n_hits / n_images`, within 0..1.

    Source: Wilson 1927.
    """
    from scipy.stats import binomtest

    interval = binomtest(n_hits, n_images).proportion_ci(confidence_level, method="wilson")
    return float(interval.low), float(interval.high)
