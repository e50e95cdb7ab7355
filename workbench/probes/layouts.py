"""The ways to draw features: each takes a table to points, and says what to know before reading them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.errors import BadData, BadValue, UnknownName
from workbench.probes.manifold import fuzzy_graph, laid_out
from workbench.probes.neighbours import nearest

WIDTH = 50  # principal directions that t-SNE and UMAP read, as is usual: the rest is noise and time
SPAN = 10.0  # half the width of UMAP's first picture
EVERY = 25  # steps of t-SNE from one word of progress to the next
Drawn = tuple[np.ndarray, str]
Watch = Callable[[int, int, np.ndarray], bool | None]


@dataclass(frozen=True)
class Layout:
    """A way to draw.

    Attributes:
        title: its name in a sentence.
        draw: from features (N, D), labels, dimensions, points to begin at and a seed to points and a note.
        ranges: its options with what they may be.
        stepwise: whether it goes step by step: `draw` then takes `watch`.
    """

    title: str
    draw: Callable[..., Drawn]
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    stepwise: bool = False

    def check(self, options: dict[str, Any]) -> None:
        """Refuses options that the way does not have, or out of range."""
        for name, value in options.items():
            if name not in self.ranges:
                raise UnknownName.of(f"option of {self.title}", name, self.ranges)
            low, high = self.ranges[name]
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise BadValue(f"{name} of {self.title} is a number from {low:g} to {high:g}; got {value!r}")


def pca(x: np.ndarray, y: Any, dimensions: int, begin: Any, seed: int) -> Drawn:
    """The directions of the greatest variance."""
    points, shares = principal(x, dimensions, seed)
    return points, f"{shares.sum():.0%} of the variance is in the picture."


def principal(x: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (N, count) in the principal directions, zeros where there are fewer, and their shares of variance."""
    from sklearn.decomposition import PCA

    live = min(count, *x.shape)
    found = PCA(live, random_state=seed)
    points = np.zeros((len(x), count))
    points[:, :live] = found.fit_transform(x)
    return points, found.explained_variance_ratio_


def reduced(x: np.ndarray, seed: int) -> np.ndarray:
    """x (N, D) in at most 50 principal directions."""
    return x if x.shape[1] <= WIDTH else principal(x, min(WIDTH, len(x)), seed)[0]


def tsne(
    x: np.ndarray, y: Any, dimensions: int, begin: Any, seed: int, watch: Watch | None = None, perplexity: float = 30.0
) -> Drawn:
    """Neighbours near each other; the distances between groups mean little."""
    import openTSNE

    # it warns of a start as wide as an earlier picture, which is what is meant here
    logging.getLogger("openTSNE").setLevel(logging.ERROR)
    few = (len(x) - 1) / 3
    early, late = (250, 500) if begin is None else (0, 250)
    told = [0]

    def step(iteration: int, error: float, points: np.ndarray) -> bool:
        told[0] += EVERY  # it counts each of its two phases from 0
        return bool(watch and watch(told[0], early + late, np.asarray(points)))

    model = openTSNE.TSNE(
        n_components=dimensions,
        perplexity=min(perplexity, few),
        initialization="pca" if begin is None else np.asarray(begin, dtype=float),
        early_exaggeration_iter=early,
        n_iter=late,
        callbacks=None if watch is None else step,
        callbacks_every_iters=EVERY,
        neighbors="exact" if len(x) <= 5000 else "approx",
        negative_gradient_method="bh" if dimensions == 3 or len(x) < 10_000 else "fft",
        n_jobs=int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
        random_state=seed,
    )
    points = np.asarray(model.fit(reduced(x, seed)))
    note = f" (perplexity {few:.1f}, since there are few images)" if perplexity > few else ""
    return points, f"Distances between groups, and how wide they are, mean little{note}."


def umap(
    x: np.ndarray,
    y: Any,
    dimensions: int,
    begin: Any,
    seed: int,
    watch: Watch | None = None,
    neighbours: float = 15,
    min_dist: float = 0.1,
) -> Drawn:
    """As t-SNE, with more of what lies between groups."""
    x = reduced(x, seed)
    graph = fuzzy_graph(*nearest(x, min(int(neighbours), len(x) - 1), seed))
    start = principal(x, dimensions, seed)[0] if begin is None else begin
    start = start - start.mean(0)
    start = start * (SPAN / max(np.abs(start).max(), 1e-12))
    epochs = (500 if len(x) <= 10_000 else 200) // (1 if begin is None else 2)
    rate = 1.0 if begin is None else 0.5
    points = laid_out(graph, start, epochs, min_dist, seed=seed, rate=rate, watch=watch)
    return points, "Distances between groups, and how wide they are, mean little."


def lda(x: np.ndarray, y: Any, dimensions: int, begin: Any, seed: int) -> Drawn:
    """The directions that tell the classes apart best, their covariance shrunk (Ledoit & Wolf 2004)."""
    if y is None:
        raise BadData("LDA draws what tells classes apart, and there are no classes: give labels=, or take pca")
    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise BadData("LDA draws what tells classes apart, and there is one class only: take pca")
    x = reduced(x, seed)
    points = _discriminants(x, codes, x, dimensions)
    note = "The picture has seen the labels"
    if counts.min() >= 2:
        random = np.random.default_rng(seed)
        half = np.zeros(len(x), bool)
        for k in range(len(classes)):
            rows = random.permutation(np.flatnonzero(codes == k))
            half[rows[: len(rows) // 2]] = True
        held = _nearest_mean(x, codes, half, min(dimensions, len(classes) - 1))
        note += f": drawn from half of the images, it puts {held:.0%} of the other half nearest to their own class"
    return points, f"{note}; by chance {counts.max() / len(x):.0%}."


def _discriminants(x: np.ndarray, codes: np.ndarray, of: np.ndarray, dimensions: int) -> np.ndarray:
    """Rows of `of` in the discriminants of x, then in what varies most within the classes where those are too few."""
    from scipy.linalg import eigh
    from sklearn.covariance import ledoit_wolf

    counts = np.bincount(codes)
    means = np.stack([x[codes == k].mean(0) for k in range(len(counts))])
    between = (means - x.mean(0)).T * (counts / len(x)) @ (means - x.mean(0))
    inside = x - means[codes]
    within = ledoit_wolf(inside, assume_centered=True)[0]
    # classes of one point each have no width: any direction between them is as good
    within += np.eye(x.shape[1]) * max(1e-6 * np.trace(between + within) / x.shape[1], 1e-12)
    live = min(dimensions, len(counts) - 1, x.shape[1])
    turn = eigh(between, within)[1][:, ::-1][:, :live]
    turn *= np.sign(turn[np.abs(turn).argmax(0), np.arange(live)])  # either sign is right: one is kept
    points = np.zeros((len(of), dimensions))
    points[:, :live] = (of - x.mean(0)) @ turn
    if live < dimensions:
        rest = np.linalg.svd(inside, full_matrices=False)[2][: dimensions - live]
        points[:, live : live + len(rest)] = (of - x.mean(0)) @ rest.T
    return points


def _nearest_mean(x: np.ndarray, codes: np.ndarray, half: np.ndarray, dimensions: int) -> float:
    fitted, judged = (_discriminants(x[half], codes[half], x[rows], dimensions) for rows in (half, ~half))
    means = np.stack([fitted[codes[half] == k].mean(0) for k in range(codes.max() + 1)])
    away = ((judged[:, None] - means) ** 2).sum(-1)
    return float((away.argmin(1) == codes[~half]).mean())


LAYOUTS = {
    "pca": Layout("PCA", pca),
    "tsne": Layout("t-SNE", tsne, {"perplexity": (2, 1000)}, stepwise=True),
    "umap": Layout("UMAP", umap, {"neighbours": (2, 1000), "min_dist": (0, 1)}, stepwise=True),
    "lda": Layout("LDA", lda),
}
