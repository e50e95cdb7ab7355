"""Softmax regression, and what it says of images that it was not fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.errors import BadData, BadValue
from workbench.scores.rows import Rows

STEPS = 300
GRADIENT = 1e-6
CHANGE = 1e-10


@dataclass(frozen=True, eq=False)
class Probe:
    """A linear classifier of standardised features.

    Attributes:
        mean: (D,) of the features it was fitted to.
        scale: (D,) their deviation; infinite where they are constant, which leaves such features out.
        weights: (D, K).
        bias: (K,).
    """

    mean: Tensor
    scale: Tensor
    weights: Tensor
    bias: Tensor

    @classmethod
    def fitted(cls, x: Tensor, y: Tensor, classes: int, strength: float) -> Probe:
        """The probe that minimises ½|W|² + C Σ cross-entropy; x (N, D), y (N,).

        Args:
            classes: K.
            strength: C, above 0; the larger, the closer the fit.

        Raises:
            BadData: no feature varies.
        """
        mean = x.mean(0)
        scale = (x - mean).square().mean(0).sqrt()
        still = scale <= 1e-13 * mean.abs()
        if still.all():
            raise BadData("the features are the same for all images: they tell nothing of the classes")
        scale = torch.where(still, torch.inf, scale)
        weights = torch.zeros(x.shape[1] + 1, classes, dtype=x.dtype, device=x.device, requires_grad=True)
        z = (x - mean) / scale
        options: dict[str, Any] = {"max_iter": STEPS, "tolerance_grad": GRADIENT, "line_search_fn": "strong_wolfe"}
        search = torch.optim.LBFGS([weights], tolerance_change=CHANGE, history_size=10, **options)

        def loss() -> Tensor:
            search.zero_grad()
            fit = torch.nn.functional.cross_entropy(torch.addmm(weights[-1], z, weights[:-1]), y)
            value = fit + weights[:-1].square().sum() / (2 * strength * len(z))
            value.backward()
            return value

        with torch.enable_grad():
            search.step(loss)
        found = weights.detach()
        return cls(mean, scale, found[:-1], found[-1])

    def probabilities(self, x: Tensor) -> Tensor:
        """Of each class; x (b, D) -> (b, K)."""
        return torch.addmm(self.bias, (x - self.mean) / self.scale, self.weights).softmax(1)


def held_out(given: Rows, folds: int, strength: float, seed: int) -> Tensor:
    """Each image's class probabilities by a probe that was fitted to the other folds, (N, K).

    A class without an image in the other folds has probability 0 there.

    Args:
        folds: 2 to N.
        strength: C of the probe, above 0.
        seed: of the dealing of images to folds.

    Raises:
        BadValue: folds or strength out of range.
        BadData: the images outside a fold are of one class.
    """
    if not 2 <= folds <= len(given) or not strength > 0:
        raise BadValue(f"folds is 2 to {len(given)} and strength above 0; they are {folds} and {strength}")
    fold = dealt(given.labels.cpu().numpy(), folds, seed)
    result = torch.zeros(len(given), len(given.classes), dtype=torch.float64, device=given.labels.device)
    for number in range(folds):
        inside = torch.from_numpy(np.flatnonzero(fold == number)).to(given.labels.device)
        others = torch.from_numpy(np.flatnonzero(fold != number)).to(given.labels.device)
        present, y = given.labels[others].unique(return_inverse=True)
        if len(present) < 2:
            raise BadData(f"{len(given)} images are too few to learn from some and test on others: label more")
        probe = Probe.fitted(given.take(others), y, len(present), strength)
        result[inside[:, None], present] = probe.probabilities(given.take(inside))
    return result


def dealt(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """A fold for each image (N,), every class and the whole spread over them as evenly as can be."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), dtype=int)
    fold[order] = np.arange(len(labels)) % folds
    return fold
