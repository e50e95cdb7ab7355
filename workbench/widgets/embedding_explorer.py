"""Images as a cloud of points to pan, zoom and lasso, with their thumbnails; `figure()` gives the plain figure."""

from __future__ import annotations

import io
import threading
import time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import traitlets

from workbench.arguments import check_arguments
from workbench.errors import BadValue, Unavailable
from workbench.figures.embedding_map import answer, quality
from workbench.figures.words import shown as read
from workbench.markers import RunLike
from workbench.widgets.base import Panel, script, shown
from workbench.widgets.clouds import Asked, Cloud, cloud
from workbench.widgets.latest import Latest
from workbench.widgets.pace import Pace
from workbench.widgets.palette import Coloured, coloured

if TYPE_CHECKING:
    from workbench.images import Images

METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP", "lda": "LDA"}
THUMB, LARGE, LISTED = 96, 224, 24  # pixels, pixels, thumbnails of a selection
ANSWERS = ("correct", "confidence", "predicted")
OFTEN = 0.4  # seconds between two pictures of one that is being drawn


class EmbeddingExplorer(Panel):
    """Which images lie near which, as a net sees them.

    Hover a point to see its image, click it for its neighbours, drag with the lasso (or with Shift) to select. A
    slider leads from stage to stage, another from net to net, or of a run from epoch to epoch; points move.

    Args:
        of: a net or nets by name, with images; or what `wb.probes.embed` gives, one or several by name; or points
            (N, 2) or (N, 3), to a million.
        images: the images behind the points, for thumbnails and labels; of a run, its own if None.
        run: a run, in place of nets: its net before and after training and at every snapshot; of one under way, as it
            was saved last.
        method: pca, tsne, umap or lda, of nets.
        dimensions: 2 or 3, of nets; a picture in space is turned by dragging.
        colour: what to colour by at first: label, domain, split, correct, confidence, or a column.
        columns: more to colour by, (N,) each, by name; for points and embeddings.

    Attributes:
        selected: the product: a row a selected image: id, label, whatever else is known, x and y.
        embedding: the picture shown, or None.
    """

    _esm = script("embedding_explorer.mjs")

    selected = traitlets.Any()
    embedding = traitlets.Any(None, allow_none=True)

    xy = traitlets.Bytes(b"").tag(sync=True)
    z = traitlets.Bytes(b"").tag(sync=True)
    codes = traitlets.Bytes(b"").tag(sync=True)
    # a page sends a memoryview
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
        of: Any = None,
        images: Images | None = None,
        run: RunLike | None = None,
        *,
        method: Literal["pca", "tsne", "umap", "lda"] = "pca",
        dimensions: Literal[2, 3] = 2,
        colour: str = "label",
        columns: Any = None,
    ) -> None:
        self._cloud: Cloud | None = cloud(of, images, run, columns)
        self._work, self._colouring, self._halt = Latest(self), Latest(self), threading.Event()
        self._asked = (of, images, run, columns)
        super().__init__(selected=pd.DataFrame())
        self.on_msg(self._told)
        if self._cloud is None:
            self.note = "Nothing to explore yet: give a net and images, what wb.probes.embed gives, or a run."
            return
        held = self._cloud
        if held.methods and method not in held.methods:
            raise BadValue(f"the ways to draw are {', '.join(held.methods)}; got {method!r}")
        if dimensions not in (2, 3):
            raise BadValue(f"a picture has 2 or 3 dimensions; got {dimensions!r}")
        self.pictures = held.images is not None
        self.net = held.nets[-1] if held.nets else ""
        self.stage = held.stages(self.net)[-1]
        self.method = method if held.methods else ""
        self.space = str(dimensions) if held.spaces else ""
        self._offer(colour)
        self.observe(lambda _: self.draw(), ["net", "stage", "method", "space"])
        self.observe(lambda _: self._colouring.ask(self._colour), ["colour"])
        self.draw() if held.methods else self._draw(self._choice)

    @check_arguments
    def refresh(self) -> None:
        """Offers what a run has saved since, and shows its newest net."""
        of, images, run, columns = self._asked
        found = cloud(of, images, run, columns)
        if not isinstance(found, Asked) or run is None:
            return
        self._cloud, self._of, self.gaps = found, "", {}
        with self.hold_trait_notifications():
            stages = found.stages(found.nets[-1])
            self.net, self.stage = found.nets[-1], self.stage if self.stage in stages else stages[-1]
        self._offer(self.colour)
        self.draw()

    @check_arguments
    def wait(self, timeout: float | None = None) -> None:
        """Returns when the picture is drawn, or after `timeout` seconds."""
        self._work.wait(timeout)
        self._colouring.wait(timeout)

    @check_arguments
    def draw(self) -> None:
        """Draws what is chosen, on a thread, and says so meanwhile."""
        choice, halt = self._choice, threading.Event()
        self._halt.set()  # what is under way makes room
        self._halt = halt
        self.busy = f"Drawing {choice[1]} by {METHODS[choice[2]]} …" if choice[2] else "Drawing …"
        self._work.ask(lambda: self._draw(choice, halt))

    @check_arguments
    def stop(self) -> None:
        """Ends what is being drawn, and keeps the picture as it is."""
        self._halt.set()

    @check_arguments
    def figure(self) -> Any:
        """The same as a plain figure for the next cell: it stays in an exported notebook.

        Raises:
            Unavailable: nothing has been drawn yet.
        """
        from workbench import figures

        if self.embedding is None or self._cloud is None:
            raise Unavailable("nothing is drawn yet: give a net and images, and wait for the picture")
        column = self._cloud.frame.get(self.colour)
        given = None if column is None or self.colour == "label" else column.to_numpy()
        names = getattr(self._cloud.images, "classes", None) if self.embedding.labels is not None else None
        return figures.embedding(self.embedding, given, names=None if given is not None else names)

    @check_arguments
    def select(self, rows: Any) -> None:
        """Selects the points of some rows, (n,) whole numbers; none clears."""
        held = np.asarray(list(rows), dtype=np.int64)
        count = 0 if self._cloud is None else len(self._cloud.frame)
        if held.size and not (held.min() >= 0 and held.max() < count):
            raise BadValue(f"rows are from 0 to {count - 1}; got {held.min()} to {held.max()}")
        self.chosen = held.astype(np.uint32).tobytes()

    @property
    def _choice(self) -> tuple[str, str, str, str]:
        return self.net, self.stage, self.method, self.space

    @shown
    def _draw(self, choice: tuple[str, str, str, str], halt: threading.Event | None = None) -> None:
        assert self._cloud is not None
        held, pace, last = self._cloud, Pace(), [time.monotonic()]

        def watch(step: int, steps: int, points: np.ndarray) -> bool:
            if choice != self._choice or (halt is not None and halt.is_set()):
                return True
            self.busy, self.stoppable = pace.words(step, steps, "steps"), True
            if time.monotonic() - last[0] > OFTEN:
                last[0] = time.monotonic()
                self._place(points)
            return False

        try:
            net, stage, method, space = choice
            found = held.drawn(net, stage, method, int(space or 2), self.embedding, watch)
            if choice != self._choice or held is not self._cloud:
                return
            self.embedding = found
            self._colour()
            self.title = answer(found) if found.method else f"{len(found):,} points"
            self.note = f"{read(quality(found))}. {found.note}" if found.method else "Drawn where they were given."
            if isinstance(held, Asked) and (epoch := held.sides.told(net)):
                self.note += f" {epoch}"
            self._place(found.points)
        finally:
            if choice == self._choice:  # else a newer one is being drawn
                self.busy, self.stoppable = "", False

    def _place(self, points: np.ndarray) -> None:
        held = np.ascontiguousarray(points[:, :2], dtype=np.float32)
        deep = points[:, 2].astype(np.float32).tobytes() if points.shape[1] == 3 else b""
        with self.hold_sync():  # a page that hears of one without the other would draw a picture that never was
            self.z, self.xy = deep, held.tobytes()

    def _offer(self, colour: str) -> None:
        """What can be chosen; columns of one value tell nothing, nor do names that occur once."""
        held = self._cloud
        assert held is not None
        known = [c for c in held.frame.columns if c not in ("id", "path") and held.frame[c].nunique(dropna=False) > 1]
        if isinstance(held, Asked) and getattr(held.images, "kind", "") == "classes":
            known += [name for name in ANSWERS if name not in known]
        self.colour = colour if colour in known else known[0] if known else ""
        stages = {net: list(held.stages(net)) for net in held.nets or ("",)}
        methods = [[name, METHODS[name]] for name in held.methods]
        spaces = [[str(k), f"{k}-D"] for k in held.spaces]
        self.live = isinstance(held, Asked) and held.sides.live
        offered = {"net": list(held.nets), "stage": stages, "method": methods, "space": spaces}
        self.options = {**offered, "colour": [str(k) for k in known]}

    @shown
    def _colour(self) -> None:
        held, name = self._cloud, self.colour
        assert held is not None
        if name in ANSWERS and isinstance(held, Asked) and (name not in held.frame or self._of != self.net):
            self.busy = f"Asking {self.net} for its answers …"
            try:
                answers, self._of = held.answers(self.net), self.net
            finally:
                self.busy = ""
            for column in ANSWERS:
                held.frame[column] = answers[column]
        values = held.frame.get(name)
        found: Coloured = coloured(values, len(held.frame))
        self.codes, self.palette = found.codes.tobytes(), {**found.palette, "by": name}
        if name == "domain" and self.embedding is not None:
            self._measure(held)

    _of = ""

    def _measure(self, held: Cloud) -> None:
        found = {}
        for stage in held.stages(self.net):
            gap = held.gap(self.net, stage)
            if gap is not None:
                found[stage] = [gap.distance, gap.low, gap.high]
                self.gaps = {"net": self.net, "stages": dict(found)}

    @traitlets.observe("chosen")
    @shown
    def _select(self, _: Any) -> None:
        if self._cloud is None or self.embedding is None:
            return
        rows = np.frombuffer(self.chosen, np.uint32).astype(np.int64)
        rows = rows[rows < len(self._cloud.frame)]
        points = self.embedding.points[rows]
        self.selected = self._cloud.frame.iloc[rows].assign(row=rows, x=points[:, 0], y=points[:, 1])
        self._show("chosen", rows[:LISTED], {"count": len(rows)})

    @shown
    def _told(self, _: Any, content: dict[str, Any], __: Any) -> None:
        """A point is hovered or clicked."""
        if content["kind"] in ("stop", "refresh"):
            getattr(self, content["kind"])()
            return
        held, row = self._cloud, int(content.get("row", -1))
        if held is None or not 0 <= row < len(held.frame):
            return
        if content["kind"] == "hover":
            self._show("hover", np.array([row]), {"row": row})
        elif content["kind"] == "open":
            near = held.near(self.net, self.stage, row)
            self._show("open", np.concatenate([[row], near]), {"row": row}, LARGE)

    def _show(self, kind: str, rows: np.ndarray, more: dict[str, Any], first: int = THUMB) -> None:
        held = self._cloud
        assert held is not None
        pictures = [self._picture(int(row), first if at == 0 else THUMB) for at, row in enumerate(rows)]
        words = [_words(held.frame.iloc[int(row)]) for row in rows]
        sent = {"kind": kind, "rows": rows.tolist(), "words": words, "has": [p is not None for p in pictures], **more}
        self.send(sent, [p for p in pictures if p is not None])

    def _picture(self, row: int, edge: int) -> bytes | None:
        from PIL import Image

        assert self._cloud is not None
        if self._cloud.images is None:
            return None
        try:
            pixels = self._cloud.images.pixels(int(self._cloud.places[row]), edge)
        except Exception:  # an image that has gone since is a point without a picture
            return None
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "jpeg", quality=88)
        return buffer.getvalue()


def _words(row: Any) -> list[str]:
    """The lines under a thumbnail: what it is, then what else is known."""
    first = [str(row[name]) for name in ("label", "id") if name in row]
    rest = [f"{name} {row[name]}" for name in ("domain", "split", "predicted") if name in row and row[name] is not None]
    if "confidence" in row:
        rest.append(f"{100 * float(row['confidence']):.0f} % sure")
    return [*first, " · ".join(rest)] if rest else first
