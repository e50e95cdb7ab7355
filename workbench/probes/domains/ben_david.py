"""Bound of Ben-David et al. 2010, estimated from features: the terms of the error in the target domain."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.errors import escape_returned_text
from workbench.probes.binomial_interval import wilson_interval
from workbench.probes.domains._domain_gap import check_level, count_domain_errors, mean_rate_interval
from workbench.probes.linear_classifier import LinearClassifier
from workbench.probes.validation import check_holdout, encode_labels, split_halves, to_domain_pair

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BenDavidBound", "ben_david_bound"]


@dataclass(frozen=True)
class BenDavidBound:
    """Terms of ε_T ≤ ε_S + ½·d + λ, each measured on held-out images; all are shares of images, 0..1.

    Attributes:
        source_error: ε_S of the hypothesis trained on the source.
        half_distance: ½·d, half the proxy A-distance: how well a classifier separates the domains, 0..1.
        joint_error: λ, the summed errors, on source and target, of a hypothesis trained on both; 0..2.
        target_error: ε_T of the hypothesis trained on the source: the error that the other terms bound.
        disagreement: how much more (or less) often the two hypotheses differ on the target than on the source: with it
            in place of ½·d the inequality always holds on these images.
        low: lower ends of the four terms' intervals, in the order above.
        high: upper ends.
        confidence_level: of these intervals, within 0..1.
    """

    source_error: float
    half_distance: float
    joint_error: float
    target_error: float
    disagreement: float
    low: tuple[float, float, float, float]
    high: tuple[float, float, float, float]
    confidence_level: float

    @property
    def total(self) -> float:
        """ε_S + ½·d + λ; above 1 it is no restriction."""
        return self.source_error + self.half_distance + self.joint_error

    @property
    def is_satisfied(self) -> bool:
        """True if the measured target error is within the estimated bound."""
        return self.target_error <= self.total

    @property
    def frame(self) -> pd.DataFrame:
        """Terms, their sum and the ends of their intervals in one row, so that several bounds can be concatenated."""
        import pandas as pd

        terms = [f.name for f in fields(self)][:5]
        ends = {f"{name}_low": v for name, v in zip(terms[:4], self.low, strict=True)}
        ends |= {f"{name}_high": v for name, v in zip(terms[:4], self.high, strict=True)}
        row = (
            {name: getattr(self, name) for name in terms}
            | {"total": self.total}
            | ends
            | {"level": self.confidence_level}
        )
        return pd.DataFrame([row])

    @escape_returned_text
    def __str__(self) -> str:
        terms = f"{self.source_error:.2f} + {self.half_distance:.2f} + {self.joint_error:.2f}"
        if self.total >= 1:
            relation = "no restriction by the bound, since no error exceeds 1"
        elif self.is_satisfied:
            relation = "within it"
        else:
            relation = "above it: the classifier that estimates ½·d is too weak"
        return f"ε_S + ½·d + λ = {terms} = {self.total:.2f}; ε_T is {self.target_error:.2f}, {relation}"


@check_arguments
def ben_david_bound(
    source: Any, source_labels: Any, target: Any, target_labels: Any, *, confidence_level: float = 0.95, seed: Seed = 0
) -> BenDavidBound:
    """Estimate the terms of Ben-David's bound for linear hypotheses on these features.

    Each domain is halved. One hypothesis is trained on the source's first half, another on both first halves, and a
    domain classifier on the same images; all are evaluated on the second halves. The theory takes the greatest distance
    that two hypotheses of the class can find and the least joint error that one can reach. Measured are the distance
    found by one classifier, a lower limit, and the joint error reached by one hypothesis, an upper limit. So the sum is
    an estimate: it orders pairs of domains and shows which term dominates, and guarantees nothing. λ needs target
    labels, so the bound cannot be computed before labels of the target exist.

    Source: Ben-David et al. 2010, "A theory of learning from different domains", Machine Learning 79, theorem 2.

    Args:
        source: features (N, D) of one stage.
        source_labels: one class per image (N,).
        target: features (M, D) of the same stage.
        target_labels: one class per image (M,).
        confidence_level: of the intervals, above 0 and below 1.
        seed: of the split into halves.

    Raises:
        BadValue: features of different widths, labels of another length, or a level out of range.
        BadData: fewer than 10 images, one class only, or features that are not finite.
    """
    s, t = to_domain_pair(source, target)
    ys, yt, _ = encode_labels(source_labels, target_labels, (len(s), len(t)))
    check_level(confidence_level)
    s_half, t_half = split_halves(ys, seed), split_halves(yt, seed + 1)
    check_holdout(s_half, t_half)
    wrong = count_domain_errors(s, t, s_half, t_half, seed)
    error, low, high = mean_rate_interval(*wrong, confidence_level)
    source_classifier, joint = fit_hypotheses(s, ys, t, yt, s_half[0], t_half[0], seed)
    test_sets = [(s[s_half[1]], ys[s_half[1]]), (t[t_half[1]], yt[t_half[1]])]
    n_wrong = [[(h.predict(x) != y).sum() for x, y in test_sets] for h in (source_classifier, joint)]
    counts = (len(test_sets[0][0]), len(test_sets[1][0]))
    disagreements = [float((source_classifier.predict(x) != joint.predict(x)).mean()) for x, _ in test_sets]
    terms = [
        (n_wrong[0][0] / counts[0], *wilson_interval(int(n_wrong[0][0]), counts[0], confidence_level)),
        tuple(float(np.clip(1 - 2 * e, 0, 1)) for e in (error, high, low)),
        tuple(2 * e for e in mean_rate_interval((int(n_wrong[1][0]), int(n_wrong[1][1])), counts, confidence_level)),
        (n_wrong[0][1] / counts[1], *wilson_interval(int(n_wrong[0][1]), counts[1], confidence_level)),
    ]
    values, lows, highs = (tuple(float(term[index]) for term in terms) for index in range(3))
    return BenDavidBound(*values, disagreements[1] - disagreements[0], lows, highs, confidence_level)  # type: ignore[arg-type]


def fit_hypotheses(
    s: np.ndarray, ys: np.ndarray, t: np.ndarray, yt: np.ndarray, s_rows: np.ndarray, t_rows: np.ndarray, seed: int
) -> tuple[LinearClassifier, LinearClassifier]:
    """Train a linear classifier on source rows, and one on source and target rows with equal domain weights."""
    source_classifier = LinearClassifier(s[s_rows], ys[s_rows], seed=seed)
    row_weights = np.concatenate([np.full(len(s_rows), 1 / len(s_rows)), np.full(len(t_rows), 1 / len(t_rows))])
    joint = LinearClassifier(
        np.concatenate([s[s_rows], t[t_rows]]), np.concatenate([ys[s_rows], yt[t_rows]]), row_weights, seed
    )
    return source_classifier, joint
