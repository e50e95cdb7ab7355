"""Data of the embedding explorer: images as points, per net, stage and method, and the columns to color them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from workbench.errors import BadData, BadValue
from workbench.probes import DomainGap, Embedding, domain_gap, embed
from workbench.widgets.views.model_choices import ModelChoices

MAX_IMAGES = 5000  # images embedded from a net: more take more than a few seconds on two cores
N_NEIGHBORS = 12  # neighbors shown for an image
ProgressCallback = Callable[[int, int, np.ndarray], bool | None]


class PointCloud(Protocol):
    """Images as points.

    Attributes:
        dimensions: numbers of dimensions to choose from; may be empty.
        net_names: nets to choose from; may be empty.
        methods: embedding methods to choose from; may be empty.
        images: images behind the points, or None.
        rows: (N,) row in `images` of each point.
        frame: one row per point: id, label, and the other known columns.
    """

    dimensions: tuple[int, ...]
    net_names: tuple[str, ...]
    methods: tuple[str, ...]
    images: Any
    rows: np.ndarray
    frame: pd.DataFrame

    def list_stages(self, net: str) -> tuple[str, ...]:
        """List the stages of a net, stem first."""
        ...

    def compute_embedding(
        self,
        net: str,
        stage: str,
        method: str,
        dimensions: int = 2,
        start: Any = None,
        callback: ProgressCallback | None = None,
    ) -> Embedding:
        """Compute an embedding once and keep it.

        Args:
            start: embedding to start from, so that points move little; None starts anew.
            callback: called with step, number of steps and points (N, 2) or (N, 3); True stops the computation.
        """
        ...

    def find_neighbors(self, net: str, stage: str, row: int) -> np.ndarray:
        """Find the nearest other images in the features of a stage, as rows, nearest first."""
        ...

    def measure_gap(self, net: str, stage: str) -> DomainGap | None:
        """Measure the distance between source and target at a stage; None without two domains."""
        ...


class PrecomputedCloud:
    """Precomputed embeddings by name, or bare points (N, 2) or (N, 3).

    Args:
        embeddings: an embedding, a mapping of several over the same images, or points.
        images: images behind the points, matched by the embeddings' ids; for bare points, row by row.
        columns: additional columns to color by, (N,) each.
    """

    def __init__(self, embeddings: Any, images: Any = None, columns: Any = None) -> None:
        by_name = dict(embeddings) if isinstance(embeddings, Mapping) else {"": embeddings}
        self._embeddings = {
            str(getattr(e, "layer", name)) if name == "" else str(name): e for name, e in by_name.items()
        }
        first = next(iter(self._embeddings.values()))
        self.net_names: tuple[str, ...] = ()
        self.methods: tuple[str, ...] = ()
        self.dimensions: tuple[int, ...] = ()
        self.images = images
        points = _check_points(first)
        for name, other in self._embeddings.items():
            if _check_points(other).shape != points.shape:
                raise BadValue(
                    "expected embeddings of the same images; "
                    f"{name} has {len(_check_points(other))} points, not {len(points)}"
                )
        ids = getattr(first, "ids", None)
        self.rows, self.frame = _match_images(images, ids, len(points))
        if "label" not in self.frame and getattr(first, "labels", None) is not None:
            self.frame["label"] = np.asarray(first.labels).astype(str)
        for name, values in dict(columns if columns is not None else {}).items():
            if len(values) != len(points):
                raise BadValue(f"the column {name!r} has {len(values)} values for {len(points)} points")
            self.frame[str(name)] = np.asarray(values)
        self._points = {name: _check_points(e) for name, e in self._embeddings.items()}

    def list_stages(self, net: str) -> tuple[str, ...]:
        """List the names of the embeddings."""
        return tuple(self._embeddings)

    def compute_embedding(
        self,
        net: str,
        stage: str,
        method: str,
        dimensions: int = 2,
        start: Any = None,
        callback: ProgressCallback | None = None,
    ) -> Embedding:
        """Return the embedding unchanged."""
        e = self._embeddings[stage]
        if isinstance(e, Embedding):
            return e
        return Embedding(self._points[stage], None, np.arange(len(self.frame)), stage or "given", "", None, None, None)

    def find_neighbors(self, net: str, stage: str, row: int) -> np.ndarray:
        """Find the nearest points in the embedding."""
        return _find_nearest(self._points[stage], row)

    def measure_gap(self, net: str, stage: str) -> None:
        """Return None: a distance between domains is measured on the features of a net."""


class NetCloud:
    """Embeddings of the features of nets, computed on request.

    Args:
        choices: the nets.
        images: images to embed; of more than 5,000, evenly spaced rows are taken.
    """

    def __init__(self, choices: ModelChoices, images: Any) -> None:
        if not len(images):
            raise BadData(f"{images.name} has no images to embed")
        rows = np.unique(np.linspace(0, len(images) - 1, MAX_IMAGES).astype(int))
        self.choices, self.net_names = choices, choices.names
        self.methods: tuple[str, ...] = ("pca", "tsne", "umap", "lda")
        self.dimensions: tuple[int, ...] = (2, 3)
        self.images = images.subset(rows=rows)
        self.rows, self.frame = np.arange(len(rows)), self.images.frame
        self._features: dict[tuple[str, str], Any] = {}
        self._embeddings: dict[tuple[str, str, str, int], Embedding] = {}
        self._gaps: dict[tuple[str, str], DomainGap | None] = {}

    def list_stages(self, net: str) -> tuple[str, ...]:
        """List the stages whose output is a tensor, stem first."""
        name = (
            self.net_names[-1] if self.choices.is_single_run else net
        )  # nets of one run have the same stages in every epoch
        return tuple(s.name for s in self.choices[name].stages[:-1] if s.shape)

    def extract_features(self, net: str, stage: str) -> Any:
        """Extract the features of a stage through the activation cache; drop unreadable images from the cloud."""
        if (net, stage) not in self._features:
            from workbench.feature_extraction import extract_features

            for name, features in extract_features(self.choices[net], self.images, list(self.list_stages(net))).items():
                self._features[net, name] = features
            self._drop_missing(self._features[net, stage].ids)
        return self._features[net, stage]

    def compute_embedding(
        self,
        net: str,
        stage: str,
        method: str,
        dimensions: int = 2,
        start: Any = None,
        callback: ProgressCallback | None = None,
    ) -> Embedding:
        """Compute an embedding, initialized by the previous one if both have the same images and dimensions."""
        if (net, stage, method, dimensions) not in self._embeddings:
            features = self.extract_features(net, stage)
            if start is not None and not (
                start.points.shape == (len(features.ids), dimensions) and (start.ids == features.ids).all()
            ):
                start = None
            embedding = embed(features, method=method, dimensions=dimensions, init=start, callback=callback)
            if not embedding.is_complete:
                return embedding  # not kept: the next request computes it to the end
            self._embeddings[net, stage, method, dimensions] = embedding
        return self._embeddings[net, stage, method, dimensions]

    def find_neighbors(self, net: str, stage: str, row: int) -> np.ndarray:
        """Find the nearest images in the features of the stage."""
        return _find_nearest(self.extract_features(net, stage).array, row)

    def measure_gap(self, net: str, stage: str) -> DomainGap | None:
        """Measure the proxy A-distance of source and target at a stage."""
        if (net, stage) not in self._gaps:
            self._gaps[net, stage] = self._compute_gap(net, stage)
        return self._gaps[net, stage]

    def predict_classes(self, net: str) -> pd.DataFrame:
        """Predict the classes of the images, where the head has the same classes: predicted, correct, confidence."""
        from workbench.evaluation import evaluate

        evaluation = evaluate(self.choices[net], self.images, split=None)
        if evaluation.kind != "classes":
            raise BadData("correctness and confidence need one class per image")
        best = evaluation.probabilities.argmax(1)
        predictions = pd.DataFrame(
            {
                "predicted": np.array(evaluation.classes, object)[best],
                "correct": np.where(best == evaluation.labels, "right", "wrong"),
                "confidence": evaluation.probabilities.max(1),
            },
            index=evaluation.ids,
        )
        return predictions.reindex(self.frame["id"]).reset_index(drop=True)

    def _drop_missing(self, ids: np.ndarray) -> None:
        if len(ids) != len(self.frame):
            keep = self.frame["id"].isin(set(ids)).to_numpy()
            self.rows, self.frame = self.rows[keep], self.frame[keep].reset_index(drop=True)

    def _compute_gap(self, net: str, stage: str) -> DomainGap | None:
        target = self.images.target
        if target is None or "domain" not in self.frame:
            return None
        is_target = self.frame["id"].isin(set(target.frame["id"])).to_numpy()
        x = self.extract_features(net, stage).array
        try:
            return domain_gap(x[~is_target], x[is_target])
        except BadData:
            return None


def make_cloud(nets_or_points: Any, images: Any, run: Any, columns: Any) -> PointCloud | None:
    """Make the point cloud of nets, of embeddings or of a run's nets; None if there is nothing to show yet."""
    if nets_or_points is None and run is not None:
        return NetCloud(ModelChoices(None, run), images if images is not None else run.images)
    if nets_or_points is None:
        return None
    several = list(nets_or_points.values()) if isinstance(nets_or_points, Mapping) else [nets_or_points]
    if not several:
        raise BadValue("expected a net with images, or a result of wb.probes.embed; got an empty mapping")
    if all(hasattr(v, "stages") and hasattr(v, "features") for v in several):
        if images is None:
            raise BadValue("nets need images to embed; pass them, such as EmbeddingExplorer(net, images)")
        return NetCloud(ModelChoices(nets_or_points), images)
    return PrecomputedCloud(nets_or_points, images, columns)


def _check_points(embedding: Any) -> np.ndarray:
    points = np.asarray(getattr(embedding, "points", embedding))
    if points.ndim != 2 or points.shape[1] < 2 or points.dtype.kind not in "fiu":
        raise BadValue(
            f"expected points as numbers (N, 2) or (N, 3), one row per image; got {points.dtype} {points.shape}"
        )
    bad = ~np.isfinite(points).all(1)
    if bad.any():
        raise BadData(
            f"{bad.sum()} of {len(points)} points are not finite, the first in row {bad.argmax()}; remove them"
        )
    return np.ascontiguousarray(points[:, : 3 if points.shape[1] == 3 else 2], dtype=np.float32)


def _match_images(images: Any, ids: Any, n_points: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Match the points to rows of the images, and collect the known columns."""
    if images is None:
        return np.arange(n_points), pd.DataFrame({"id": np.arange(n_points) if ids is None else np.asarray(ids)})
    frame = images.frame
    if ids is None:
        if len(frame) != n_points:
            raise BadValue(f"expected {len(frame)} points, one per image of {images.name}; got {n_points}")
        return np.arange(n_points), frame
    row_by_name = {name: row for row, name in enumerate(frame["id"])}
    missing = [name for name in ids if name not in row_by_name]
    if missing:
        raise BadValue(
            f"{len(missing)} of the {n_points} points have no image in {images.name}, the first is {missing[0]!r}"
        )
    rows = np.array([row_by_name[name] for name in ids])
    return rows, frame.iloc[rows].reset_index(drop=True)


def _find_nearest(x: np.ndarray, row: int) -> np.ndarray:
    distances = ((x - x[row]) ** 2).sum(1)
    distances[row] = np.inf
    nearest = np.argpartition(distances, min(N_NEIGHBORS, len(x) - 1) - 1)[:N_NEIGHBORS] if len(x) > 1 else np.arange(0)
    return nearest[np.argsort(distances[nearest], kind="stable")]
