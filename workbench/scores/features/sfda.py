"""SFDA: how well a regularised Fisher discriminant tells the classes apart, hard images made harder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadData
from workbench.scores import scores
from workbench.scores.moments import Moments, Running


@scores.add("sfda")
def sfda(features: Any, labels: Any = None) -> float:
    """The mean probability that a Fisher discriminant gives the true class, once unsure images are mixed; 0 to 1.

    The discriminant's within-class scatter is shrunk by s = max(exp(-5 λ), 1e-10), λ its largest eigenvalue after
    three rounds of power iteration. Each image is then drawn towards the mean of the other classes as far as the
    discriminant doubts it, and a second discriminant, with the same s, gives the probabilities.

    Args:
        features: (N, D), or `Moments` of an array, whose images are then read.
        labels: (N,) the target's classes; None beside moments.

    Raises:
        BadValue: shapes that do not fit together.
        BadData: NaN, constant features, or fewer than two classes.

    Needs: features, labels.
    Source: Shao et al. 2022, arXiv:2207.03036; the mean of probabilities, not of their logarithms, as in their release.
    Cost: 2·N·D² + D³ operations and 4·D² numbers, in four passes; with moments, half of the products. With more
        features than images, 2·N²·D + 2·N³ and 4·N².
    Breaks: D near N or above, where the discriminant is sure of every image and the value is 1; features on another
        scale, since s depends on it.
    """
    moments = Moments.of(features, labels)
    images = moments.own("discriminants")
    first = Discriminant.of(moments, shrinkage_of(moments))
    others = (first.means.sum(0) - first.means) / (len(first.means) - 1)

    def mixed(x: Tensor, y: Tensor) -> Tensor:
        # a softmax of probabilities, as the paper softens its confidence
        sure = first.probabilities(x).softmax(1).gather(1, y[:, None])
        return sure * x + (1 - sure) * others[y]

    running = Running(images.dim, images.labels.device, len(images.classes))
    for x, y in images.blocks():
        running.add(mixed(x, y), y)
    second = Discriminant.of(running.moments(images.classes, moments.dim), first.shrinkage)
    right = first.means.new_zeros(())
    for x, y in images.blocks():
        right += second.probabilities(mixed(x, y)).gather(1, y[:, None]).sum()
    return float(right) / len(images)


@dataclass(frozen=True, eq=False)
class Discriminant:
    """Fisher's linear discriminant with equal, shrunk scatter in all classes.

    Attributes:
        means: (K, D) of the classes.
        weights: (K, D), the means in units of the scatter.
        bias: (K,).
        shrinkage: s, between 0 and 1.
    """

    means: Tensor
    weights: Tensor
    bias: Tensor
    shrinkage: float

    @classmethod
    def of(cls, moments: Moments, shrinkage: float) -> Discriminant:
        """The discriminant of the images behind the moments.

        Raises:
            BadData: the images of each class are all the same.
        """
        within = moments.within / moments.n
        # spread over all features, those included that the moments' coordinates leave out
        ground = shrinkage * within.trace() / moments.dim
        shrunk = (1 - shrinkage) * within
        shrunk.diagonal().add_(ground)
        factor, failed = torch.linalg.cholesky_ex(shrunk)
        if failed or not ground > 0:
            raise BadData("within the classes the features hardly vary, or vary together: no discriminant can be found")
        weights = torch.cholesky_solve(moments.means.T, factor).T
        prior = (moments.counts / moments.n).log()
        return cls(moments.means, weights, prior - torch.linalg.vecdot(moments.means, weights) / 2, shrinkage)

    def probabilities(self, x: Tensor) -> Tensor:
        """Of each class, x (b, D) -> (b, K)."""
        return (x @ self.weights.T + self.bias).softmax(1)


def shrinkage_of(moments: Moments) -> float:
    """s, from the largest eigenvalue of the scatter within the classes."""
    within = moments.within / moments.n
    return max(math.exp(-5 * largest(within, sums(moments, within))), 1e-10)


def sums(moments: Moments, within: Tensor) -> Tensor:
    """The rows' sums of the scatter within the classes, told in the coordinates of the moments."""
    if moments.turned is moments.rows or moments.rows is None:
        return within.sum(1)
    # in coordinates of the images' own span the features' axes are gone: their sum is known from every image's
    images = moments.own("discriminants")
    added = torch.cat([x.sum(1) for x, _ in moments.rows.blocks()])
    return added @ (images.whole() - moments.means[images.labels]) / moments.n


def largest(matrix: Tensor, start: Tensor) -> float:
    """The largest eigenvalue, as three rounds of power iteration from `start` find it; 0 if that vanishes."""
    x = y = start
    for _ in range(3):
        y = torch.nn.functional.normalize(matrix @ x, dim=0, eps=0.0)
        x = torch.nn.functional.normalize(matrix @ y, dim=0, eps=0.0)
    value = float(x @ matrix @ y)
    return value if math.isfinite(value) else 0.0
