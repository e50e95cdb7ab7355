"""k nearest neighbors: leave-one-out accuracy."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from workbench.errors import BadData, BadValue
from workbench.scores import scores
from workbench.scores.moments import get_labeled_rows

Metric = Literal["euclidean", "cosine"]
METRIC_NAMES = ("euclidean", "cosine")
BLOCK = 2**21


@scores.add("knn")
def knn(features: Any, labels: Any = None, *, k: int = 5, metric: Metric = "euclidean") -> float:
    """Compute the leave-one-out accuracy of a k-nearest-neighbors classifier of the features; 0 to 1.

    Ties between classes are broken in favor of the nearest neighbor.

    Args:
        features: (N, D), or `Moments` of an array.
        labels: (N,) target classes; None with moments.
        k: number of neighbors, 1 to N - 1.
        metric: distance between features: euclidean or cosine.

    Raises:
        BadValue: shapes that do not match, or an option out of range.
        BadData: NaN, constant features, fewer than two classes, or a feature vector of zeros under `cosine`.

    Needs: features, labels.
    Source: Cover and Hart 1967; leave-one-out as in Bolya et al. 2021, arXiv:2111.06977.
    Cost: N²·D operations and N·D numbers: minutes at N 50,000 on two cores.
    Breaks: a class with fewer than k / 2 + 1 images, which is outvoted; near duplicates among the images, which
        are each other's neighbors; features on different scales, where the largest dominates.
    """
    given = get_labeled_rows(features, labels, "neighbours")
    if not 1 <= k < len(given) or metric not in METRIC_NAMES:
        raise BadValue(
            f"expected k from 1 to {len(given) - 1} and metric one of {', '.join(METRIC_NAMES)}; got {k} and {metric}"
        )
    x = to_metric_space(given.to_tensor(), metric)
    length = x.square().sum(1)
    step, right = max(BLOCK // len(x), 1), 0
    for start in range(0, len(x), step):
        # |a|² is the same for all neighbors of a, and left out
        distances = torch.addmm(length, x[start : start + step], x.T, alpha=-2)
        rows = torch.arange(len(distances), device=x.device)
        distances[rows, rows + start] = torch.inf
        nearest = given.labels[distances.topk(k, largest=False).indices]
        right += int((majority_vote(nearest, len(given.classes)) == given.labels[start : start + step]).sum())
    return right / len(x)


def to_metric_space(x: Tensor, metric: str) -> Tensor:
    """Transform the images so that Euclidean distance orders them as `metric` does; x (N, D).

    Raises:
        BadData: all features are constant, or a feature vector is zero.
    """
    centered = x - x.mean(0)
    if float(centered.abs().max()) <= 1e-13 * float(x.abs().max()):
        raise BadData("the features are the same for all images, so they carry no information about the classes")
    if metric == "euclidean":
        return centered
    length = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    if not length.all():
        row = int((length[:, 0] == 0).nonzero()[0])
        raise BadData(
            f"the features of image {row} are all 0, so its cosine distance is undefined: use metric='euclidean'"
        )
    return x / length


def majority_vote(nearest: Tensor, n_classes: int) -> Tensor:
    """Return the class with the most votes, ties broken by the nearest; nearest (b, k), nearest first -> (b,)."""
    votes = torch.zeros(len(nearest), n_classes, dtype=torch.long, device=nearest.device)
    votes.scatter_add_(1, nearest, torch.ones_like(nearest))
    best = votes.gather(1, nearest) == votes.max(1, keepdim=True).values
    return nearest.gather(1, best.int().argmax(1, keepdim=True))[:, 0]
