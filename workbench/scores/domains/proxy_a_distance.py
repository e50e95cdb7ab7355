"""Proxy A-distance: how well a linear classifier tells two domains apart."""

from __future__ import annotations

from typing import Any

from workbench.markers import Seed
from workbench.scores import scores
from workbench.scores.domains.pair import told_apart


@scores.add("proxy_a_distance")
def proxy_a_distance(
    source_features: Any, target_features: Any, *, folds: int = 5, strength: float = 1.0, seed: Seed = 0
) -> float:
    """How far two domains lie apart: 0 where a linear classifier cannot tell them, 2 where it always can.

    2 (1 - 2 ε), ε the classifier's cross-validated error, the mean of both domains' shares of errors; at least 0.

    Args:
        source_features: (N, D) of the source domain's images.
        target_features: (M, D) of the target's.
        folds: 2 to N + M.
        strength: C of the softmax regression, above 0.
        seed: of the dealing of images to folds.

    Raises:
        BadValue: features of unequal width, or an option out of range.
        BadData: NaN, constant features, or too few images.

    Needs: source_features, target_features.
    Source: Ben-David et al. 2007, NIPS; a linear classifier as in Ganin et al. 2016, arXiv:1505.07818.
    Cost: folds·(N + M)·D operations, some tens of times, and 2·(N + M)·D numbers.
    Better: lower.
    Breaks: D near N + M or above, where ε is noise; a difference that no line sees is missed; it
        says that domains differ, not whether that matters to the classes.
    """
    probability, domain = told_apart(source_features, target_features, folds, strength, seed)
    wrong = (probability.argmax(1) != domain).double()
    error = (float(wrong[domain == 0].mean()) + float(wrong[domain == 1].mean())) / 2
    return max(2 * (1 - 2 * error), 0.0)
