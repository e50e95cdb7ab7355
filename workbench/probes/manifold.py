"""UMAP: a fuzzy graph of neighbours, laid out by attraction along its edges and repulsion between any two points.

Our own, since it is short, starts from any layout and repeats itself by seed; the usual package brings a compiler of
60 MB, which took 35 s of a core before the first picture of 1,800 images, and this takes less than its run alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

CHUNKS = 4  # updates an epoch: all at once would overshoot
MOST_EDGES = 50_000  # in one update
EVERY = 10  # epochs from one word of progress to the next


def fuzzy_graph(rows: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges of the fuzzy union of neighbourhoods (McInnes et al. 2018, section 3.1): heads, tails, weights in 0..1.

    Args:
        rows: nearest others (N, k) of every point, nearest first.
        distances: theirs.
    """
    from scipy.sparse import coo_matrix

    n, k = rows.shape
    beyond = np.maximum(distances - distances[:, :1], 0)
    low, high, target = np.zeros(n), np.full(n, np.inf), np.log2(k)
    width = np.maximum(distances.mean(1), 1e-12)
    for _ in range(64):
        much = np.exp(-beyond / width[:, None]).sum(1) > target
        low, high = np.where(much, low, width), np.where(much, width, high)
        width = np.where(np.isinf(high), 2 * low, (low + high) / 2)
    floor = 1e-3 * np.maximum(distances.mean(), 1e-12)
    weights = np.exp(-beyond / np.maximum(width, floor)[:, None])
    one = coo_matrix((weights.ravel(), (np.repeat(np.arange(n), k), rows.ravel())), shape=(n, n)).tocsr()
    both = (one + one.T - one.multiply(one.T)).tocoo()
    return both.row.astype(np.int64), both.col.astype(np.int64), both.data


def curve(min_dist: float) -> tuple[float, float]:
    """a and b of 1 / (1 + a·d^2b), fitted to a plateau of width `min_dist` that falls off exponentially beyond."""
    from scipy.optimize import curve_fit

    d = np.linspace(0, 3, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(-(d - min_dist)))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), d, wanted)
    return float(a), float(b)


def laid_out(
    graph: tuple[np.ndarray, np.ndarray, np.ndarray],
    start: np.ndarray,
    epochs: int,
    min_dist: float = 0.1,
    negatives: int = 5,
    seed: int = 0,
    rate: float = 1.0,
    watch: Callable[[int, int, np.ndarray], bool | None] | None = None,
) -> np.ndarray:
    """The layout (N, d) that descends from `start`; an edge pulls as often as it is heavy, and then its head is pushed.

    source: McInnes et al. 2018, arXiv:1802.03426.

    Args:
        graph: heads, tails and weights.
        start: points (N, d) to begin with.
        epochs: passes over the heaviest edges.
        min_dist: how close points may come, in the picture's units.
        negatives: random points that push, for each pull.
        seed: of the choices of edges and points.
        rate: of the first epoch; it falls to 0.
        watch: called now and then with the epoch, their count and the points; True ends it there.
    """
    heads, tails, weights = graph
    strong = weights >= weights.max() / epochs
    heads, tails, every = heads[strong], tails[strong], weights.max() / weights[strong]
    random, points = np.random.default_rng(seed), start.astype(np.float64).copy()
    a, b = curve(min_dist)
    due = every.copy()
    for epoch in range(1, epochs + 1):
        active = np.flatnonzero(due <= epoch)
        due[active] += every[active]
        step = rate * (1 - epoch / epochs)
        for chunk in np.array_split(random.permutation(active), max(CHUNKS, len(active) // MOST_EDGES)):
            _update(points, heads[chunk], tails[chunk], a, b, step, negatives, random)
        if watch is not None and epoch % EVERY == 0 and watch(epoch, epochs, points):
            break
    return points


def _update(
    points: np.ndarray,
    heads: np.ndarray,
    tails: np.ndarray,
    a: float,
    b: float,
    step: float,
    negatives: int,
    random: np.random.Generator,
) -> None:
    """Moves the points of some edges, in place: the gradients of the paper's appendix C, each cut at 4."""
    away = points[heads] - points[tails]
    square = (away**2).sum(1, keepdims=True)
    power = np.where(square > 0, square, 1.0) ** b
    pull = np.where(square > 0, -2 * a * b * power / (np.where(square > 0, square, 1.0) * (1 + a * power)), 0)
    pull = np.clip(pull * away, -4, 4)
    pushed, others = np.repeat(heads, negatives), random.integers(0, len(points), len(heads) * negatives)
    away = points[pushed] - points[others]
    square = (away**2).sum(1, keepdims=True)
    push = np.clip(2 * b / ((0.001 + square) * (1 + a * square**b)) * away, -4, 4)
    for at in range(points.shape[1]):
        points[:, at] += step * (
            np.bincount(heads, pull[:, at], len(points))
            - np.bincount(tails, pull[:, at], len(points))
            + np.bincount(pushed, push[:, at], len(points))
        )
