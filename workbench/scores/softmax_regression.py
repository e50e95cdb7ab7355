"""Softmax regression and its cross-validated predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.errors import BadData, BadValue
from workbench.scores.labeled_rows import LabeledRows

MAX_STEPS = 300
GRADIENT_TOLERANCE = 1e-6
CHANGE_TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class SoftmaxRegression:
    """Linear classifier of standardized features.

    Attributes:
        mean: (D,) of the features it was fitted to.
        scale: (D,) their standard deviation; infinite for constant features, which leaves them out.
        weights: (D, K).
        bias: (K,).
    """

    mean: Tensor
    scale: Tensor
    weights: Tensor
    bias: Tensor

    @classmethod
    def fit(cls, x: Tensor, y: Tensor, n_classes: int, strength: float) -> SoftmaxRegression:
        """Fit the classifier that minimizes ½|W|² + C Σ cross-entropy; x (N, D), y (N,).

        Args:
            n_classes: K.
            strength: C, above 0; a larger value regularizes less.

        Raises:
            BadData: all features are constant.
        """
        mean = x.mean(0)
        scale = (x - mean).square().mean(0).sqrt()
        is_constant = scale <= 1e-13 * mean.abs()
        if is_constant.all():
            raise BadData("the features are the same for all images, so they carry no information about the classes")
        scale = torch.where(is_constant, torch.inf, scale)
        weights = torch.zeros(x.shape[1] + 1, n_classes, dtype=x.dtype, device=x.device, requires_grad=True)
        z = (x - mean) / scale
        options: dict[str, Any] = {
            "max_iter": MAX_STEPS,
            "tolerance_grad": GRADIENT_TOLERANCE,
            "line_search_fn": "strong_wolfe",
        }
        search = torch.optim.LBFGS([weights], tolerance_change=CHANGE_TOLERANCE, history_size=10, **options)

        def loss() -> Tensor:
            search.zero_grad()
            fit = torch.nn.functional.cross_entropy(torch.addmm(weights[-1], z, weights[:-1]), y)
            value = fit + weights[:-1].square().sum() / (2 * strength * len(z))
            value.backward()
            return value

        with torch.enable_grad():
            search.step(loss)
        solution = weights.detach()
        return cls(mean, scale, solution[:-1], solution[-1])

    def predict_proba(self, x: Tensor) -> Tensor:
        """Predict class probabilities; x (b, D) -> (b, K)."""
        return torch.addmm(self.bias, (x - self.mean) / self.scale, self.weights).softmax(1)


def cross_val_predict_proba(given: LabeledRows, folds: int, strength: float, seed: int) -> Tensor:
    """Predict class probabilities of each image by a classifier fitted to the other folds, (N, K).

    A class without an image in the other folds has probability 0.

    Args:
        folds: number of folds, 2 to N.
        strength: C of the classifier, above 0.
        seed: seed of the assignment of images to folds.

    Raises:
        BadValue: folds or strength out of range.
        BadData: the images outside a fold are of one class.
    """
    if not 2 <= folds <= len(given) or not strength > 0:
        raise BadValue(f"expected folds from 2 to {len(given)} and strength above 0; got {folds} and {strength}")
    fold = assign_folds(given.labels.cpu().numpy(), folds, seed)
    result = torch.zeros(len(given), len(given.classes), dtype=torch.float64, device=given.labels.device)
    for number in range(folds):
        inside = torch.from_numpy(np.flatnonzero(fold == number)).to(given.labels.device)
        others = torch.from_numpy(np.flatnonzero(fold != number)).to(given.labels.device)
        present, y = given.labels[others].unique(return_inverse=True)
        if len(present) < 2:
            raise BadData(f"{len(given)} images are too few for cross-validation: label more")
        probe = SoftmaxRegression.fit(given.take(others), y, len(present), strength)
        result[inside[:, None], present] = probe.predict_proba(given.take(inside))
    return result


def assign_folds(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Assign each image to a fold (N,), balanced by class and in total."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), dtype=int)
    fold[order] = np.arange(len(labels)) % folds
    return fold
