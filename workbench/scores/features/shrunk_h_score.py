"""H-score with a shrunk covariance, for features that are many beside the images."""

from __future__ import annotations

from typing import Any

import torch

from workbench.scores import scores
from workbench.scores.linear import inverse_form
from workbench.scores.moments import Moments


@scores.add("shrunk_h_score")
def shrunk_h_score(features: Any, labels: Any = None) -> float:
    """The H-score with the covariance drawn towards a sphere, as far as its own noise asks; between 0 and K - 1.

    H_α = tr(((1 - α) cov(f) + α σ² I)⁻¹ (1 - α) cov(E[f|y])), σ² = tr(cov(f)) / D, α as Ledoit and Wolf estimate it.

    Args:
        features: (N, D), or `Moments`.
        labels: (N,) the target's classes; None beside moments.

    Raises:
        BadValue: shapes that do not fit together.
        BadData: NaN, constant features, or fewer than two classes.

    Needs: features, labels.
    Source: Ibrahim et al. 2021, arXiv:2110.06893; α of Ledoit and Wolf 2004.
    Cost: N·D² + D³ operations and 3·D² numbers; with moments, D³.
    Breaks: features on very unlike scales, since the sphere it shrinks to is not theirs; few images a class.
    """
    moments = Moments.of(features, labels)
    alpha, variance = shrinkage(moments)
    eye = torch.eye(len(moments.scatter), dtype=torch.float64, device=moments.scatter.device)
    covariance = (1 - alpha) / moments.n * moments.scatter + alpha * variance * eye
    return (1 - alpha) / (moments.n - 1) * inverse_form(covariance, moments.offsets)


def shrinkage(moments: Moments) -> tuple[float, float]:
    """Ledoit and Wolf's α, between 0 and 1, and the mean variance of a feature."""
    n, dim = moments.n, moments.dim
    variance = float(moments.scatter.trace()) / n / dim
    size = float(moments.scatter.square().sum()) / n**2
    noise = (moments.fourth / n - size) / n
    distance = size - dim * variance**2
    # features that are a sphere already, a single one above all, need no shrinking
    return (min(noise, distance) / distance if distance > 1e-12 * size else 0.0), variance
