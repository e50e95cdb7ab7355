"""SFDA: self-challenging regularized Fisher discriminant of the classes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadData
from workbench.scores import scores
from workbench.scores.moments import Moments, RunningMoments


@scores.add("sfda")
def sfda(features: Any, labels: Any = None) -> float:
    """Compute the mean probability of the true class by a Fisher discriminant after mixing uncertain images; 0 to 1.

    The discriminant's within-class scatter is shrunk by s = max(exp(-5 λ), 1e-10), λ its largest eigenvalue after
    three rounds of power iteration. Each image is then moved towards the mean of the other classes, the more uncertain
    its class probability the further, and a second discriminant with the same s gives the probabilities.

    Args:
        features: (N, D), or `Moments` of an array, whose images are then read.
        labels: (N,) target classes; None with moments.

    Raises:
        BadValue: shapes that do not match.
        BadData: NaN, constant features, or fewer than two classes.

    Needs: features, labels.
    Source: Shao et al. 2022, arXiv:2207.03036; the mean of probabilities, not of their logarithms, as in their release.
    Cost: 2·N·D² + D³ operations and 4·D² numbers, in four passes; with moments, half of the products. With more
        features than images, 2·N²·D + 2·N³ and 4·N².
    Breaks: D near N or above, where the discriminant is certain of every image and the value is 1; the value depends on
        the scale of the features, since s does.
    """
    moments = Moments.from_features(features, labels)
    images = moments.get_rows("discriminants")
    first = FisherDiscriminant.from_moments(moments, compute_shrinkage(moments))
    others = (first.means.sum(0) - first.means) / (len(first.means) - 1)

    def mixed(x: Tensor, y: Tensor) -> Tensor:
        # a softmax of probabilities, which softens the confidence as in the paper
        confidence = first.predict_proba(x).softmax(1).gather(1, y[:, None])
        return confidence * x + (1 - confidence) * others[y]

    running = RunningMoments(images.n_features, images.labels.device, len(images.classes))
    for x, y in images.iter_blocks():
        running.add(mixed(x, y), y)
    second = FisherDiscriminant.from_moments(running.to_moments(images.classes, moments.n_features), first.shrinkage)
    right = first.means.new_zeros(())
    for x, y in images.iter_blocks():
        right += second.predict_proba(mixed(x, y)).gather(1, y[:, None]).sum()
    return float(right) / len(images)


@dataclass(frozen=True, eq=False)
class FisherDiscriminant:
    """Fisher's linear discriminant with the same shrunk scatter for all classes.

    Attributes:
        means: (K, D) of the classes.
        weights: (K, D), means multiplied by the inverse scatter.
        bias: (K,).
        shrinkage: s, between 0 and 1.
    """

    means: Tensor
    weights: Tensor
    bias: Tensor
    shrinkage: float

    @classmethod
    def from_moments(cls, moments: Moments, shrinkage: float) -> FisherDiscriminant:
        """Fit the discriminant to the images behind the moments.

        Raises:
            BadData: the images of each class are all the same.
        """
        within = moments.within_scatter / moments.n_images
        # distributed over all features, including those outside the coordinates of the moments
        ground = shrinkage * within.trace() / moments.n_features
        shrunk = (1 - shrinkage) * within
        shrunk.diagonal().add_(ground)
        factor, failed = torch.linalg.cholesky_ex(shrunk)
        if failed or not ground > 0:
            raise BadData(
                "within the classes the features are nearly constant or collinear: no discriminant can be fitted"
            )
        weights = torch.cholesky_solve(moments.means.T, factor).T
        prior = (moments.counts / moments.n_images).log()
        return cls(moments.means, weights, prior - torch.linalg.vecdot(moments.means, weights) / 2, shrinkage)

    def predict_proba(self, x: Tensor) -> Tensor:
        """Predict class probabilities, x (b, D) -> (b, K)."""
        return (x @ self.weights.T + self.bias).softmax(1)


def compute_shrinkage(moments: Moments) -> float:
    """Compute s from the largest eigenvalue of the within-class scatter."""
    within = moments.within_scatter / moments.n_images
    return max(math.exp(-5 * largest_eigenvalue(within, scatter_row_sums(moments, within))), 1e-10)


def scatter_row_sums(moments: Moments, within: Tensor) -> Tensor:
    """Compute the row sums of the within-class scatter, in the coordinates of the moments."""
    if moments.basis_rows is moments.rows or moments.rows is None:
        return within.sum(1)
    # coordinates in the span of the images lose the feature axes: their sum is recovered from the images
    images = moments.get_rows("discriminants")
    added = torch.cat([x.sum(1) for x, _ in moments.rows.iter_blocks()])
    return added @ (images.to_tensor() - moments.means[images.labels]) / moments.n_images


def largest_eigenvalue(matrix: Tensor, start: Tensor) -> float:
    """Compute the largest eigenvalue by three rounds of power iteration from `start`; 0 if that vanishes."""
    x = y = start
    for _ in range(3):
        y = torch.nn.functional.normalize(matrix @ x, dim=0, eps=0.0)
        x = torch.nn.functional.normalize(matrix @ y, dim=0, eps=0.0)
    value = float(x @ matrix @ y)
    return value if math.isfinite(value) else 0.0
