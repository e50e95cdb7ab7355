"""Confidence in a cause: prior odds from the evidence, multiplied by a Bayes factor from the experiment."""

from __future__ import annotations

import math
from collections.abc import Iterable

from scipy import stats

from workbench.diagnosis.experiments.accuracy_gaps import AccuracyGap

# expected gain from fixing the true cause, and from fixing another: mean and standard deviation
GAIN_IF_CAUSE, GAIN_IF_OTHER = (0.10, 0.08), (0.0, 0.02)
MAX_ODDS = 30.0  # greatest Bayes factor of a single experiment
MIN_GAIN = 0.01  # gain below which a cause is refuted, whatever its evidence
MAX_REFUTED_CONFIDENCE = 0.3  # greatest confidence in a refuted cause
MAX_UNTESTED_CONFIDENCE = 0.7  # greatest confidence in a cause whose experiment was not run


def compute_confidence(strength: float, gain: AccuracyGap | None, has_experiment: bool) -> float:
    """Compute the confidence in a cause, 0 to 1.

    The strength of the evidence is the prior probability. The gain of the experiment is a measurement with an error; by
    Bayes' rule its odds compare the gain expected from fixing the true cause (10 points, standard deviation 8; larger
    gains count as 10) with the gain expected from fixing anything else (0, standard deviation 2). Without any gain the
    cause is refuted, whatever its evidence.

    Args:
        strength: 0 to 1.
        gain: gain of the experiment; None if it was not run.
        has_experiment: False if no experiment exists, so that confidence rests on the evidence alone.
    """
    if gain is None:
        return min(strength, MAX_UNTESTED_CONFIDENCE) if has_experiment else strength
    prior = min(max(strength, 0.005), 0.995)
    odds = prior / (1 - prior) * bayes_factor(gain)
    return min(odds / (1 + odds), MAX_REFUTED_CONFIDENCE if gain.value < MIN_GAIN else 1.0)


def explain_away(strength: float, confidences: Iterable[float]) -> float:
    """Multiply a cause's strength by the probability that all its alternative causes are absent (explaining away)."""
    return strength * math.prod(1 - confidence for confidence in confidences)


def bayes_factor(gain: AccuracyGap) -> float:
    """Compute the Bayes factor for a cause from the gain of its fix."""
    error = standard_error(gain)
    value = max(gain.value, 0.0)  # a loss counts as no gain
    if_cause = stats.norm.logpdf(min(value, GAIN_IF_CAUSE[0]), GAIN_IF_CAUSE[0], math.hypot(GAIN_IF_CAUSE[1], error))
    if_other = stats.norm.logpdf(value, GAIN_IF_OTHER[0], math.hypot(GAIN_IF_OTHER[1], error))
    return float(math.exp(min(max(if_cause - if_other, -math.log(MAX_ODDS)), math.log(MAX_ODDS))))


def standard_error(gain: AccuracyGap) -> float:
    """Compute the standard error of a gap from its interval."""
    half_width = max(gain.high - gain.value, gain.value - gain.low)
    return max(half_width / float(stats.norm.ppf(0.5 + gain.level / 2)), 1e-3)
