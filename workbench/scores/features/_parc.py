"""PARC: pairwise annotation representation comparison, a rank correlation over pairs of images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.annotated_types import Seed
from workbench.errors import BadData, BadValue
from workbench.scores import scores
from workbench.scores.labeled_rows import LabeledRows
from workbench.scores.moments import Moments, get_labeled_rows


@scores.add("parc")
def parc(
    features: Any, labels: Any = None, *, components: int | None = 32, max_images: int = 2000, seed: Seed = 0
) -> float:
    """Compute the rank correlation, over pairs of images, of distances in features and in labels; between -1 and 1.

    Spearman's correlation of 1 - r(f_i, f_j) with 1 - r(y_i, y_j), r being Pearson's correlation of two images'
    standardized features and of their one-hot labels. The paper gives it in percent.

    Args:
        features: (N, D), or `Moments` of an array.
        labels: (N,) target classes; None with moments.
        components: number of principal components to reduce to first, at least 2; None uses the features as they are.
        max_images: maximum number of images to compare, at least 3; a random sample if there are more.
        seed: seed of the sample.

    Raises:
        BadValue: shapes that do not match, or an option out of range.
        BadData: NaN, constant features, fewer than two classes, or an image without any variation in its features.

    Needs: features, labels.
    Source: Bolya et al. 2021, arXiv:2111.06977.
    Cost: n²·d operations and 3·n² numbers, n = min(N, `max_images`), and N·D² + D³ for the components.
    Breaks: many classes: few pairs share one, and the correlation is near 0 for any backbone.
    """
    if max_images < 3 or (components is not None and components < 2):
        raise BadValue(
            f"expected max_images of at least 3 and components of at least 2; got {max_images} and {components}"
        )
    given = draw_images(features, labels, max_images, seed)
    x = (
        given.to_tensor()
        if components is None
        else Moments.from_features(given.to_tensor(), given.labels).principal_components(components)
    )
    if x.shape[1] < 2:
        raise BadData("correlations of images need at least two features that vary")
    pairs = torch.triu_indices(len(x), len(x), 1, device=x.device)
    like = pairwise_correlation(standardize_features(x))[pairs[0], pairs[1]]
    same = (given.labels[pairs[0]] == given.labels[pairs[1]]).double()
    return float(torch.corrcoef(torch.stack([average_ranks(-like), -same]))[0, 1])


def draw_images(features: Any, labels: Any, max_images: int, seed: int) -> LabeledRows:
    """Return the images, or a random sample of `max_images` of them.

    Raises:
        BadData: no two images share a class, or all do.
    """
    given = get_labeled_rows(features, labels, "pairs of images")
    if len(given) > max_images:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(given))[:max_images])
        index = torch.from_numpy(chosen).to(given.labels.device)
        given = LabeledRows(given.take(index), given.labels[index], given.classes)
    n_classes = len(given.labels.unique())
    if n_classes < 2 or n_classes == len(given):
        raise BadData(
            f"expected pairs with the same class and pairs with different classes; {len(given)} images of "
            f"{n_classes} classes lack one"
        )
    return given


def standardize_features(x: Tensor) -> Tensor:
    """Standardize each feature to mean 0 and standard deviation 1; constant features become 0. x (N, D)."""
    centered = x - x.mean(0)
    deviation = centered.square().mean(0).sqrt()
    is_constant = deviation <= 1e-13 * x.abs().amax(0)
    if is_constant.all():
        raise BadData("the features are the same for all images, so they carry no information about the classes")
    return torch.where(is_constant, 0.0, centered / torch.where(is_constant, 1.0, deviation))


def pairwise_correlation(x: Tensor) -> Tensor:
    """Compute Pearson's correlation of any two rows, x (N, D) -> (N, N).

    Raises:
        BadData: a row is constant.
    """
    centered = x - x.mean(1, keepdim=True)
    length = torch.linalg.vector_norm(centered, dim=1, keepdim=True)
    flat = (length <= 1e-12 * max(float(length.max()), 1.0)).nonzero()
    if len(flat):
        raise BadData(
            f"the features of image {int(flat[0, 0])} are constant, so its correlation with others is undefined"
        )
    unit = centered / length
    return unit @ unit.T


def average_ranks(values: Tensor) -> Tensor:
    """Compute ranks from 1, with the mean rank for ties; (M,)."""
    # not scipy.stats.rankdata: millions of values stay on the device of the features
    ordered, order = values.sort()
    _, group, counts = ordered.unique_consecutive(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    shared = last - (counts - 1) / 2
    return torch.empty_like(shared[group]).scatter_(0, order, shared[group])
