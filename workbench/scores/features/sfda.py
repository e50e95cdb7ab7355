"""SFDA: how well a regularised Fisher discriminant tells the classes apart, hard images made harder."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadData
from workbench.scores import scores
from workbench.scores.moments import Running, images_of
from workbench.scores.rows import Rows

Change = Callable[[Tensor, Tensor], Tensor]


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
    Cost: 2·N·D² + 2·D³ operations and 4·D² numbers, in four passes.
    Breaks: D near N or above, where the discriminant is sure of every image and the value is 1; features on another
        scale, since s depends on it.
    """
    given = images_of(features, labels, "discriminants")
    first = Discriminant.of(given, unchanged)
    total = first.means.sum(0)
    others = (total - first.means) / (len(first.means) - 1)

    def mixed(x: Tensor, y: Tensor) -> Tensor:
        # a softmax of probabilities, as the paper softens its confidence
        sure = first.probabilities(x).softmax(1).gather(1, y[:, None])
        return sure * x + (1 - sure) * others[y]

    second = Discriminant.of(given, mixed, first.shrinkage)
    right = first.means.new_zeros(())
    for x, y in given.blocks():
        right += second.probabilities(mixed(x, y)).gather(1, y[:, None]).sum()
    return float(right) / len(given)


def unchanged(x: Tensor, y: Tensor) -> Tensor:
    """The images as they are."""
    return x


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
    def of(cls, given: Rows, change: Change, shrinkage: float | None = None) -> Discriminant:
        """The discriminant of the images after `change`; it finds its own shrinkage where none is given.

        Raises:
            BadData: the images of each class are all the same.
        """
        running = Running(given.dim, given.labels.device, len(given.classes))
        for x, y in given.blocks():
            running.add(change(x, y), y)
        moments = running.moments(given.classes, given.dim)
        within = moments.within / moments.n
        if shrinkage is None:
            shrinkage = max(math.exp(-5 * largest(within)), 1e-10)
        ground = shrinkage * within.trace() / given.dim
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


def largest(matrix: Tensor) -> float:
    """The largest eigenvalue, as three rounds of power iteration from the columns' sum find it; 0 if that vanishes."""
    x = y = matrix.sum(1)
    for _ in range(3):
        y = torch.nn.functional.normalize(matrix @ x, dim=0, eps=0.0)
        x = torch.nn.functional.normalize(matrix @ y, dim=0, eps=0.0)
    value = float(x @ matrix @ y)
    return value if math.isfinite(value) else 0.0
