"""Linear probe: cross-validated accuracy of a softmax regression on the features."""

from __future__ import annotations

from typing import Any

from workbench.annotated_types import Seed
from workbench.scores import scores
from workbench.scores.moments import get_labeled_rows
from workbench.scores.softmax_regression import cross_val_predict_proba


@scores.add("linear_probe")
def linear_probe(features: Any, labels: Any = None, *, folds: int = 5, strength: float = 1.0, seed: Seed = 0) -> float:
    """Compute the cross-validated accuracy of a linear classifier of the features; 0 to 1.

    Softmax regression on standardized features, ½|W|² + C Σ cross-entropy, fitted to all folds but one in turn.

    Args:
        features: (N, D), or `Moments` of an array.
        labels: (N,) target classes; None with moments.
        folds: number of cross-validation folds, 2 to N, balanced by class.
        strength: C, above 0; a larger value regularizes less.
        seed: seed of the assignment of images to folds.

    Raises:
        BadValue: shapes that do not match, or an option out of range.
        BadData: NaN, constant features, or too few images or classes.

    Needs: features, labels.
    Source: Kornblith et al. 2019, arXiv:1805.08974, for how well it predicts fine-tuning.
    Cost: folds·N·D·K operations, some tens of times, and 2·N·D numbers.
    Breaks: a class with one image, which is always missed; it favors backbones whose features are ready to use over
        those that fine-tune well.
    """
    given = get_labeled_rows(features, labels, "probes")
    guess = cross_val_predict_proba(given, folds, strength, seed).argmax(1)
    return float((guess == given.labels).double().mean())
