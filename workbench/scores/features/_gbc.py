"""GBC: Gaussian Bhattacharyya coefficient, the overlap of the classes as Gaussians."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from workbench.errors import BadData
from workbench.forms import Range
from workbench.scores import scores
from workbench.scores.labeled_rows import LabeledRows
from workbench.scores.moments import Moments, get_labeled_rows

# minimum variance of a feature within a class, as in the paper's release
MIN_VARIANCE = 1e-4
COVARIANCE_SHAPES = ("spherical", "diagonal")


@scores.add("gbc")
def gbc(
    features: Any,
    labels: Any = None,
    *,
    shape: Literal["spherical", "diagonal"] = "spherical",
    components: Annotated[int, Range(1, 10**6)] | None = 64,
) -> float:
    """Compute the negative overlap of the classes as Gaussians, summed over all pairs; between -K (K - 1) and 0.

    -Σ_{c≠d} exp(-B(c, d)), B = ⅛ Σ_j (μ_c - μ_d)²/σ² + ½ Σ_j log(σ²/(σ_c σ_d)), σ² the mean of the two variances.
    The paper's release counts the logarithm of a spherical Gaussian once, not once per feature; this follows the paper.

    Args:
        features: (N, D), or `Moments` of an array.
        labels: (N,) target classes; None with moments.
        shape: one variance per class (spherical), or one per class and feature (diagonal); at least 1e-4 each.
        components: number of principal components to reduce to first, at least 1; None uses the features as they are.

    Raises:
        BadValue: shapes that do not match, or an option out of range.
        BadData: NaN, constant features, or fewer than two classes.

    Needs: features, labels.
    Source: Pándy et al. 2022, arXiv:2111.12780.
    Cost: N·D² + D³ operations for the components, then N·d + K²·d; N·d numbers.
    Breaks: many features: the distances grow with D until every overlap is 0; features smaller than the minimum
        variance, 0.01 in standard deviation; a class with few images, whose variance is underestimated.
    """
    given = to_principal_components(features, labels, components)
    mean, variance = fit_class_gaussians(given)
    if shape == "spherical":
        variance = variance.mean(1, keepdim=True).expand_as(variance)
    # subtract each class's overlap with itself, which is 1
    return -sum(float(torch.exp(-bhattacharyya_distances(mean, variance, c)).sum()) - 1 for c in range(len(mean)))


def to_principal_components(features: Any, labels: Any, components: int | None) -> LabeledRows:
    """Reduce the images to their first principal components; unchanged if `components` is None."""
    images = get_labeled_rows(features, labels, "Gaussians")
    if components is None:
        return images
    return replace(images, values=Moments.from_features(features, labels).principal_components(components))


def fit_class_gaussians(given: LabeledRows) -> tuple[Tensor, Tensor]:
    """Compute the mean and the clamped variance of each class, both (K, D).

    Raises:
        BadData: all features are constant.
    """
    means, variances = [], []
    for index in range(len(given.classes)):
        x = given.take((given.labels == index).nonzero()[:, 0])
        means.append(x.mean(0))
        variances.append(x.var(0, correction=0).clamp(min=MIN_VARIANCE))
    mean = torch.stack(means)
    if bool((mean == mean[0]).all()) and all(bool((v == MIN_VARIANCE).all()) for v in variances):
        raise BadData("the features are the same for all images, so they carry no information about the classes")
    return mean, torch.stack(variances)


def bhattacharyya_distances(mean: Tensor, variance: Tensor, index: int) -> Tensor:
    """Compute the Bhattacharyya distance of class `index` to every class, itself included, (K,)."""
    between = (variance + variance[index]) / 2
    distance = ((mean - mean[index]).square() / between).sum(1) / 8
    return distance + (between.log() - (variance.log() + variance[index].log()) / 2).sum(1) / 2
