"""Embedding explorer: images as a cloud of points to pan, zoom and lasso, with their thumbnails."""

from __future__ import annotations

import io
import threading
import time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import traitlets

from workbench.annotated_types import RunLike
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, Unavailable
from workbench.figures.dots.embedding_map import neighbor_title, quality_caption
from workbench.figures.style.markup import strip_markup
from workbench.formatting import format_percent
from workbench.widgets.base import Panel, bundle_script, show_errors
from workbench.widgets.components.background_task import BackgroundTask
from workbench.widgets.components.color_encoding import ColorEncoding, encode_colors
from workbench.widgets.components.eta import Eta
from workbench.widgets.views.point_clouds import NetCloud, PointCloud, make_cloud

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

__all__ = ["EmbeddingExplorer"]

METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP", "lda": "LDA"}
THUMBNAIL_SIZE, ENLARGED_SIZE, MAX_THUMBNAILS = 96, 224, 24  # pixels, pixels, most thumbnails of a selection
PREDICTION_COLUMNS = ("correct", "confidence", "predicted")
DRAW_INTERVAL = 0.4  # seconds between two updates of an embedding under way


class EmbeddingExplorer(Panel):
    """Scatter plot of images embedded by their features in a net.

    Hover over a point to see its image, click it for its neighbors, drag with the lasso (or with Shift) to select. One
    slider goes from stage to stage, another from net to net, or from epoch to epoch of a run; the points move.

    Args:
        nets_or_points: a net or nets by name, with images; or results of `wb.probes.embed`, one or several by name; or
            points (N, 2) or (N, 3), up to one million.
        images: images behind the points, for thumbnails and labels; by default those of the run.
        run: a run instead of nets: its net before and after training and at every snapshot; of a run under way, its
            last saved net.
        method: embedding method for nets: pca, tsne, umap or lda.
        dimensions: 2 or 3, for nets; drag to rotate points in three dimensions.
        color: initial column to color by: label, domain, split, correct, confidence, or one of `columns`.
        columns: additional columns to color by, (N,) each, by name; for points and embeddings.

    Attributes:
        selected: result: one row per selected image: id, label, the other known columns, x and y.
        embedding: the embedding shown, or None.
    """

    _esm = bundle_script("embedding_explorer.mjs")

    selected = traitlets.Any()
    embedding = traitlets.Any(None, allow_none=True)

    xy = traitlets.Bytes(b"").tag(sync=True)
    z = traitlets.Bytes(b"").tag(sync=True)
    codes = traitlets.Bytes(b"").tag(sync=True)
    # the page sends a memoryview
    chosen = traitlets.Bytes(b"").tag(sync=True, from_json=lambda value, _: bytes(value))
    palette = traitlets.Dict().tag(sync=True)
    net = traitlets.Unicode("").tag(sync=True)
    stage = traitlets.Unicode("").tag(sync=True)
    method = traitlets.Unicode("").tag(sync=True)
    space = traitlets.Unicode("").tag(sync=True)
    colour = traitlets.Unicode("").tag(sync=True)
    options = traitlets.Dict().tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    note = traitlets.Unicode("").tag(sync=True)
    gaps = traitlets.Dict().tag(sync=True)
    busy = traitlets.Unicode("").tag(sync=True)
    stoppable = traitlets.Bool(False).tag(sync=True)
    live = traitlets.Bool(False).tag(sync=True)
    pictures = traitlets.Bool(False).tag(sync=True)

    @check_arguments
    def __init__(
        self,
        nets_or_points: Any = None,
        images: Images | None = None,
        run: RunLike | None = None,
        *,
        method: Literal["pca", "tsne", "umap", "lda"] = "pca",
        dimensions: Literal[2, 3] = 2,
        color: str = "label",
        columns: Any = None,
    ) -> None:
        self._cloud: PointCloud | None = make_cloud(nets_or_points, images, run, columns)
        self._task, self._color_task, self._stop_event = BackgroundTask(self), BackgroundTask(self), threading.Event()
        self._arguments = (nets_or_points, images, run, columns)
        super().__init__(selected=pd.DataFrame())
        self.on_msg(self._handle_message)
        if self._cloud is None:
            self.note = "Nothing to explore yet: give a net and images, a result of wb.probes.embed, or a run."
            return
        cloud = self._cloud
        if cloud.methods and method not in cloud.methods:
            raise BadValue(f"expected method to be one of {', '.join(cloud.methods)}; got {method!r}")
        if dimensions not in (2, 3):
            raise BadValue(f"expected 2 or 3 dimensions; got {dimensions!r}")
        self.pictures = cloud.images is not None
        self.net = cloud.net_names[-1] if cloud.net_names else ""
        self.stage = cloud.list_stages(self.net)[-1]
        self.method = method if cloud.methods else ""
        self.space = str(dimensions) if cloud.dimensions else ""
        self._set_options(color)
        self.observe(lambda _: self.draw(), ["net", "stage", "method", "space"])
        self.observe(lambda _: self._color_task.submit(self._update_colors), ["colour"])
        self.draw() if cloud.methods else self._compute_embedding(self._choice)

    @check_arguments
    def refresh(self) -> None:
        """Add the nets that a run has saved since, and show the newest."""
        nets_or_points, images, run, columns = self._arguments
        cloud = make_cloud(nets_or_points, images, run, columns)
        if not isinstance(cloud, NetCloud) or run is None:
            return
        self._cloud, self._predicted_net, self.gaps = cloud, "", {}
        with self.hold_trait_notifications():
            stages = cloud.list_stages(cloud.net_names[-1])
            self.net, self.stage = cloud.net_names[-1], self.stage if self.stage in stages else stages[-1]
        self._set_options(self.colour)
        self.draw()

    @check_arguments
    def wait(self, timeout: float | None = None) -> None:
        """Wait until the embedding is computed, or for `timeout` seconds."""
        self._task.wait(timeout)
        self._color_task.wait(timeout)

    @check_arguments
    def draw(self) -> None:
        """Compute the chosen embedding on a thread, and show that it is under way."""
        choice, stop_event = self._choice, threading.Event()
        self._stop_event.set()  # the computation under way stops
        self._stop_event = stop_event
        self.busy = f"Embedding {choice[1]} by {METHODS[choice[2]]} …" if choice[2] else "Drawing …"
        self._task.submit(lambda: self._compute_embedding(choice, stop_event))

    @check_arguments
    def stop(self) -> None:
        """Stop the computation under way, and keep its present points."""
        self._stop_event.set()

    @check_arguments
    def figure(self) -> Any:
        """Return a static figure for the next cell; it remains in an exported notebook.

        Raises:
            Unavailable: no embedding is computed yet.
        """
        from workbench import figures

        if self.embedding is None or self._cloud is None:
            raise Unavailable("no embedding yet: give a net and images, and wait until it is computed")
        column = self._cloud.frame.get(self.colour)
        values = None if column is None or self.colour == "label" else column.to_numpy()
        names = getattr(self._cloud.images, "classes", None) if self.embedding.labels is not None else None
        return figures.embedding_scatter(self.embedding, values, names=None if values is not None else names)

    @check_arguments
    def select(self, rows: Any) -> None:
        """Select points by row, (n,) integers; an empty list clears the selection."""
        indices = np.asarray(list(rows), dtype=np.int64)
        n_points = 0 if self._cloud is None else len(self._cloud.frame)
        if indices.size and not (indices.min() >= 0 and indices.max() < n_points):
            raise BadValue(f"expected rows from 0 to {n_points - 1}; got {indices.min()} to {indices.max()}")
        self.chosen = indices.astype(np.uint32).tobytes()

    @property
    def _choice(self) -> tuple[str, str, str, str]:
        return self.net, self.stage, self.method, self.space

    @show_errors
    def _compute_embedding(self, choice: tuple[str, str, str, str], stop_event: threading.Event | None = None) -> None:
        assert self._cloud is not None
        cloud, eta, last_draw = self._cloud, Eta(), [time.monotonic()]

        def show_progress(step: int, steps: int, points: np.ndarray) -> bool:
            if choice != self._choice or (stop_event is not None and stop_event.is_set()):
                return True
            self.busy, self.stoppable = eta.format_progress(step, steps, "steps"), True
            if time.monotonic() - last_draw[0] > DRAW_INTERVAL:
                last_draw[0] = time.monotonic()
                self._send_points(points)
            return False

        try:
            net, stage, method, space = choice
            embedding = cloud.compute_embedding(net, stage, method, int(space or 2), self.embedding, show_progress)
            if choice != self._choice or cloud is not self._cloud:
                return
            self.embedding = embedding
            self._update_colors()
            self.title = neighbor_title(embedding) if embedding.method else f"{len(embedding):,} points"
            self.note = (
                f"{strip_markup(quality_caption(embedding))}. {embedding.note}"
                if embedding.method
                else "Points as given."
            )
            if isinstance(cloud, NetCloud) and (epoch := cloud.choices.describe_epoch(net)):
                self.note += f" {epoch}"
            self._send_points(embedding.points)
        finally:
            if choice == self._choice:  # otherwise a newer one is under way
                self.busy, self.stoppable = "", False

    def _send_points(self, points: np.ndarray) -> None:
        xy = np.ascontiguousarray(points[:, :2], dtype=np.float32)
        z = points[:, 2].astype(np.float32).tobytes() if points.shape[1] == 3 else b""
        with self.hold_sync():  # sent in one message: with one of them alone the page would mix two embeddings
            self.z, self.xy = z, xy.tobytes()

    def _set_options(self, color: str) -> None:
        """Set the options of the choosers; leave out columns with a single value or with unique values only."""
        cloud = self._cloud
        assert cloud is not None
        columns = [
            c for c in cloud.frame.columns if c not in ("id", "path") and cloud.frame[c].nunique(dropna=False) > 1
        ]
        if isinstance(cloud, NetCloud) and getattr(cloud.images, "kind", "") == "classes":
            columns += [name for name in PREDICTION_COLUMNS if name not in columns]
        self.colour = color if color in columns else columns[0] if columns else ""
        stages = {net: list(cloud.list_stages(net)) for net in cloud.net_names or ("",)}
        methods = [[name, METHODS[name]] for name in cloud.methods]
        spaces = [[str(k), f"{k}-D"] for k in cloud.dimensions]
        self.live = isinstance(cloud, NetCloud) and cloud.choices.is_running
        options = {"net": list(cloud.net_names), "stage": stages, "method": methods, "space": spaces}
        self.options = {**options, "colour": [str(k) for k in columns]}

    @show_errors
    def _update_colors(self) -> None:
        cloud, name = self._cloud, self.colour
        assert cloud is not None
        if (
            name in PREDICTION_COLUMNS
            and isinstance(cloud, NetCloud)
            and (name not in cloud.frame or self._predicted_net != self.net)
        ):
            self.busy = f"Predicting the images with {self.net} …"
            try:
                predictions, self._predicted_net = cloud.predict_classes(self.net), self.net
            finally:
                self.busy = ""
            for column in PREDICTION_COLUMNS:
                cloud.frame[column] = predictions[column]
        values = cloud.frame.get(name)
        encoding: ColorEncoding = encode_colors(values, len(cloud.frame))
        self.codes, self.palette = encoding.codes.tobytes(), {**encoding.palette, "by": name}
        if name == "domain" and self.embedding is not None:
            self._measure_gaps(cloud)

    _predicted_net = ""

    def _measure_gaps(self, cloud: PointCloud) -> None:
        gaps = {}
        for stage in cloud.list_stages(self.net):
            gap = cloud.measure_gap(self.net, stage)
            if gap is not None:
                gaps[stage] = [gap.distance, gap.low, gap.high]
                self.gaps = {"net": self.net, "stages": dict(gaps)}

    @traitlets.observe("chosen")
    @show_errors
    def _chosen_changed(self, _: Any) -> None:
        if self._cloud is None or self.embedding is None:
            return
        rows = np.frombuffer(self.chosen, np.uint32).astype(np.int64)
        rows = rows[rows < len(self._cloud.frame)]
        points = self.embedding.points[rows]
        self.selected = self._cloud.frame.iloc[rows].assign(row=rows, x=points[:, 0], y=points[:, 1])
        self._send_thumbnails("chosen", rows[:MAX_THUMBNAILS], {"count": len(rows)})

    @show_errors
    def _handle_message(self, _: Any, content: dict[str, Any], __: Any) -> None:
        """Handle a message of the page: stop, refresh, a hovered or a clicked point."""
        if content["kind"] in ("stop", "refresh"):
            getattr(self, content["kind"])()
            return
        cloud, row = self._cloud, int(content.get("row", -1))
        if cloud is None or not 0 <= row < len(cloud.frame):
            return
        if content["kind"] == "hover":
            self._send_thumbnails("hover", np.array([row]), {"row": row})
        elif content["kind"] == "open":
            neighbors = cloud.find_neighbors(self.net, self.stage, row)
            self._send_thumbnails("open", np.concatenate([[row], neighbors]), {"row": row}, ENLARGED_SIZE)

    def _send_thumbnails(
        self, kind: str, rows: np.ndarray, more: dict[str, Any], first_size: int = THUMBNAIL_SIZE
    ) -> None:
        cloud = self._cloud
        assert cloud is not None
        pictures = [
            self._encode_thumbnail(int(row), first_size if k == 0 else THUMBNAIL_SIZE) for k, row in enumerate(rows)
        ]
        words = [_describe_image(cloud.frame.iloc[int(row)]) for row in rows]
        message = {
            "kind": kind,
            "rows": rows.tolist(),
            "words": words,
            "has": [p is not None for p in pictures],
            **more,
        }
        self.send(message, [p for p in pictures if p is not None])

    def _encode_thumbnail(self, row: int, size: int) -> bytes | None:
        from PIL import Image

        assert self._cloud is not None
        if self._cloud.images is None:
            return None
        try:
            pixels = self._cloud.images.pixels(int(self._cloud.rows[row]), size)
        except Exception:  # the file was deleted since: the point has no thumbnail
            return None
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "jpeg", quality=88)
        return buffer.getvalue()


def _describe_image(row: Any) -> list[str]:
    """Describe an image under its thumbnail: label and id, then the other known columns."""
    first = [str(row[name]) for name in ("label", "id") if name in row]
    rest = [f"{name} {row[name]}" for name in ("domain", "split", "predicted") if name in row and row[name] is not None]
    if "confidence" in row:
        rest.append(f"confidence {format_percent(float(row['confidence']), 0)}")
    return [*first, " · ".join(rest)] if rest else first
