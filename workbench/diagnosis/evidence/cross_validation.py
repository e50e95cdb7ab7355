"""Cross-validated accuracy of linear heads."""

from __future__ import annotations

import numpy as np

from workbench.probes._task_affinity import linear_accuracy
from workbench.probes.validation import assign_folds


def cross_validated_accuracy(x: np.ndarray, y: np.ndarray, n_classes: int, n_folds: int = 3) -> float:
    """Compute the cross-validated accuracy of linear heads on x (N, D), averaged over the folds by their size."""
    fold = assign_folds(y, n_folds, 0)
    accuracies = [
        linear_accuracy(x[fold != f], y[fold != f], x[fold == f], y[fold == f], n_classes) for f in range(n_folds)
    ]
    return float(np.average(accuracies, weights=np.bincount(fold, minlength=n_folds)))
