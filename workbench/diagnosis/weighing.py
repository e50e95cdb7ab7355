"""How sure a cause is: what was seen gives odds, and the experiment multiplies them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from scipy import stats

from workbench.diagnosis.gaps import Gap

# what putting the right thing right is expected to gain, and the wrong thing: mean and standard deviation
RIGHT, WRONG = (0.10, 0.08), (0.0, 0.02)
LIMIT = 30.0  # odds that no single experiment exceeds
LEAST = 0.01  # gain below which putting it right gained nothing: it is refuted, whatever speaks for it
REFUTED = 0.3  # confidence that it has at most then
UNTRIED = 0.7  # confidence that a cause reaches at most whose experiment there was no time for


def weighed(strength: float, gain: Gap | None, triable: bool) -> float:
    """Confidence in a cause, 0 to 1.

    The strength of the evidence is read as a probability. The gain of the experiment is a measurement with an error,
    and its odds are those of a gain that putting the right thing right brings (10 points, give or take 8; more counts
    as much) against one that putting anything else right brings (none, give or take 2), by Bayes' rule. Where nothing
    is gained, the cause is refuted, whatever speaks for it.

    Args:
        strength: 0 to 1.
        gain: of the experiment; None where it was not carried out.
        triable: whether there is an experiment at all; without one, the evidence is all there is.
    """
    if gain is None:
        return min(strength, UNTRIED) if triable else strength
    prior = min(max(strength, 0.005), 0.995)
    odds = prior / (1 - prior) * evidence_of(gain)
    return min(odds / (1 + odds), REFUTED if gain.value < LEAST else 1.0)


def yielding(strength: float, likely: Iterable[float]) -> float:
    """What is left of a cause's strength where others that bring the same about are likely: all must be absent."""
    return strength * math.prod(1 - confidence for confidence in likely)


def evidence_of(gain: Gap) -> float:
    """Odds for a cause by the gain of putting it right."""
    error = error_of(gain)
    value = max(gain.value, 0.0)  # a loss speaks as much against it as no gain does
    for_it = stats.norm.logpdf(min(value, RIGHT[0]), RIGHT[0], math.hypot(RIGHT[1], error))
    against = stats.norm.logpdf(value, WRONG[0], math.hypot(WRONG[1], error))
    return float(math.exp(min(max(for_it - against, -math.log(LIMIT)), math.log(LIMIT))))


def error_of(gain: Gap) -> float:
    """Standard error of a gap, from its interval."""
    reach = max(gain.high - gain.value, gain.value - gain.low)
    return max(reach / float(stats.norm.ppf(0.5 + gain.level / 2)), 1e-3)
