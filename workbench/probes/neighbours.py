"""Nearest neighbours in a table of features, and how many of them a picture keeps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

QUERIES = 1000  # images whose neighbours a quality is counted over; all of fewer
EXACT = 20_000  # rows up to which neighbours are searched one by one
PAIRS = 2**24  # distances held at a time


@dataclass(frozen=True)
class Kept:
    """What a picture keeps of the neighbourhoods.

    Attributes:
        trustworthiness: 1 where no point has come near that is not; about 0.5 by chance (Venna & Kaski 2001).
        recall: share of the true nearest neighbours that are nearest in the picture, 0..1.
        chance: recall of points placed at random.
        k: neighbours counted.
        queries: images counted over.
    """

    trustworthiness: float
    recall: float
    chance: float
    k: int
    queries: int


def nearest(x: np.ndarray, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows (N, k) of the nearest others of every row of x (N, D), nearest first, and their distances.

    Exact up to 20,000 rows; beyond, by random projection trees (Annoy), which miss a few.
    """
    if len(x) > EXACT:
        from openTSNE.nearest_neighbors import Annoy

        index = Annoy(data=x.astype(np.float32), k=k, metric="euclidean", random_state=seed, n_jobs=1)
        return index.build()
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=k).fit(x)
    distances, rows = found.kneighbors()
    return rows, distances


def kept(x: np.ndarray, points: np.ndarray, k: int = 15, seed: int = 0) -> Kept:
    """How well `points (N, d)` keep the neighbourhoods of `x (N, D)`, over at most 1,000 images, each against all.

    source: Venna & Kaski 2001, "Neighborhood preservation in nonlinear projection methods".

    Args:
        k: neighbours counted, below N / 2.
        seed: of the choice of images.
    """
    n = len(x)
    k = max(1, min(k, (n - 1) // 2))
    asked = np.sort(np.random.default_rng(seed).permutation(n)[:QUERIES])
    penalty, found = 0.0, 0
    for rows in np.array_split(asked, max(1, len(asked) * n // PAIRS)):
        true, drawn = (_distances(z, rows) for z in (x, points))
        near = np.argpartition(drawn, k - 1, axis=1)[:, :k]
        mine = np.take_along_axis(true, near, 1)
        # the rank of a neighbour in the picture is how many images are truly nearer, ties for it
        ranks = 1 + np.stack([(true < mine[:, [j]]).sum(1) for j in range(k)], axis=1)
        penalty += float(np.maximum(ranks - k, 0).sum())
        found += int((ranks <= k).sum())
    scale = 2 / (len(asked) * k * (2 * n - 3 * k - 1))
    return Kept(1 - scale * penalty, found / (len(asked) * k), k / (n - 1), k, len(asked))


def _distances(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Squared distances (Q, N) of some rows to all, infinite to themselves."""
    x = x.astype(np.float64)
    x = x - x.mean(0)
    size = (x**2).sum(1)
    out = size[rows, None] + size - 2 * x[rows] @ x.T
    out[np.arange(len(rows)), rows] = np.inf
    return out


def agreement(labels: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    """Share of neighbours `rows (N, k)` with the class of their image, and that share by chance."""
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    n = len(codes)
    chance = float((counts * (counts - 1)).sum() / (n * (n - 1)))
    return float((codes[rows] == codes[:, None]).mean()), chance
