"""The bound of Ben-David et al. 2010 on real numbers: what the error in the target is made of."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import printable_text
from workbench.markers import Seed
from workbench.probes.gap import checked_level, domain_errors, mean_of_rates, wilson
from workbench.probes.linear import Linear
from workbench.probes.samples import coded, halves, held_back, pair

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Bound:
    """ε_T ≤ ε_S + ½·d + λ with every term measured on images held back; all are shares of images, 0..1.

    Attributes:
        source_error: ε_S of the hypothesis that learnt from the source.
        half_distance: ½·d, half the proxy A-distance: how well the domains are told apart, 0..1.
        joint_error: λ, the summed errors, on source and target, of a hypothesis that learnt from both; 0..2.
        target_error: ε_T of the hypothesis that learnt from the source: what the others are to bound.
        disagreement: how much more (or less) often the two hypotheses differ on the target than on the source: with
            it in place of ½·d the inequality holds on these very images, whatever they are.
        low: lower ends of the four terms' intervals, in the order above.
        high: upper ends.
        level: of these intervals.
    """

    source_error: float
    half_distance: float
    joint_error: float
    target_error: float
    disagreement: float
    low: tuple[float, float, float, float]
    high: tuple[float, float, float, float]
    level: float

    @property
    def total(self) -> float:
        """ε_S + ½·d + λ; above 1 it says nothing."""
        return self.source_error + self.half_distance + self.joint_error

    @property
    def holds(self) -> bool:
        """Whether the measured target error is within the estimated bound."""
        return self.target_error <= self.total

    @property
    def frame(self) -> pd.DataFrame:
        """One row with the terms, their sum and the intervals' ends: rows of several bounds make one figure."""
        import pandas as pd

        terms = [f.name for f in fields(self)][:5]
        ends = {f"{name}_low": v for name, v in zip(terms[:4], self.low, strict=True)}
        ends |= {f"{name}_high": v for name, v in zip(terms[:4], self.high, strict=True)}
        row = {name: getattr(self, name) for name in terms} | {"total": self.total} | ends | {"level": self.level}
        return pd.DataFrame([row])

    @printable_text
    def __str__(self) -> str:
        terms = f"{self.source_error:.2f} + {self.half_distance:.2f} + {self.joint_error:.2f}"
        if self.total >= 1:
            said = "which says nothing, since no error exceeds 1"
        elif self.holds:
            said = "within it"
        else:
            said = "above it: the classifier that estimated ½·d saw too little"
        return f"ε_S + ½·d + λ = {terms} = {self.total:.2f}; ε_T is {self.target_error:.2f}, {said}"


@check_arguments
def bound(
    source: Any, source_labels: Any, target: Any, target_labels: Any, *, level: float = 0.95, seed: Seed = 0
) -> Bound:
    """What Ben-David's bound says for linear hypotheses on these features, term by term.

    Each domain is halved. A hypothesis learns from the source's first half, another from both first halves, a domain
    classifier from the same images; everything is judged on the second halves. The theory takes the greatest
    distance that two hypotheses of the class can see and the least joint error that one can reach; what is measured
    is the distance that one classifier saw, a floor, and the joint error that one hypothesis reached, a ceiling. So
    the sum is an estimate: it orders pairs of domains and says which term is the trouble, and guarantees nothing.
    λ needs target labels, which is why nobody has the bound before adapting.

    Ben-David et al. 2010, "A theory of learning from different domains", Machine Learning 79, theorem 2.

    Args:
        source: features (N, D) of one stage.
        source_labels: one class an image (N,).
        target: features (M, D) of the same stage.
        target_labels: one class an image (M,).
        level: of the intervals, above 0 and below 1.
        seed: of the halves.

    Raises:
        BadValue: features of different widths, labels of another length, a level out of range.
        BadData: fewer than 10 images, one class only, or features that are not finite.
    """
    s, t = pair(source, target)
    ys, yt, _ = coded(source_labels, target_labels, (len(s), len(t)))
    checked_level(level)
    s_half, t_half = halves(ys, seed), halves(yt, seed + 1)
    held_back(s_half, t_half)
    wrong = domain_errors(s, t, s_half, t_half, seed)
    error, low, high = mean_of_rates(*wrong, level)
    own, joint = hypotheses(s, ys, t, yt, s_half[0], t_half[0], seed)
    held = [(s[s_half[1]], ys[s_half[1]]), (t[t_half[1]], yt[t_half[1]])]
    misses = [[(h.predict(x) != y).sum() for x, y in held] for h in (own, joint)]
    counts = (len(held[0][0]), len(held[1][0]))
    apart = [float((own.predict(x) != joint.predict(x)).mean()) for x, _ in held]
    terms = [
        (misses[0][0] / counts[0], *wilson(int(misses[0][0]), counts[0], level)),
        tuple(float(np.clip(1 - 2 * e, 0, 1)) for e in (error, high, low)),
        tuple(2 * e for e in mean_of_rates((int(misses[1][0]), int(misses[1][1])), counts, level)),
        (misses[0][1] / counts[1], *wilson(int(misses[0][1]), counts[1], level)),
    ]
    values, lows, highs = (tuple(float(term[at]) for term in terms) for at in range(3))
    return Bound(*values, apart[1] - apart[0], lows, highs, level)  # type: ignore[arg-type]


def hypotheses(
    s: np.ndarray, ys: np.ndarray, t: np.ndarray, yt: np.ndarray, of_s: np.ndarray, of_t: np.ndarray, seed: int
) -> tuple[Linear, Linear]:
    """A linear classifier that learnt from source rows, and one that learnt from source and target rows alike."""
    own = Linear(s[of_s], ys[of_s], seed=seed)
    row = np.concatenate([np.full(len(of_s), 1 / len(of_s)), np.full(len(of_t), 1 / len(of_t))])
    joint = Linear(np.concatenate([s[of_s], t[of_t]]), np.concatenate([ys[of_s], yt[of_t]]), row, seed)
    return own, joint
