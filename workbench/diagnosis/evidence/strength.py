"""Strength of evidence, from a measured value."""

from __future__ import annotations

from scipy.special import expit


def logistic_step(value: float, midpoint: float, width: float) -> float:
    """Map a value to 0 to 1 by a logistic curve: 0.5 at `midpoint`, 0.1 and 0.9 at `width` below and above it."""
    return float(expit(2.2 * (value - midpoint) / width))
