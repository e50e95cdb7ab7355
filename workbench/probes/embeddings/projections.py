"""Projections of features to points: PCA, t-SNE, UMAP and LDA, each with a note for reading the result."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.errors import BadData, BadValue, UnknownName
from workbench.probes.embeddings.umap import build_fuzzy_graph, optimize_layout
from workbench.probes.nearest_neighbors import find_neighbors

N_PCA_COMPONENTS = 50  # principal components that t-SNE and UMAP use, as usual: the others add noise and time
INIT_SPAN = 10.0  # half the width of UMAP's initial points
CALLBACK_INTERVAL = 25  # steps of t-SNE between two calls of the callback
PointsAndNote = tuple[np.ndarray, str]
Callback = Callable[[int, int, np.ndarray], bool | None]


@dataclass(frozen=True)
class Projection:
    """Projection method.

    Attributes:
        title: its name in a sentence.
        project: function from features (N, D), labels, dimensions, initial points and a seed to points and a note.
        option_ranges: its options with their least and greatest value.
        is_iterative: True if it proceeds in steps: `project` then takes `callback`.
    """

    title: str
    project: Callable[..., PointsAndNote]
    option_ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    is_iterative: bool = False

    def check_options(self, options: dict[str, Any]) -> None:
        """Raise an error for options that the method does not have, or values out of range."""
        for name, value in options.items():
            if name not in self.option_ranges:
                raise UnknownName.of(f"option of {self.title}", name, self.option_ranges)
            low, high = self.option_ranges[name]
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise BadValue(f"{name} of {self.title} is a number from {low:g} to {high:g}; got {value!r}")


def project_pca(x: np.ndarray, y: Any, dimensions: int, init: Any, seed: int) -> PointsAndNote:
    """Project on the directions of the greatest variance."""
    points, shares = fit_pca(x, dimensions, seed)
    return points, f"{shares.sum():.0%} of the variance is in these dimensions."


def fit_pca(x: np.ndarray, n_components: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return principal components (N, n_components), zeros if there are fewer, and their shares of the variance."""
    from sklearn.decomposition import PCA

    n_live = min(n_components, *x.shape)
    pca = PCA(n_live, random_state=seed)
    points = np.zeros((len(x), n_components))
    points[:, :n_live] = pca.fit_transform(x)
    return points, pca.explained_variance_ratio_


def reduce_with_pca(x: np.ndarray, seed: int) -> np.ndarray:
    """Reduce x (N, D) to at most 50 principal components."""
    return x if x.shape[1] <= N_PCA_COMPONENTS else fit_pca(x, min(N_PCA_COMPONENTS, len(x)), seed)[0]


def project_tsne(
    x: np.ndarray,
    y: Any,
    dimensions: int,
    init: Any,
    seed: int,
    callback: Callback | None = None,
    perplexity: float = 30.0,
) -> PointsAndNote:
    """Project by t-SNE: neighbours stay near each other; the distances between groups mean little."""
    import openTSNE

    # openTSNE warns of initial points with a large variance, which an earlier embedding has
    logging.getLogger("openTSNE").setLevel(logging.ERROR)
    max_perplexity = (len(x) - 1) / 3
    early, late = (250, 500) if init is None else (0, 250)
    n_steps = [0]

    def step(iteration: int, error: float, points: np.ndarray) -> bool:
        n_steps[0] += CALLBACK_INTERVAL  # openTSNE counts each of its two phases from 0
        return bool(callback and callback(n_steps[0], early + late, np.asarray(points)))

    model = openTSNE.TSNE(
        n_components=dimensions,
        perplexity=min(perplexity, max_perplexity),
        initialization="pca" if init is None else np.asarray(init, dtype=float),
        early_exaggeration_iter=early,
        n_iter=late,
        callbacks=None if callback is None else step,
        callbacks_every_iters=CALLBACK_INTERVAL,
        neighbors="exact" if len(x) <= 5000 else "approx",
        negative_gradient_method="bh" if dimensions == 3 or len(x) < 10_000 else "fft",
        n_jobs=int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
        random_state=seed,
    )
    points = np.asarray(model.fit(reduce_with_pca(x, seed)))
    note = f" (perplexity {max_perplexity:.1f}, since there are few images)" if perplexity > max_perplexity else ""
    return points, f"Distances between groups, and how wide they are, mean little{note}."


def project_umap(
    x: np.ndarray,
    y: Any,
    dimensions: int,
    init: Any,
    seed: int,
    callback: Callback | None = None,
    n_neighbors: float = 15,
    min_dist: float = 0.1,
) -> PointsAndNote:
    """Project by UMAP: as t-SNE, with more of the structure between groups."""
    x = reduce_with_pca(x, seed)
    graph = build_fuzzy_graph(*find_neighbors(x, min(int(n_neighbors), len(x) - 1), seed))
    start = fit_pca(x, dimensions, seed)[0] if init is None else init
    start = start - start.mean(0)
    start = start * (INIT_SPAN / max(np.abs(start).max(), 1e-12))
    n_epochs = (500 if len(x) <= 10_000 else 200) // (1 if init is None else 2)
    learning_rate = 1.0 if init is None else 0.5
    points = optimize_layout(
        graph, start, n_epochs, min_dist, seed=seed, learning_rate=learning_rate, callback=callback
    )
    return points, "Distances between groups, and how wide they are, mean little."


def project_lda(x: np.ndarray, y: Any, dimensions: int, init: Any, seed: int) -> PointsAndNote:
    """Project on the directions that separate the classes best, with shrunk covariance (Ledoit & Wolf 2004)."""
    if y is None:
        raise BadData("LDA needs labels; got none: pass labels=, or use pca")
    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise BadData("LDA needs at least two classes; got one: use pca")
    x = reduce_with_pca(x, seed)
    points = _project_discriminants(x, codes, x, dimensions)
    note = "The projection uses the labels"
    if counts.min() >= 2:
        rng = np.random.default_rng(seed)
        is_train = np.zeros(len(x), bool)
        for k in range(len(classes)):
            rows = rng.permutation(np.flatnonzero(codes == k))
            is_train[rows[: len(rows) // 2]] = True
        accuracy = _nearest_mean_accuracy(x, codes, is_train, min(dimensions, len(classes) - 1))
        note += f": fitted on half of the images, it places {accuracy:.0%} of the other half nearest to their own class"
    return points, f"{note}; by chance {counts.max() / len(x):.0%}."


def _project_discriminants(x: np.ndarray, codes: np.ndarray, queries: np.ndarray, dimensions: int) -> np.ndarray:
    """Project `queries` on the discriminants of x, then on the directions of the largest variance within classes."""
    from scipy.linalg import eigh
    from sklearn.covariance import ledoit_wolf

    counts = np.bincount(codes)
    means = np.stack([x[codes == k].mean(0) for k in range(len(counts))])
    between = (means - x.mean(0)).T * (counts / len(x)) @ (means - x.mean(0))
    inside = x - means[codes]
    within = ledoit_wolf(inside, assume_centered=True)[0]
    # classes of one image each have no variance: any direction between them will do
    within += np.eye(x.shape[1]) * max(1e-6 * np.trace(between + within) / x.shape[1], 1e-12)
    n_live = min(dimensions, len(counts) - 1, x.shape[1])
    directions = eigh(between, within)[1][:, ::-1][:, :n_live]
    directions *= np.sign(
        directions[np.abs(directions).argmax(0), np.arange(n_live)]
    )  # the sign is arbitrary: made reproducible
    points = np.zeros((len(queries), dimensions))
    points[:, :n_live] = (queries - x.mean(0)) @ directions
    if n_live < dimensions:
        others = np.linalg.svd(inside, full_matrices=False)[2][: dimensions - n_live]
        points[:, n_live : n_live + len(others)] = (queries - x.mean(0)) @ others.T
    return points


def _nearest_mean_accuracy(x: np.ndarray, codes: np.ndarray, is_train: np.ndarray, dimensions: int) -> float:
    fitted, tested = (
        _project_discriminants(x[is_train], codes[is_train], x[rows], dimensions) for rows in (is_train, ~is_train)
    )
    means = np.stack([fitted[codes[is_train] == k].mean(0) for k in range(codes.max() + 1)])
    distances = ((tested[:, None] - means) ** 2).sum(-1)
    return float((distances.argmin(1) == codes[~is_train]).mean())


PROJECTIONS = {
    "pca": Projection("PCA", project_pca),
    "tsne": Projection("t-SNE", project_tsne, {"perplexity": (2, 1000)}, is_iterative=True),
    "umap": Projection("UMAP", project_umap, {"n_neighbors": (2, 1000), "min_dist": (0, 1)}, is_iterative=True),
    "lda": Projection("LDA", project_lda),
}
