"""k nearest neighbours: is an image's class that of the images most like it?"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from workbench.errors import BadData, BadValue
from workbench.scores import scores
from workbench.scores.moments import images_of

Metric = Literal["euclidean", "cosine"]
METRICS = ("euclidean", "cosine")
BLOCK = 2**21


@scores.add("knn")
def knn(features: Any, labels: Any = None, *, k: int = 5, metric: Metric = "euclidean") -> float:
    """The share of images whose k nearest others vote for their class, each left out in turn; 0 to 1.

    Of classes with equally many votes, the one that holds the nearest neighbour wins.

    Args:
        features: (N, D), or `Moments` of an array.
        labels: (N,) the target's classes; None beside moments.
        k: neighbours, 1 to N - 1.
        metric: what near means.

    Raises:
        BadValue: shapes that do not fit together, or an option out of range.
        BadData: NaN, constant features, fewer than two classes, or a feature vector of zeros under `cosine`.

    Needs: features, labels.
    Source: Cover and Hart 1967; leave-one-out as in Bolya et al. 2021, arXiv:2111.06977.
    Cost: N²·D operations and N·D numbers: minutes at N 50,000 on two cores.
    Breaks: a class with fewer than k / 2 + 1 images, which is outvoted; near duplicates among the images, which
        find each other; features on unlike scales, where the largest decides.
    """
    given = images_of(features, labels, "neighbours")
    if not 1 <= k < len(given) or metric not in METRICS:
        raise BadValue(f"k is 1 to {len(given) - 1} and metric one of {', '.join(METRICS)}; they are {k} and {metric}")
    x = placed(given.whole(), metric)
    length = x.square().sum(1)
    step, right = max(BLOCK // len(x), 1), 0
    for start in range(0, len(x), step):
        # |a|² is the same for all neighbours of a, and left out
        apart = torch.addmm(length, x[start : start + step], x.T, alpha=-2)
        own = torch.arange(len(apart), device=x.device)
        apart[own, own + start] = torch.inf
        nearest = given.labels[apart.topk(k, largest=False).indices]
        right += int((vote(nearest, len(given.classes)) == given.labels[start : start + step]).sum())
    return right / len(x)


def placed(x: Tensor, metric: str) -> Tensor:
    """The images where Euclid's distance sorts them as `metric` does, about their mean; x (N, D).

    Raises:
        BadData: no feature varies, or an image without a direction.
    """
    centred = x - x.mean(0)
    if float(centred.abs().max()) <= 1e-13 * float(x.abs().max()):
        raise BadData("the features are the same for all images: they tell nothing of the classes")
    if metric == "euclidean":
        return centred
    length = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    if not length.all():
        nowhere = int((length[:, 0] == 0).nonzero()[0])
        raise BadData(f"image {nowhere} has features that are all 0, so it has no cosine: take metric='euclidean'")
    return x / length


def vote(nearest: Tensor, classes: int) -> Tensor:
    """The class with the most votes, of equals that of the nearest; nearest (b, k), nearest first -> (b,)."""
    votes = torch.zeros(len(nearest), classes, dtype=torch.long, device=nearest.device)
    votes.scatter_add_(1, nearest, torch.ones_like(nearest))
    best = votes.gather(1, nearest) == votes.max(1, keepdim=True).values
    return nearest.gather(1, best.int().argmax(1, keepdim=True))[:, 0]
