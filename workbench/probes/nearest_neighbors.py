"""Nearest neighbours in a table of features, and how well an embedding preserves them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_QUERIES = 1000  # images over which quality is measured at most
MAX_EXACT_ROWS = 20_000  # rows up to which the neighbour search is exact
MAX_DISTANCES = 2**24  # distances in memory at a time


@dataclass(frozen=True)
class NeighborhoodPreservation:
    """Preservation of neighbourhoods by an embedding.

    Attributes:
        trustworthiness: 1 if no image becomes a neighbour that is not one in the features; about 0.5 by chance (Venna &
            Kaski 2001).
        recall: share of the true nearest neighbours that are nearest in the embedding, 0..1.
        chance: recall of points placed at random.
        k: number of neighbours.
        n_queries: number of images measured.
    """

    trustworthiness: float
    recall: float
    chance: float
    k: int
    n_queries: int


def find_neighbors(x: np.ndarray, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return rows (N, k) of the nearest other rows of every row of x (N, D), nearest first, and their distances.

    Exact up to 20,000 rows; beyond, by random projection trees (Annoy), which miss a few.
    """
    if len(x) > MAX_EXACT_ROWS:
        from openTSNE.nearest_neighbors import Annoy

        index = Annoy(data=x.astype(np.float32), k=k, metric="euclidean", random_state=seed, n_jobs=1)
        return index.build()
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=k).fit(x)
    distances, rows = search.kneighbors()
    return rows, distances


def measure_preservation(x: np.ndarray, points: np.ndarray, k: int = 15, seed: int = 0) -> NeighborhoodPreservation:
    """Measure how well `points (N, d)` preserve neighbourhoods of `x (N, D)`, for at most 1,000 images against all.

    Source: Venna & Kaski 2001, "Neighborhood preservation in nonlinear projection methods".

    Args:
        k: number of neighbours, below N / 2.
        seed: of the choice of images.
    """
    n = len(x)
    k = max(1, min(k, (n - 1) // 2))
    queries = np.sort(np.random.default_rng(seed).permutation(n)[:MAX_QUERIES])
    penalty, n_preserved = 0.0, 0
    for rows in np.array_split(queries, max(1, len(queries) * n // MAX_DISTANCES)):
        true, embedded = (_squared_distances(z, rows) for z in (x, points))
        neighbors = np.argpartition(embedded, k - 1, axis=1)[:, :k]
        true_distances = np.take_along_axis(true, neighbors, 1)
        # rank of an embedding's neighbour: 1 + number of images that are nearer in the features, ties not counted
        ranks = 1 + np.stack([(true < true_distances[:, [j]]).sum(1) for j in range(k)], axis=1)
        penalty += float(np.maximum(ranks - k, 0).sum())
        n_preserved += int((ranks <= k).sum())
    scale = 2 / (len(queries) * k * (2 * n - 3 * k - 1))
    return NeighborhoodPreservation(1 - scale * penalty, n_preserved / (len(queries) * k), k / (n - 1), k, len(queries))


def _squared_distances(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return squared distances (Q, N) of some rows to all, infinite to themselves."""
    x = x.astype(np.float64)
    x = x - x.mean(0)
    size = (x**2).sum(1)
    out = size[rows, None] + size - 2 * x[rows] @ x.T
    out[np.arange(len(rows)), rows] = np.inf
    return out


def label_agreement(labels: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    """Return the share of neighbours `rows (N, k)` with the class of their image, and that share by chance."""
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    n = len(codes)
    chance = float((counts * (counts - 1)).sum() / (n * (n - 1)))
    return float((codes[rows] == codes[:, None]).mean()), chance
