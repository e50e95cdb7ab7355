"""PARC: do images of one class look alike to the backbone?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.errors import BadData, BadValue
from workbench.markers import Seed
from workbench.scores import scores
from workbench.scores.moments import Moments, images_of
from workbench.scores.rows import Rows


@scores.add("parc")
def parc(
    features: Any, labels: Any = None, *, components: int | None = 32, at_most: int = 2000, seed: Seed = 0
) -> float:
    """The rank correlation, over pairs of images, of unlikeness in the features and in the labels; between -1 and 1.

    Spearman's correlation of 1 - r(f_i, f_j) with 1 - r(y_i, y_j), r Pearson's correlation of two images' standardised
    features and of their one-hot labels. The paper gives it in percent.

    Args:
        features: (N, D), or `Moments` of an array.
        labels: (N,) the target's classes; None beside moments.
        components: principal components to keep first, at least 2; None takes the features as they are.
        at_most: images that are compared, at least 3; of more, so many are drawn.
        seed: of the draw.

    Raises:
        BadValue: shapes that do not fit together, or an option out of range.
        BadData: NaN, constant features, fewer than two classes, or an image without any variation in its features.

    Needs: features, labels.
    Source: Bolya et al. 2021, arXiv:2111.06977.
    Cost: n²·d operations and 3·n² numbers, n = min(N, `at_most`), and N·D² + D³ for the components.
    Breaks: many classes: few pairs share one, and the correlation is near 0 however good the backbone.
    """
    if at_most < 3 or (components is not None and components < 2):
        raise BadValue(f"at_most is at least 3 and components at least 2; they are {at_most} and {components}")
    given = drawn(features, labels, at_most, seed)
    x = given.whole() if components is None else Moments.of(given.whole(), given.labels).principal(components)
    if x.shape[1] < 2:
        raise BadData("images are correlated over their features: at least two features must vary")
    pairs = torch.triu_indices(len(x), len(x), 1, device=x.device)
    like = correlation(standardised(x))[pairs[0], pairs[1]]
    same = (given.labels[pairs[0]] == given.labels[pairs[1]]).double()
    return float(torch.corrcoef(torch.stack([ranks(-like), -same]))[0, 1])


def drawn(features: Any, labels: Any, at_most: int, seed: int) -> Rows:
    """The images, or `at_most` of them.

    Raises:
        BadData: no two of them share a class, or all do.
    """
    given = images_of(features, labels, "pairs of images")
    if len(given) > at_most:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(given))[:at_most])
        index = torch.from_numpy(chosen).to(given.labels.device)
        given = Rows(given.take(index), given.labels[index], given.classes)
    kinds = len(given.labels.unique())
    if kinds < 2 or kinds == len(given):
        raise BadData(
            f"pairs of one class and pairs of two are compared; {len(given)} images of {kinds} classes have not both"
        )
    return given


def standardised(x: Tensor) -> Tensor:
    """Each feature with mean 0 and deviation 1; constant ones 0. x (N, D)."""
    centred = x - x.mean(0)
    deviation = centred.square().mean(0).sqrt()
    still = deviation <= 1e-13 * x.abs().amax(0)
    if still.all():
        raise BadData("the features are the same for all images: they tell nothing of the classes")
    return torch.where(still, 0.0, centred / torch.where(still, 1.0, deviation))


def correlation(x: Tensor) -> Tensor:
    """Pearson's correlation of every two rows, x (N, D) -> (N, N).

    Raises:
        BadData: a row does not vary.
    """
    centred = x - x.mean(1, keepdim=True)
    length = torch.linalg.vector_norm(centred, dim=1, keepdim=True)
    flat = (length <= 1e-12 * max(float(length.max()), 1.0)).nonzero()
    if len(flat):
        raise BadData(
            f"the features of image {int(flat[0, 0])} are all at their mean: its likeness to others is not defined"
        )
    unit = centred / length
    return unit @ unit.T


def ranks(values: Tensor) -> Tensor:
    """Ranks from 1, equal values sharing the mean of theirs; (M,)."""
    ordered, order = values.sort()
    _, group, counts = ordered.unique_consecutive(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    shared = last - (counts - 1) / 2
    return torch.empty_like(shared[group]).scatter_(0, order, shared[group])
