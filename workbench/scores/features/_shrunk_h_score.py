"""H-score with a shrunk covariance, for many features compared with the number of images."""

from __future__ import annotations

from typing import Any

import torch

from workbench.scores import scores
from workbench.scores.linear_algebra import inverse_quadratic_form
from workbench.scores.moments import Moments


@scores.add("shrunk_h_score")
def shrunk_h_score(features: Any, labels: Any = None) -> float:
    """Compute the H-score with Ledoit-Wolf shrinkage of the covariance; between 0 and K - 1.

    H_α = tr(((1 - α) cov(f) + α σ² I)⁻¹ (1 - α) cov(E[f|y])), σ² = tr(cov(f)) / D, α as estimated by Ledoit and Wolf.

    Args:
        features: (N, D), or `Moments`.
        labels: (N,) target classes; None with moments.

    Raises:
        BadValue: shapes that do not match.
        BadData: NaN, constant features, or fewer than two classes.

    Needs: features, labels.
    Source: Ibrahim et al. 2021, arXiv:2110.06893; α of Ledoit and Wolf 2004.
    Cost: N·D² + D³ operations and 3·D² numbers; with moments, D³.
    Breaks: features on very different scales, since the covariance shrinks to a sphere; few images per class.
    """
    moments = Moments.from_features(features, labels)
    alpha, variance = ledoit_wolf_shrinkage(moments)
    eye = torch.eye(len(moments.scatter), dtype=torch.float64, device=moments.scatter.device)
    covariance = (1 - alpha) / moments.n_images * moments.scatter + alpha * variance * eye
    return (1 - alpha) / (moments.n_images - 1) * inverse_quadratic_form(covariance, moments.class_offsets)


def ledoit_wolf_shrinkage(moments: Moments) -> tuple[float, float]:
    """Compute Ledoit and Wolf's α, between 0 and 1, and the mean variance of a feature."""
    n, dim = moments.n_images, moments.n_features
    variance = float(moments.scatter.trace()) / n / dim
    size = float(moments.scatter.square().sum()) / n**2
    noise = (moments.fourth_moment / n - size) / n
    distance = size - dim * variance**2
    # features with a spherical covariance, such as a single feature, need no shrinkage
    return (min(noise, distance) / distance if distance > 1e-12 * size else 0.0), variance
