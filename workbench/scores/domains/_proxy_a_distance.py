"""Proxy A-distance: distance of two domains by the error of a linear classifier."""

from __future__ import annotations

from typing import Any

from workbench.annotated_types import Seed
from workbench.scores import scores
from workbench.scores.domains.domain_classifier import predict_domains


@scores.add("proxy_a_distance")
def proxy_a_distance(
    source_features: Any, target_features: Any, *, folds: int = 5, strength: float = 1.0, seed: Seed = 0
) -> float:
    """Compute the proxy A-distance: 0 where a linear classifier cannot separate the domains, 2 where it always can.

    2 (1 - 2 ε), where ε is the classifier's cross-validated error rate, averaged over both domains; at least 0.

    Args:
        source_features: (N, D) of the source images.
        target_features: (M, D) of the target images.
        folds: number of cross-validation folds, 2 to N + M.
        strength: C of the softmax regression, above 0.
        seed: seed of the assignment of images to folds.

    Raises:
        BadValue: features of different width, or an option out of range.
        BadData: NaN, constant features, or too few images.

    Needs: source_features, target_features.
    Source: Ben-David et al. 2007, NIPS; a linear classifier as in Ganin et al. 2016, arXiv:1505.07818.
    Cost: folds·(N + M)·D operations, some tens of times, and 2·(N + M)·D numbers.
    Better: lower.
    Breaks: D near N + M or above, where ε is noise; nonlinear differences are missed; it measures
        that domains differ, not whether the difference matters for the classes.
    """
    probability, domain = predict_domains(source_features, target_features, folds, strength, seed)
    wrong = (probability.argmax(1) != domain).double()
    error = (float(wrong[domain == 0].mean()) + float(wrong[domain == 1].mean())) / 2
    return max(2 * (1 - 2 * error), 0.0)
