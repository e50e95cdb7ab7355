"""Domain-classifier entropy: uncertainty of a classifier of the domains."""

from __future__ import annotations

from typing import Any

from workbench.annotated_types import Seed
from workbench.scores import scores
from workbench.scores.domains.domain_classifier import predict_domains


@scores.add("domain_entropy")
def domain_entropy(
    source_features: Any, target_features: Any, *, folds: int = 5, strength: float = 1.0, seed: Seed = 0
) -> float:
    """Compute the entropy of a linear domain classifier, in bits: 0 where it is certain, 1 where it guesses.

    The entropy -Σ_d p(d|x) log₂ p(d|x) of images that the classifier was not fitted to, averaged over each domain, then
    over both. Unlike the A-distance it changes before the first image is classified differently.

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
    Source: the domain classifier of Ganin et al. 2016, arXiv:1505.07818.
    Cost: folds·(N + M)·D operations, some tens of times, and 2·(N + M)·D numbers.
    Breaks: D near N + M or above, where the classifier is certain and wrong: read it together with
        `proxy_a_distance`; domains of different size, where guessing the larger gives less than 1 bit.
    """
    probability, domain = predict_domains(source_features, target_features, folds, strength, seed)
    # 0 log 0 is 0
    entropy = -(probability * probability.clamp(min=1e-300).log2()).sum(1)
    return (float(entropy[domain == 0].mean()) + float(entropy[domain == 1].mean())) / 2
