"""Domain-classifier entropy: how unsure a classifier is which domain an image is from."""

from __future__ import annotations

from typing import Any

from workbench.markers import Seed
from workbench.scores import scores
from workbench.scores.domains.pair import told_apart


@scores.add("domain_entropy")
def domain_entropy(
    source_features: Any, target_features: Any, *, folds: int = 5, strength: float = 1.0, seed: Seed = 0
) -> float:
    """How unsure a linear classifier is of an image's domain, in bits: 0 where it is certain, 1 where it guesses.

    The entropy -Σ_d p(d|x) log₂ p(d|x) of images that the classifier was not fitted to, its mean in each domain, and
    the mean of both. Unlike the A-distance it moves before the first image changes sides.

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
    Source: the domain classifier of Ganin et al. 2016, arXiv:1505.07818.
    Cost: folds·(N + M)·D operations, some tens of times, and 2·(N + M)·D numbers.
    Breaks: D near N + M or above, where the classifier is certain and wrong: read it beside `proxy_a_distance`;
        domains of unequal size, where guessing the larger is less than 1 bit.
    """
    probability, domain = told_apart(source_features, target_features, folds, strength, seed)
    # 0 log 0 is 0
    entropy = -(probability * probability.clamp(min=1e-300).log2()).sum(1)
    return (float(entropy[domain == 0].mean()) + float(entropy[domain == 1].mean())) / 2
