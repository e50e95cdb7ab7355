"""Rank correlation of saliency maps."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compute Spearman's rank correlation of each pair of maps, (N,) from -1 to 1; NaN if a map is constant.

    Args:
        first: maps (N, H, W).
        second: maps of the same shape.
    """
    # scipy.stats.spearmanr takes one pair of maps per call, and warns of constant maps
    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)]
    a, b = (r - r.mean(1, keepdims=True) for r in ranks)
    below = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.divide((a * b).sum(1), below, out=np.full(len(a), np.nan), where=below > 0)
