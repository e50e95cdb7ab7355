"""Pictures of features: PCA, t-SNE, UMAP and LDA, with what they keep said beside them, and aligned with each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue, UnknownName, printable_text
from workbench.markers import Array, Seed, shown, to_array
from workbench.probes.alignment import is_constant
from workbench.probes.layouts import LAYOUTS
from workbench.probes.neighbours import Kept, agreement, kept, nearest
from workbench.probes.samples import table
from workbench.threads import spare

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 4  # images of which there is a picture
NEIGHBOURS = 15


@dataclass(frozen=True)
class Embedding:
    """Points of a picture, a row an image, and what of the features they keep.

    Attributes:
        points: (N, 2) or (N, 3) float32.
        labels: of the rows; None where unknown.
        ids: (N,) the images' names, or row numbers.
        layer: the stage.
        method: pca, tsne, umap or lda.
        kept: how many neighbourhoods survive; None where all features are the same.
        agreement: share of the 15 nearest images, in the features, that are of the image's own class; None without
            labels.
        chance: that share for classes at random.
        note: what to know before reading structure into the picture; may be empty.
        finished: whether it was drawn to its end.
    """

    points: np.ndarray
    labels: np.ndarray | None
    ids: np.ndarray
    layer: str
    method: str
    kept: Kept | None
    agreement: float | None
    chance: float | None
    note: str = ""
    finished: bool = True

    def __len__(self) -> int:
        return len(self.points)

    @property
    def frame(self) -> pd.DataFrame:
        """id, x, y, z if there is one, and label: a row an image."""
        import pandas as pd

        columns = {name: self.points[:, at] for at, name in enumerate("xyz"[: self.points.shape[1]])}
        return pd.DataFrame({"id": self.ids, **columns, "label": self.labels if self.labels is not None else None})

    @printable_text
    def __str__(self) -> str:
        said = [f"{LAYOUTS[self.method].title} of {len(self)} images at {self.layer}"]
        if self.kept is not None:
            said.append(f"{self.kept.recall:.0%} of the {self.kept.k} nearest stay nearest")
            said.append(f"trustworthiness {self.kept.trustworthiness:.2f}")
        return ", ".join(said) + (f". {self.note}" if self.note else "")


@check_arguments
@spare()
def embed(
    features: Any,
    images: Any = None,
    *,
    method: str = "pca",
    stages: str | Sequence[str | None] | None = None,
    dimensions: int = 2,
    labels: Annotated[Any, Array(ndim=1, real=False)] | None = None,
    start: Any = None,
    seed: Seed = 0,
    watch: Callable[[int, int, np.ndarray], bool | None] | None = None,
    **options: Any,
) -> Any:
    """A picture of features in the plane or in space; of several stages or nets, one each, each turned to the last.

    Where the points of t-SNE or UMAP begin at those of an earlier picture they move rather than being shuffled; after
    that, and for PCA and LDA, a picture is turned, mirrored and scaled onto the one before (Procrustes).

    Args:
        features: an array (N, D); what `wb.features` gives; a mapping of these by name (stages, epochs or nets), for
            which the answer is a mapping of pictures over the images that all have; or a net, with `images`.
        images: what a net is shown; unused for features.
        method: pca, tsne (van der Maaten & Hinton 2008), umap (McInnes et al. 2018) or lda (Fisher 1936; it reads
            the labels).
        stages: of a net: one, or a list for a mapping; None is what the head reads.
        dimensions: 2 or 3.
        labels: (N,) instead of those of the features.
        start: an earlier embedding of the same images, or points (N, dimensions), to begin at and to turn to.
        seed: of what is random.
        watch: called now and then while t-SNE or UMAP go on, with the step, their count and the points so far; True
            ends it there, and of several pictures keeps those that are begun.
        options: of the method: `perplexity=30` (tsne), `neighbours=15` and `min_dist=0.1` (umap).

    Raises:
        UnknownName: no such method, stage or option.
        BadValue: an argument out of range, or features of other images than `start`.
        BadData: fewer than 4 images, features that are not finite, or LDA without classes.
    """
    if method not in LAYOUTS:
        raise UnknownName.of("way to draw features", method, LAYOUTS)
    if isinstance(dimensions, bool) or dimensions not in (2, 3):
        raise BadValue(f"a picture has 2 or 3 dimensions; got {dimensions!r}")
    LAYOUTS[method].check(options)
    if hasattr(features, "stages") and hasattr(features, "features"):
        features = _of_net(features, images, stages)
    elif images is not None or stages is not None:
        raise BadValue("images and stages are read of a net; features are drawn as they are: leave both out")
    drawn = {"method": method, "dimensions": dimensions, "seed": seed, "watch": watch, **options}
    if not isinstance(features, Mapping):
        return _one(features, labels=labels, start=start, **drawn)
    out: dict[str, Embedding] = {}
    for name, found in _shared(features, labels).items():
        start = _one(found, labels=labels, start=start, **drawn)
        out[str(name)] = start = replace(start, layer=str(name))
        if not start.finished:
            break
    return out


def _of_net(net: Any, images: Any, stages: Any) -> Any:
    from workbench.probes.stage_features import features_at, features_by_stage

    if images is None:
        raise BadValue("a net is given without images: say which, such as embed(net, images)")
    if stages is None or isinstance(stages, str):
        return features_at(net, images, stages)
    return features_by_stage(net, images, stages)


def _one(
    found: Any, *, labels: Any, start: Any, method: str, dimensions: int, seed: int, watch: Any, **options: Any
) -> Embedding:
    x, y, ids = _read(found, labels)
    layer = str(getattr(found, "layer", None) or getattr(found, "stage", "features"))
    begin = _begin(start, ids, dimensions)
    layout = LAYOUTS[method]
    if is_constant(x):
        note = "This stage says the same of every image: there is nothing to draw."
        return Embedding(np.zeros((len(x), dimensions), np.float32), y, ids, layer, method, None, None, None, note)
    way = _Way(watch, begin)
    if layout.stepwise and watch is not None:
        options["watch"] = way
    points, note = layout.draw(x, y, dimensions, begin, seed, **options)
    points = points if begin is None else aligned(points, begin)
    same, chance = (None, None) if y is None else agreement(y, nearest(x, min(NEIGHBOURS, len(x) - 1), seed)[0])
    known = kept(x, points, NEIGHBOURS, seed)
    note = way.words + note
    return Embedding(points.astype(np.float32), y, ids, layer, method, known, same, chance, note, not way.words)


class _Way:
    """What is told of a picture that is under way: turned to the one before, as it will be in the end."""

    def __init__(self, watch: Any, begin: np.ndarray | None) -> None:
        self._watch, self._begin, self.words = watch, begin, ""

    def __call__(self, step: int, steps: int, points: np.ndarray) -> bool:
        told = points if self._begin is None else aligned(points, self._begin)
        if step < steps and self._watch(step, steps, told.astype(np.float32)):
            self.words = f"Stopped after {step} of {steps} steps. "
        return bool(self.words)


def _read(found: Any, labels: Any) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Features (N, D), labels (N,) or None, and ids."""
    raw = next((getattr(found, name) for name in ("array", "x") if hasattr(found, name)), found)
    x = table(raw, "given")
    if len(x) < FEWEST:
        raise BadData(f"{len(x)} image{'s' * (len(x) != 1)} give no picture of features; {FEWEST} are the least")
    y = labels if labels is not None else getattr(found, "labels", getattr(found, "y", None))
    y = None if y is None else np.asarray(y)
    if labels is not None and (y is None or y.shape != (len(x),)):
        raise BadValue(f"the labels are one an image, ({len(x)},); got {None if y is None else y.shape}")
    ids = np.asarray(getattr(found, "ids", np.arange(len(x))))
    return x, y if y is not None and y.ndim == 1 else None, ids


def _shared(features: Mapping[str, Any], labels: Any) -> dict[str, Any]:
    """Every table over the images that all have, in one order."""
    if not features:
        raise BadValue("there are no features to draw: give at least one stage")
    held = {name: _read(found, labels) for name, found in features.items()}
    ids = next(iter(held.values()))[2]
    for _, _, other in held.values():
        ids = ids[np.isin(ids, other)]
    if len(ids) < FEWEST:
        raise BadData(f"the features have {len(ids)} images in common; {FEWEST} are the least: take all of the same")
    out = {}
    for name, (x, y, own) in held.items():
        place = {key: row for row, key in enumerate(own)}
        rows = np.array([place[key] for key in ids])
        out[name] = _Table(x[rows], None if y is None else y[rows], ids, str(name))
    return out


@dataclass(frozen=True)
class _Table:
    array: np.ndarray
    labels: np.ndarray | None
    ids: np.ndarray
    layer: str


def _begin(start: Any, ids: np.ndarray, dimensions: int) -> np.ndarray | None:
    """Points (N, d) of an earlier picture in the order of `ids`."""
    if start is None:
        return None
    held = to_array(getattr(start, "points", start))
    if held is None or held.dtype.kind not in "fiu":
        raise BadValue(f"start is an earlier embedding or its points, ({len(ids)}, {dimensions}); got {shown(start)}")
    points = held.astype(float)
    known = getattr(start, "ids", None)
    if known is not None and len(known) and set(known) >= set(ids):
        place = {key: row for row, key in enumerate(known)}
        points = points[[place[key] for key in ids]]
    if points.shape != (len(ids), dimensions) or not np.isfinite(points).all():
        raise BadValue(
            f"a picture begins at finite points of the same images, ({len(ids)}, {dimensions}); got {points.shape}"
        )
    return points


@check_arguments
def aligned(
    points: Annotated[Any, Array(ndim=2, finite=True)], onto: Annotated[Any, Array(ndim=2, finite=True)]
) -> np.ndarray:
    """`points (N, d)` turned, mirrored, scaled and moved to lie as near to `onto (N, d)` as they can.

    source: Gower 1975, "Generalized Procrustes analysis".

    Raises:
        BadValue: no two tables of the same shape.
    """
    p, q = (np.asarray(v, dtype=float) for v in (points, onto))
    if p.ndim != 2 or p.shape != q.shape:
        raise BadValue(f"pictures of the same images in as many dimensions are aligned; got {p.shape} and {q.shape}")
    middle, to = p.mean(0), q.mean(0)
    u, s, vt = np.linalg.svd((p - middle).T @ (q - to))
    size = ((p - middle) ** 2).sum()
    scale = s.sum() / size if size else 0.0
    # what lay all in one place says nothing of a scale
    return (p - middle) @ u @ vt * (scale or 1.0) + to
