"""Canonical correlations between two tables of features: SVCCA, PWCCA; and how far their means lie apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue
from workbench.probes.alignment import enough, is_constant
from workbench.probes.samples import table

KEPT = 0.99  # of the variance, in the directions that canonical correlations read


@check_arguments
def svcca(x: Any, y: Any, kept: float = KEPT) -> float:
    """The mean canonical correlation of the directions that carry most of the variance, 0 to 1; 0 if one is constant.

    source: Raghu et al. 2017, arXiv:1706.05806.

    Args:
        x: features (N, D).
        y: features (N, E) of the same images, row by row.
        kept: share of each table's variance that its directions carry, above 0 and at most 1.

    Raises:
        BadValue: no tables of numbers, of different lengths, or a share out of range.
        BadData: as many directions as images, where every answer would be 1; or numbers that are not finite.
    """
    return _canonical(x, y, kept)[0]


@check_arguments
def pwcca(x: Any, y: Any, kept: float = KEPT) -> float:
    """As `svcca`, each canonical direction weighing as much as x projects on it; not symmetric.

    source: Morcos et al. 2018, arXiv:1806.05759; the paper keeps every direction, here those of no weight are cut
    as in `svcca`.
    """
    return _canonical(x, y, kept)[1]


def _canonical(x: Any, y: Any, kept: float) -> tuple[float, float]:
    if isinstance(kept, bool) or not isinstance(kept, (int, float)) or not 0 < kept <= 1:
        raise BadValue(f"kept is the share of the variance, above 0 and at most 1; got {kept!r}")
    x, y = table(x, "first"), table(y, "second")
    if len(x) != len(y):
        raise BadValue(f"both stages speak of the same images, row by row; got {len(x)} and {len(y)} rows")
    enough(len(x))
    if is_constant(x) or is_constant(y):
        return 0.0, 0.0
    u, v = directions(x, kept), directions(y, kept)
    together = u.shape[1] + v.shape[1]
    if together > len(x) - 1:
        raise BadData(
            f"{len(x)} images span fewer directions than the features do ({u.shape[1]} and {v.shape[1]}), so that "
            f"canonical correlations would be 1 whatever they say: take {2 * together} images or more, or linear CKA"
        )
    turn, correlations, _ = np.linalg.svd(u.T @ v, full_matrices=False)
    correlations = correlations.clip(0, 1)
    weights = np.abs((u @ turn).T @ (x - x.mean(0))).sum(1)
    return float(correlations.mean()), float(weights @ correlations / weights.sum())


def directions(x: np.ndarray, kept: float) -> np.ndarray:
    """Orthonormal columns (N, k): the fewest principal directions that carry that share of the variance."""
    u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    share = np.cumsum(s**2) / (s**2).sum()
    live = int((s > 1e-10 * s[0]).sum())  # rounding is no direction
    return u[:, : min(int(np.searchsorted(share, kept - 1e-12)) + 1, live)]


@check_arguments
def mean_drift(x: Any, y: Any) -> float:
    """How far the mean of y lies from that of x, in units of the spread about them: 0 for no drift.

    Args:
        x: features (N, D), such as those of a stage before training, or of the source domain.
        y: features (M, D) as wide.

    Raises:
        BadValue: no tables of numbers, or of different widths.
        BadData: numbers that are not finite.
    """
    x, y = table(x, "first"), table(y, "second")
    if x.shape[1] != y.shape[1]:
        raise BadValue(f"means are compared between features as wide as each other; got {x.shape[1]} and {y.shape[1]}")
    if not (len(x) and len(y)):
        raise BadData("there is no image to take a mean over")
    middles = x.mean(0), y.mean(0)
    spread = np.sqrt((x.var(0).sum() + y.var(0).sum()) / 2)
    # features that never vary have their own size as the only measure
    size = max(np.linalg.norm(m) for m in middles)
    away = float(np.linalg.norm(middles[1] - middles[0]))
    scale = size if spread <= 1e-6 * size else spread
    return float(away / scale) if scale else 0.0
