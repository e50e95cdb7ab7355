"""Weighted Kendall τ: rank correlation in which exchanges at the top count more."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from workbench.annotated_types import Array
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue

Values = Annotated[Any, Array(ndim=1, finite=True)]


@check_arguments
def weighted_tau(a: Values, b: Values) -> float:
    """Compute the weighted Kendall τ of two orders, from -1 (reversed) to 1; NaN if one of them has only ties.

    A pair of items counts for the correlation if both orders agree on it and against it if they do not, with the weight
    1/(r + 1) + 1/(s + 1), where r and s are the items' ranks from 0 for the largest. The result is the mean of τ with
    ranks by `a` and τ with ranks by `b`.

    Args:
        a: (n,) values; larger is better.
        b: (n,) values of the same items.

    Raises:
        BadValue: shapes that differ, or values that are not finite.

    Source: Vigna 2015, "A weighted correlation index for rankings with ties", arXiv:1404.3325.
    """
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if x.shape != y.shape:
        raise BadValue(
            f"expected two arrays of the same length, one value per item; got the shapes {x.shape} and {y.shape}"
        )
    return weighted_tau_omit_nan(x, y)


def weighted_tau_omit_nan(x: np.ndarray, y: np.ndarray) -> float:
    """Compute `weighted_tau` of x (n,) and y (n,), without items that are NaN in either."""
    from scipy.stats import weightedtau

    known = ~(np.isnan(x) | np.isnan(y))
    return float(weightedtau(x[known], y[known]).statistic) if known.sum() > 1 else float("nan")
