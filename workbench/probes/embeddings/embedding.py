"""Embeddings of features in two or three dimensions: PCA, t-SNE, UMAP and LDA, with quality measures and alignment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from workbench._threads import limit_to_free_cores
from workbench.annotated_types import Array, Seed, to_array
from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue, UnknownName, escape_returned_text
from workbench.formatting import format_quantity, format_value
from workbench.probes.embeddings.projections import PROJECTIONS
from workbench.probes.nearest_neighbors import (
    NeighborhoodPreservation,
    find_neighbors,
    label_agreement,
    measure_preservation,
)
from workbench.probes.representations._cka import is_constant
from workbench.probes.validation import to_feature_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Embedding", "align_points", "embed"]

MIN_IMAGES = 4  # images that an embedding needs at least
N_NEIGHBORS = 15


@dataclass(frozen=True)
class Embedding:
    """Points in two or three dimensions, one per image, with measures of how well they preserve the features.

    Attributes:
        points: (N, 2) or (N, 3) float32.
        labels: (N,) of the rows; None if unknown.
        ids: (N,) names of the images, or row numbers.
        layer: the stage.
        method: pca, tsne, umap or lda.
        preservation: how well neighbourhoods are preserved; None if all features are the same.
        label_agreement: share of the 15 nearest images, in the features, that have the image's own class, 0..1; None
            without labels.
        chance_agreement: that share for random classes, 0..1.
        note: a caution for reading the embedding; may be empty.
        is_complete: True if all steps were computed.
    """

    points: np.ndarray
    labels: np.ndarray | None
    ids: np.ndarray
    layer: str
    method: str
    preservation: NeighborhoodPreservation | None
    label_agreement: float | None
    chance_agreement: float | None
    note: str = ""
    is_complete: bool = True

    def __len__(self) -> int:
        return len(self.points)

    @property
    def frame(self) -> pd.DataFrame:
        """One row per image: id, x, y, z if there is one, and label."""
        import pandas as pd

        columns = {name: self.points[:, axis] for axis, name in enumerate("xyz"[: self.points.shape[1]])}
        return pd.DataFrame({"id": self.ids, **columns, "label": self.labels if self.labels is not None else None})

    @escape_returned_text
    def __str__(self) -> str:
        parts = [f"{PROJECTIONS[self.method].title} of {len(self)} images at {self.layer}"]
        if self.preservation is not None:
            parts.append(f"{self.preservation.recall:.0%} of the {self.preservation.k} nearest neighbours preserved")
            parts.append(f"trustworthiness {self.preservation.trustworthiness:.2f}")
        return ", ".join(parts) + (f". {self.note}" if self.note else "")


@check_arguments
@limit_to_free_cores()
def embed(
    features: Any,
    images: Any = None,
    *,
    method: str = "pca",
    stages: str | Sequence[str | None] | None = None,
    dimensions: int = 2,
    labels: Annotated[Any, Array(ndim=1, real=False)] | None = None,
    init: Any = None,
    seed: Seed = 0,
    callback: Callable[[int, int, np.ndarray], bool | None] | None = None,
    **options: Any,
) -> Any:
    """Embed features in two or three dimensions; of several stages or nets, each embedding is aligned with the last.

    If t-SNE or UMAP start at the points of an earlier embedding, points move instead of being placed anew. Then, and
    for PCA and LDA, an embedding is rotated, mirrored and scaled onto the one before (Procrustes).

    Args:
        features: an array (N, D); the result of `wb.extract_features`; a mapping of these by name (stages, epochs or
            nets), which gives a mapping of embeddings of the images that all have; or a net, with `images`.
        images: input of a net; unused for features.
        method: pca, tsne (van der Maaten & Hinton 2008), umap (McInnes et al. 2018) or lda (Fisher 1936; it uses the
            labels).
        stages: of a net: one name, or a list for a mapping; None is the input of the head.
        dimensions: 2 or 3.
        labels: (N,) instead of those of the features.
        init: an earlier embedding of the same images, or points (N, dimensions), to start at and to align with.
        seed: of the random numbers.
        callback: called every few steps of t-SNE or UMAP with the step, the number of steps and the points so far; True
            stops there, and of several embeddings keeps those that were started.
        options: of the method: `perplexity=30` (tsne), `n_neighbors=15` and `min_dist=0.1` (umap).

    Raises:
        UnknownName: no such method, stage or option.
        BadValue: an argument out of range, or features of other images than `init`.
        BadData: fewer than 4 images, features that are not finite, or LDA without classes.
    """
    if method not in PROJECTIONS:
        raise UnknownName.of("projection method", method, PROJECTIONS)
    if isinstance(dimensions, bool) or dimensions not in (2, 3):
        raise BadValue(f"expected 2 or 3 dimensions; got {dimensions!r}")
    PROJECTIONS[method].check_options(options)
    if hasattr(features, "stages") and hasattr(features, "features"):
        features = _extract_from_net(features, images, stages)
    elif images is not None or stages is not None:
        raise BadValue("images and stages are arguments for a net: leave both out for features")
    settings = {"method": method, "dimensions": dimensions, "seed": seed, "callback": callback, **options}
    if not isinstance(features, Mapping):
        return _embed_table(features, labels=labels, init=init, **settings)
    embeddings: dict[str, Embedding] = {}
    for name, table in _select_common_images(features, labels).items():
        init = _embed_table(table, labels=labels, init=init, **settings)
        embeddings[str(name)] = init = replace(init, layer=str(name))
        if not init.is_complete:
            break
    return embeddings


def _extract_from_net(net: Any, images: Any, stages: Any) -> Any:
    from workbench.probes.stage_features import extract_features_by_stage, extract_stage_features

    if images is None:
        raise BadValue("expected images for the net, such as embed(net, images)")
    if stages is None or isinstance(stages, str):
        return extract_stage_features(net, images, stages)
    return extract_features_by_stage(net, images, stages)


def _embed_table(
    features: Any, *, labels: Any, init: Any, method: str, dimensions: int, seed: int, callback: Any, **options: Any
) -> Embedding:
    x, y, ids = _parse_features(features, labels)
    layer = str(getattr(features, "layer", None) or getattr(features, "stage", "features"))
    initial = _parse_init(init, ids, dimensions)
    layout = PROJECTIONS[method]
    if is_constant(x):
        note = "This stage has the same features for every image: there is nothing to embed."
        return Embedding(np.zeros((len(x), dimensions), np.float32), y, ids, layer, method, None, None, None, note)
    aligned = _AlignedCallback(callback, initial)
    if layout.is_iterative and callback is not None:
        options["callback"] = aligned
    points, note = layout.project(x, y, dimensions, initial, seed, **options)
    points = points if initial is None else align_points(points, initial)
    agreement, chance = (
        (None, None) if y is None else label_agreement(y, find_neighbors(x, min(N_NEIGHBORS, len(x) - 1), seed)[0])
    )
    preservation = measure_preservation(x, points, N_NEIGHBORS, seed)
    note = aligned.note + note
    return Embedding(
        points.astype(np.float32), y, ids, layer, method, preservation, agreement, chance, note, not aligned.note
    )


class _AlignedCallback:
    """Callback that aligns the points of an unfinished embedding with the reference before passing them on."""

    def __init__(self, callback: Any, reference: np.ndarray | None) -> None:
        self._callback, self._reference, self.note = callback, reference, ""

    def __call__(self, step: int, steps: int, points: np.ndarray) -> bool:
        aligned = points if self._reference is None else align_points(points, self._reference)
        if step < steps and self._callback(step, steps, aligned.astype(np.float32)):
            self.note = f"Stopped after {step} of {steps} steps. "
        return bool(self.note)


def _parse_features(features: Any, labels: Any) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Return features (N, D), labels (N,) or None, and ids."""
    raw = next((getattr(features, name) for name in ("array", "x") if hasattr(features, name)), features)
    x = to_feature_table(raw, "given")
    if len(x) < MIN_IMAGES:
        raise BadData(f"{format_quantity(len(x), 'image')} given to embed; at least {MIN_IMAGES} are needed")
    y = labels if labels is not None else getattr(features, "labels", getattr(features, "y", None))
    y = None if y is None else np.asarray(y)
    if labels is not None and (y is None or y.shape != (len(x),)):
        raise BadValue(f"expected one label per image, ({len(x)},); got {None if y is None else y.shape}")
    ids = np.asarray(getattr(features, "ids", np.arange(len(x))))
    return x, y if y is not None and y.ndim == 1 else None, ids


def _select_common_images(features: Mapping[str, Any], labels: Any) -> dict[str, Any]:
    """Return every table reduced to the images that all tables have, in one order."""
    if not features:
        raise BadValue("expected features of at least one stage; got none")
    tables = {name: _parse_features(table, labels) for name, table in features.items()}
    ids = next(iter(tables.values()))[2]
    for _, _, other in tables.values():
        ids = ids[np.isin(ids, other)]
    if len(ids) < MIN_IMAGES:
        raise BadData(
            f"the features have {len(ids)} images in common; at least {MIN_IMAGES} are needed: extract all features "
            "from the same images"
        )
    selected = {}
    for name, (x, y, own_ids) in tables.items():
        row_of = {key: row for row, key in enumerate(own_ids)}
        rows = np.array([row_of[key] for key in ids])
        selected[name] = _FeatureTable(x[rows], None if y is None else y[rows], ids, str(name))
    return selected


@dataclass(frozen=True)
class _FeatureTable:
    array: np.ndarray
    labels: np.ndarray | None
    ids: np.ndarray
    layer: str


def _parse_init(init: Any, ids: np.ndarray, dimensions: int) -> np.ndarray | None:
    """Return points (N, d) of an earlier embedding in the order of `ids`."""
    if init is None:
        return None
    array = to_array(getattr(init, "points", init))
    if array is None or array.dtype.kind not in "fiu":
        raise BadValue(
            f"expected init to be an earlier embedding or its points, ({len(ids)}, {dimensions}); got "
            f"{format_value(init)}"
        )
    points = array.astype(float)
    known_ids = getattr(init, "ids", None)
    if known_ids is not None and len(known_ids) and set(known_ids) >= set(ids):
        row_of = {key: row for row, key in enumerate(known_ids)}
        points = points[[row_of[key] for key in ids]]
    if points.shape != (len(ids), dimensions) or not np.isfinite(points).all():
        raise BadValue(
            f"expected finite initial points of the same images, ({len(ids)}, {dimensions}); got {points.shape}"
        )
    return points


@check_arguments
def align_points(
    points: Annotated[Any, Array(ndim=2, finite=True)], reference: Annotated[Any, Array(ndim=2, finite=True)]
) -> np.ndarray:
    """Rotate, mirror, scale and shift `points (N, d)` to lie as near to `reference (N, d)` as possible.

    Source: Gower 1975, "Generalized Procrustes analysis".

    Raises:
        BadValue: not two tables of the same shape.
    """
    p, q = (np.asarray(v, dtype=float) for v in (points, reference))
    if p.ndim != 2 or p.shape != q.shape:
        raise BadValue(f"expected two tables of points of the same shape; got {p.shape} and {q.shape}")
    middle, center = p.mean(0), q.mean(0)
    u, s, vt = np.linalg.svd((p - middle).T @ (q - center))
    total = ((p - middle) ** 2).sum()
    scale = s.sum() / total if total else 0.0
    # identical points give no scale
    return (p - middle) @ u @ vt * (scale or 1.0) + center
