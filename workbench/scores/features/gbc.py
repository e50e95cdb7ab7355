"""GBC: how little the classes overlap, each a Gaussian."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from workbench.errors import BadData
from workbench.forms import Range
from workbench.scores import scores
from workbench.scores.moments import Moments, images_of
from workbench.scores.rows import Rows

# the least variance of a feature in a class, as in the paper's release
FLOOR = 1e-4
SHAPES = ("spherical", "diagonal")


@scores.add("gbc")
def gbc(
    features: Any,
    labels: Any = None,
    *,
    shape: Literal["spherical", "diagonal"] = "spherical",
    components: Annotated[int, Range(1, 10**6)] | None = 64,
) -> float:
    """The overlap of the classes as Gaussians, summed over the pairs and negated; between -K (K - 1) and 0.

    -Σ_{c≠d} exp(-B(c, d)), B = ⅛ Σ_j (μ_c - μ_d)²/σ² + ½ Σ_j log(σ²/(σ_c σ_d)), σ² the mean of the two variances.
    The paper's release counts the logarithm of a spherical Gaussian once, not once a feature; this does as the paper.

    Args:
        features: (N, D), or `Moments` of an array.
        labels: (N,) the target's classes; None beside moments.
        shape: one variance a class, or one a class and feature; at least 1e-4 each.
        components: principal components to keep first, at least 1; None takes the features as they are.

    Raises:
        BadValue: shapes that do not fit together, or an option out of range.
        BadData: NaN, constant features, or fewer than two classes.

    Needs: features, labels.
    Source: Pándy et al. 2022, arXiv:2111.12780.
    Cost: N·D² + D³ operations for the components, then N·d + K²·d; N·d numbers.
    Breaks: many features: the distances grow with D until every overlap is 0; features smaller than the least
        variance, 0.01 in standard deviation; a class with few images, whose variance is too small.
    """
    given = reduced(features, labels, components)
    mean, variance = class_gaussians(given)
    if shape == "spherical":
        variance = variance.mean(1, keepdim=True).expand_as(variance)
    # each class overlaps itself wholly, which does not count
    return -sum(float(torch.exp(-bhattacharyya(mean, variance, c)).sum()) - 1 for c in range(len(mean)))


def reduced(features: Any, labels: Any, components: int | None) -> Rows:
    """The images in their first principal components, or as they are."""
    images = images_of(features, labels, "Gaussians")
    if components is None:
        return images
    return replace(images, values=Moments.of(features, labels).principal(components))


def class_gaussians(given: Rows) -> tuple[Tensor, Tensor]:
    """Each class's mean and floored variance, both (K, D).

    Raises:
        BadData: no feature varies.
    """
    means, variances = [], []
    for index in range(len(given.classes)):
        x = given.take((given.labels == index).nonzero()[:, 0])
        means.append(x.mean(0))
        variances.append(x.var(0, correction=0).clamp(min=FLOOR))
    mean = torch.stack(means)
    if bool((mean == mean[0]).all()) and all(bool((v == FLOOR).all()) for v in variances):
        raise BadData("the features are the same for all images: they tell nothing of the classes")
    return mean, torch.stack(variances)


def bhattacharyya(mean: Tensor, variance: Tensor, c: int) -> Tensor:
    """The distance of class `c` to every class, itself included, (K,)."""
    between = (variance + variance[c]) / 2
    apart = ((mean - mean[c]).square() / between).sum(1) / 8
    return apart + (between.log() - (variance.log() + variance[c].log()) / 2).sum(1) / 2
