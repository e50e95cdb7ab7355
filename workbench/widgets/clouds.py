"""What an explorer shows: images as points, by net, stage and method; and what they can be coloured by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from workbench.errors import BadData, BadValue
from workbench.probes import DomainGap, Embedding, domain_gap, embed
from workbench.widgets.sides import Sides

MOST = 5000  # images of a net's picture: more take more than a few seconds on two cores
NEAR = 12  # neighbours shown of an image
Watch = Callable[[int, int, np.ndarray], bool | None]


class Cloud(Protocol):
    """Images as points.

    Attributes:
        nets: what can be chosen between, may be empty.
        methods: ways to draw, may be empty.
        images: the images behind the points, or None.
        places: (N,) rows of the images.
        frame: a row a point: id, label, and what else is known.
        spaces: how many dimensions can be chosen, may be empty.
    """

    spaces: tuple[int, ...]
    nets: tuple[str, ...]
    methods: tuple[str, ...]
    images: Any
    places: np.ndarray
    frame: pd.DataFrame

    def stages(self, net: str) -> tuple[str, ...]:
        """The stages of a net, stem first."""
        ...

    def drawn(
        self, net: str, stage: str, method: str, space: int = 2, start: Any = None, watch: Watch | None = None
    ) -> Embedding:
        """The picture, made once; `watch` is told how far it is and may end it there."""
        ...

    def near(self, net: str, stage: str, row: int) -> np.ndarray:
        """The nearest other images, as the stage sees them."""
        ...

    def gap(self, net: str, stage: str) -> DomainGap | None:
        """How far source and target lie apart at a stage; None without two domains."""
        ...


class Given:
    """Pictures that were made already: embeddings by name, or bare points (N, 2) or (N, 3).

    Args:
        pictures: an embedding, a mapping of them over the same images, or points.
        images: the images, found by the embeddings' ids; for bare points, row by row.
        columns: more to colour by, (N,) each.
    """

    def __init__(self, pictures: Any, images: Any = None, columns: Any = None) -> None:
        held = dict(pictures) if isinstance(pictures, Mapping) else {"": pictures}
        self._held = {str(getattr(e, "layer", name)) if name == "" else str(name): e for name, e in held.items()}
        first = next(iter(self._held.values()))
        self.nets: tuple[str, ...] = ()
        self.methods: tuple[str, ...] = ()
        self.spaces: tuple[int, ...] = ()
        self.images = images
        points = _points(first)
        for name, other in self._held.items():
            if _points(other).shape != points.shape:
                raise BadValue(
                    f"the pictures hold the same images; {name} has {len(_points(other))}, not {len(points)}"
                )
        ids = getattr(first, "ids", None)
        self.places, self.frame = _told(images, ids, len(points))
        if "label" not in self.frame and getattr(first, "labels", None) is not None:
            self.frame["label"] = np.asarray(first.labels).astype(str)
        for name, values in dict(columns if columns is not None else {}).items():
            if len(values) != len(points):
                raise BadValue(f"the column {name!r} has {len(values)} values for {len(points)} points")
            self.frame[str(name)] = np.asarray(values)
        self._points = {name: _points(e) for name, e in self._held.items()}

    def stages(self, net: str) -> tuple[str, ...]:
        """The pictures' names."""
        return tuple(self._held)

    def drawn(
        self, net: str, stage: str, method: str, space: int = 2, start: Any = None, watch: Watch | None = None
    ) -> Embedding:
        """The picture as it was given."""
        e = self._held[stage]
        if isinstance(e, Embedding):
            return e
        return Embedding(self._points[stage], None, np.arange(len(self.frame)), stage or "given", "", None, None, None)

    def near(self, net: str, stage: str, row: int) -> np.ndarray:
        """The nearest in the picture."""
        return _nearest(self._points[stage], row)

    def gap(self, net: str, stage: str) -> None:
        """Unknown: only nets tell how far domains lie apart."""


class Asked:
    """Pictures of what nets say of images, made when they are asked for.

    Args:
        sides: the nets.
        images: what they are shown, at most 5,000 of them, evenly chosen.
    """

    def __init__(self, sides: Sides, images: Any) -> None:
        if not len(images):
            raise BadData(f"{images.name} has no such images to draw")
        rows = np.unique(np.linspace(0, len(images) - 1, MOST).astype(int))
        self.sides, self.nets = sides, sides.names
        self.methods: tuple[str, ...] = ("pca", "tsne", "umap", "lda")
        self.spaces: tuple[int, ...] = (2, 3)
        self.images = images.part(rows=rows)
        self.places, self.frame = np.arange(len(rows)), self.images.frame
        self._features: dict[tuple[str, str], Any] = {}
        self._made: dict[tuple[str, str, str, int], Embedding] = {}
        self._gaps: dict[tuple[str, str], DomainGap | None] = {}

    def stages(self, net: str) -> tuple[str, ...]:
        """Those that give a tensor, stem first."""
        of = self.nets[-1] if self.sides.course else net  # a run's net of one epoch has the stages of any other
        return tuple(s.name for s in self.sides[of].stages[:-1] if s.shape)

    def features(self, net: str, stage: str) -> Any:
        """What a stage says of the images, through the store; those that cannot be read are left out of the cloud."""
        if (net, stage) not in self._features:
            from workbench.embeddings import features

            for name, found in features(self.sides[net], self.images, list(self.stages(net))).items():
                self._features[net, name] = found
            self._leave_out(self._features[net, stage].ids)
        return self._features[net, stage]

    def drawn(
        self, net: str, stage: str, method: str, space: int = 2, start: Any = None, watch: Watch | None = None
    ) -> Embedding:
        """The picture, begun at the one shown before where both hold the same images in as many dimensions."""
        if (net, stage, method, space) not in self._made:
            found = self.features(net, stage)
            if start is not None and not (
                start.points.shape == (len(found.ids), space) and (start.ids == found.ids).all()
            ):
                start = None
            made = embed(found, method=method, dimensions=space, start=start, watch=watch)
            if not made.finished:
                return made  # asked for again, it is drawn to its end
            self._made[net, stage, method, space] = made
        return self._made[net, stage, method, space]

    def near(self, net: str, stage: str, row: int) -> np.ndarray:
        """The nearest as the stage sees them."""
        return _nearest(self.features(net, stage).array, row)

    def gap(self, net: str, stage: str) -> DomainGap | None:
        """Proxy A-distance of source and target at a stage."""
        if (net, stage) not in self._gaps:
            self._gaps[net, stage] = self._measured(net, stage)
        return self._gaps[net, stage]

    def answers(self, net: str) -> pd.DataFrame:
        """What the net answers, where its head names these classes: predicted, correct, confidence."""
        from workbench.evaluation import evaluate

        found = evaluate(self.sides[net], self.images, split=None)
        if found.kind != "classes":
            raise BadData("correctness and confidence are known for one class an image")
        best = found.probabilities.argmax(1)
        told = pd.DataFrame(
            {
                "predicted": np.array(found.classes, object)[best],
                "correct": np.where(best == found.labels, "right", "wrong"),
                "confidence": found.probabilities.max(1),
            },
            index=found.ids,
        )
        return told.reindex(self.frame["id"]).reset_index(drop=True)

    def _leave_out(self, ids: np.ndarray) -> None:
        if len(ids) != len(self.frame):
            keep = self.frame["id"].isin(set(ids)).to_numpy()
            self.places, self.frame = self.places[keep], self.frame[keep].reset_index(drop=True)

    def _measured(self, net: str, stage: str) -> DomainGap | None:
        target = self.images.target
        if target is None or "domain" not in self.frame:
            return None
        there = self.frame["id"].isin(set(target.frame["id"])).to_numpy()
        x = self.features(net, stage).array
        try:
            return domain_gap(x[~there], x[there])
        except BadData:
            return None


def cloud(of: Any, images: Any, run: Any, columns: Any) -> Cloud | None:
    """What `of` is: nets, or pictures made already; of a run, its nets; None where there is nothing yet."""
    if of is None and run is not None:
        return Asked(Sides(None, run), images if images is not None else run.images)
    if of is None:
        return None
    several = list(of.values()) if isinstance(of, Mapping) else [of]
    if not several:
        raise BadValue("there is nothing to explore: give a net and images, or what wb.probes.embed gives")
    if all(hasattr(v, "stages") and hasattr(v, "features") for v in several):
        if images is None:
            raise BadValue("nets are given without images: say which, such as EmbeddingExplorer(net, images)")
        return Asked(Sides(of), images)
    return Given(of, images, columns)


def _points(of: Any) -> np.ndarray:
    points = np.asarray(getattr(of, "points", of))
    if points.ndim != 2 or points.shape[1] < 2 or points.dtype.kind not in "fiu":
        raise BadValue(f"points are numbers (N, 2) or (N, 3), a row an image; got {points.dtype} {points.shape}")
    bad = ~np.isfinite(points).all(1)
    if bad.any():
        raise BadData(
            f"{bad.sum()} of {len(points)} points are not finite, row {bad.argmax()} the first: leave them out"
        )
    return np.ascontiguousarray(points[:, : 3 if points.shape[1] == 3 else 2], dtype=np.float32)


def _told(images: Any, ids: Any, count: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Rows of the images behind the points, and what is known of them."""
    if images is None:
        return np.arange(count), pd.DataFrame({"id": np.arange(count) if ids is None else np.asarray(ids)})
    frame = images.frame
    if ids is None:
        if len(frame) != count:
            raise BadValue(f"{count} points do not fit the {len(frame)} images of {images.name}")
        return np.arange(count), frame
    place = {name: row for row, name in enumerate(frame["id"])}
    missing = [name for name in ids if name not in place]
    if missing:
        raise BadValue(
            f"{len(missing)} of the {count} points are of no image of {images.name}, {missing[0]!r} the first"
        )
    rows = np.array([place[name] for name in ids])
    return rows, frame.iloc[rows].reset_index(drop=True)


def _nearest(x: np.ndarray, row: int) -> np.ndarray:
    away = ((x - x[row]) ** 2).sum(1)
    away[row] = np.inf
    few = np.argpartition(away, min(NEAR, len(x) - 1) - 1)[:NEAR] if len(x) > 1 else np.arange(0)
    return few[np.argsort(away[few], kind="stable")]
