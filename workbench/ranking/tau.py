"""Weighted Kendall τ: how alike two orders are, where a swap at the top counts for more."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Array

Values = Annotated[Any, Array(ndim=1, finite=True)]


@check_arguments
def weighted_tau(a: Values, b: Values) -> float:
    """How alike two orders of the same things are, from -1 (reversed) to 1; NaN where one of them orders nothing.

    A pair that both order alike counts for it and a pair that they order unlike against it, by 1/(r + 1) + 1/(s + 1),
    r and s the pair's places from 0 for the largest. The places are those by `a`, then those by `b`: the mean of both.

    Vigna 2015, "A weighted correlation index for rankings with ties", arXiv:1404.3325.

    Args:
        a: (n,) values; larger is better.
        b: (n,) values of the same things.

    Raises:
        BadValue: not one finite value a thing in each.
    """
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if x.shape != y.shape:
        raise BadValue(f"two orders are of the same things, a value each; their shapes are {x.shape} and {y.shape}")
    return tau_of_known(x, y)


def tau_of_known(x: np.ndarray, y: np.ndarray) -> float:
    """As `weighted_tau` of x (n,) and y (n,), those left out that are NaN in either: what has no score has no place."""
    known = ~(np.isnan(x) | np.isnan(y))
    x, y = x[known], y[known]
    if len(x) < 2:
        return float("nan")
    return (_by_places(x, y, _places(x, y)) + _by_places(x, y, _places(y, x))) / 2


def _places(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Each thing's place from 0, the largest of `first` first; `second` decides between equals."""
    places = np.empty(len(first))
    places[np.lexsort((second, first))[::-1]] = np.arange(len(first))
    return places


def _by_places(x: np.ndarray, y: np.ndarray, places: np.ndarray) -> float:
    weight = 1 / (places + 1)
    pair = weight[:, None] + weight
    dx, dy = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    length = np.sqrt((pair * dx * dx).sum() * (pair * dy * dy).sum())
    return float((pair * dx * dy).sum() / length) if length > 0 else float("nan")
