"""Linear probe: a softmax regression on the features, tested on images it did not see."""

from __future__ import annotations

from typing import Any

from workbench.markers import Seed
from workbench.scores import scores
from workbench.scores.logistic import held_out
from workbench.scores.moments import images_of


@scores.add("linear_probe")
def linear_probe(features: Any, labels: Any = None, *, folds: int = 5, strength: float = 1.0, seed: Seed = 0) -> float:
    """The share of images that a linear classifier of the features gets right, cross-validated; 0 to 1.

    Softmax regression on standardised features, ½|W|² + C Σ cross-entropy, fitted anew to all folds but one.

    Args:
        features: (N, D), or `Moments` of an array.
        labels: (N,) the target's classes; None beside moments.
        folds: 2 to N; every class is spread over them.
        strength: C, above 0; the larger, the closer the fit.
        seed: of the dealing of images to folds.

    Raises:
        BadValue: shapes that do not fit together, or an option out of range.
        BadData: NaN, constant features, or too few images or classes.

    Needs: features, labels.
    Source: Kornblith et al. 2019, arXiv:1805.08974, for how far it foretells fine-tuning.
    Cost: folds·N·D·K operations, some tens of times, and 2·N·D numbers.
    Breaks: a class with one image, which is always missed; it favours backbones whose features are ready as they
        are over those that fine-tune well.
    """
    given = images_of(features, labels, "probes")
    guess = held_out(given, folds, strength, seed).argmax(1)
    return float((guess == given.labels).double().mean())
