"""Canonical correlations between two tables of features, SVCCA and PWCCA, and the distance of their means."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue
from workbench.probes.representations._cka import check_n_images, is_constant
from workbench.probes.validation import to_feature_table

__all__ = ["mean_drift", "pwcca", "svcca"]

VARIANCE_FRACTION = 0.99  # share of the variance carried by the directions that enter the canonical correlations


@check_arguments
def svcca(x: Any, y: Any, variance_fraction: float = VARIANCE_FRACTION) -> float:
    """Compute the mean canonical correlation of the main principal directions, 0 to 1; 0 if a table is constant.

    Source: Raghu et al. 2017, arXiv:1706.05806.

    Args:
        x: features (N, D).
        y: features (N, E) of the same images, row by row.
        variance_fraction: share of each table's variance that its directions carry, above 0 and at most 1.

    Raises:
        BadValue: not tables of numbers, tables of different lengths, or a share out of range.
        BadData: as many directions as images, for which every correlation would be 1; or numbers that are not finite.
    """
    return _canonical_correlations(x, y, variance_fraction)[0]


@check_arguments
def pwcca(x: Any, y: Any, variance_fraction: float = VARIANCE_FRACTION) -> float:
    """Compute `svcca` with canonical directions weighted by the projection of x on them; not symmetric.

    Source: Morcos et al. 2018, arXiv:1806.05759; the paper keeps every direction, here those of small variance are cut
    as in `svcca`.
    """
    return _canonical_correlations(x, y, variance_fraction)[1]


def _canonical_correlations(x: Any, y: Any, variance_fraction: float) -> tuple[float, float]:
    if (
        isinstance(variance_fraction, bool)
        or not isinstance(variance_fraction, (int, float))
        or not 0 < variance_fraction <= 1
    ):
        raise BadValue(f"expected a variance_fraction above 0 and at most 1; got {variance_fraction!r}")
    x, y = to_feature_table(x, "first"), to_feature_table(y, "second")
    if len(x) != len(y):
        raise BadValue(f"expected features of the same images, row by row; got {len(x)} and {len(y)} rows")
    check_n_images(len(x))
    if is_constant(x) or is_constant(y):
        return 0.0, 0.0
    u, v = principal_directions(x, variance_fraction), principal_directions(y, variance_fraction)
    n_directions = u.shape[1] + v.shape[1]
    if n_directions > len(x) - 1:
        raise BadData(
            f"{len(x)} images are too few for the principal directions of both tables ({u.shape[1]} and {v.shape[1]}), "
            f"so that all canonical correlations would be 1: use {2 * n_directions} images or more, or linear CKA"
        )
    rotation, correlations, _ = np.linalg.svd(u.T @ v, full_matrices=False)
    correlations = correlations.clip(0, 1)
    weights = np.abs((u @ rotation).T @ (x - x.mean(0))).sum(1)
    return float(correlations.mean()), float(weights @ correlations / weights.sum())


def principal_directions(x: np.ndarray, variance_fraction: float) -> np.ndarray:
    """Return orthonormal columns (N, k): the fewest principal directions that carry that share of the variance."""
    u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    share = np.cumsum(s**2) / (s**2).sum()
    n_live = int((s > 1e-10 * s[0]).sum())  # without directions that are rounding errors
    return u[:, : min(int(np.searchsorted(share, variance_fraction - 1e-12)) + 1, n_live)]


@check_arguments
def mean_drift(x: Any, y: Any) -> float:
    """Compute the distance between the means of x and y in units of the standard deviation: 0 for no drift.

    Args:
        x: features (N, D), such as those of a stage before training, or of the source domain.
        y: features (M, D) of the same width.

    Raises:
        BadValue: not tables of numbers, or tables of different widths.
        BadData: numbers that are not finite.
    """
    x, y = to_feature_table(x, "first"), to_feature_table(y, "second")
    if x.shape[1] != y.shape[1]:
        raise BadValue(f"expected features of equal width; got {x.shape[1]} and {y.shape[1]}")
    if not (len(x) and len(y)):
        raise BadData("expected at least one image in each table; got none")
    means = x.mean(0), y.mean(0)
    spread = np.sqrt((x.var(0).sum() + y.var(0).sum()) / 2)
    # constant features have no standard deviation: their norm is the unit
    size = max(np.linalg.norm(m) for m in means)
    distance = float(np.linalg.norm(means[1] - means[0]))
    scale = size if spread <= 1e-6 * size else spread
    return float(distance / scale) if scale else 0.0
