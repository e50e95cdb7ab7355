"""Loss and accuracy of a run while it trains: a small canvas of our own, fed a few points at a time."""

from __future__ import annotations

import threading
from typing import Any

import traitlets

from workbench.arguments import check_arguments
from workbench.markers import RunLike
from workbench.widgets.base import Panel, script
from workbench.widgets.follow import follow, unfollow
from workbench.widgets.thinning import Line

SPLITS = ("train", "valid", "target")
METRICS = ("accuracy", "loss")


class LiveCurves(Panel):
    """Curves of a run against epochs, drawn while it trains: training thin, validation bold, target in its colour.

    Points travel as small messages, at most four a second; what a page needs to begin with, after a reload or in a
    second view, is the trait `lines`, read from Python when asked for.

    Args:
        run: the run to follow; None shows what to do next.
        grid: rates to show below the curves, `{"stages": [...], "rates": [[...], ...]}`, stem first; None takes
            those that the run obeys.

    Attributes:
        run: the run shown; setting another starts over.
        title: the present state in one sentence.
        waiting: what stands there before the first point.
    """

    _esm = script("live_curves.mjs")
    run = traitlets.Any(None, allow_none=True)
    title = traitlets.Unicode("").tag(sync=True)
    waiting = traitlets.Unicode("").tag(sync=True)
    grid = traitlets.Dict().tag(sync=True)
    lines = traitlets.Dict().tag(sync=True, to_json=lambda _, widget: widget._whole())

    @check_arguments
    def __init__(self, run: RunLike | None = None, grid: dict[str, Any] | None = None) -> None:
        self._lock = threading.RLock()
        self._start_over()
        self._given = grid
        super().__init__(grid=grid or {})
        self.waiting = expected(None)
        self.on_msg(lambda _, content, __: self._tell("lines") if content.get("kind") == "whole" else None)
        self.run = run

    @check_arguments
    def look(self) -> bool:
        """Reads what the run has written since, and sends it; whether more may come."""
        with self._lock:
            run = self.run
            if run is None:
                return False
            status = run.status  # before the points: a run that is over has written its last one
            points, since = run.new_points(self._since)
            again = since < self._since or (bool(points) and points[0].get("step", 0) < self._step)
            if again:  # resumed from an earlier state: what came after it is measured anew
                self._start_over()
                points, since = run.new_points(0)
            self._since = since
            if not self.grid:  # the worker writes it once the backbone is open
                self.grid = run.grid
            self._take(points, status)
            if points:
                self._tell("lines" if again else "news")
            self.title = self._sentence(status)
            self.waiting = expected(status)
            return status.alive

    @check_arguments
    def watch(self) -> None:
        """Follows the run from here on, as after it was resumed."""
        if self.run is not None and self.look():
            follow(self, self.look)

    @check_arguments
    def close(self) -> None:
        """Ends the following with the view."""
        unfollow(self)
        super().close()

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        with self._lock:
            run = self.run
            self._start_over()
            self.title, self.grid = "", self._given or {}
            self._tell("lines")
            if run is None:
                self.waiting = expected(None)
                return
            self.watch()

    def _start_over(self) -> None:
        self._lines = {f"{metric}/{split}": Line() for metric in METRICS for split in SPLITS}
        self._since = self._serial = 0
        self._now, self._step = 0.0, 0
        self._epochs: int | None = None
        self._best: dict[str, float] | None = None

    def _take(self, points: list[dict[str, Any]], status: Any) -> None:
        self._epochs = status.epochs
        for point in points:
            epoch, split = float(point["epoch"]), point.get("split")
            self._now, self._step = max(self._now, epoch), point.get("step", 0)
            for metric in METRICS:
                line, value = self._lines.get(f"{metric}/{split}"), point.get(metric)
                if line is not None and value is not None:
                    line.add(epoch, float(value))
            accuracy = point.get("accuracy") if split == "valid" else None
            if accuracy is not None and (self._best is None or accuracy > self._best["accuracy"]):
                self._best = {"epoch": epoch, "accuracy": float(accuracy)}

    def _whole(self) -> dict[str, Any]:
        with self._lock:
            return self._message({name: line.whole() for name, line in self._lines.items() if line.x})

    def _tell(self, kind: str) -> None:
        with self._lock:
            if kind == "lines":
                self.send({"kind": "lines", **self._whole()})
                return
            self._serial += 1
            news = {name: line.news() for name, line in self._lines.items()}
            self.send({"kind": "news", **self._message({name: part for name, part in news.items() if part})})

    def _message(self, lines: dict[str, Any]) -> dict[str, Any]:
        # the page asks for the whole again when a serial number is missing
        about = {"serial": self._serial, "now": self._now, "epochs": self._epochs, "best": self._best}
        return {**about, "lines": lines}

    def _sentence(self, status: Any) -> str:
        if self._best is None:
            return ""
        best = f"{100 * self._best['accuracy']:.1f} % of validation images right"
        when = f"after epoch {round(self._best['epoch'])} of {status.epochs}"
        return f"{best} {when}" if status.state == "done" else f"{best} at best so far, {when}"


def expected(status: Any) -> str:
    """What to expect where no point is drawn yet."""
    if status is None:
        return "Launch a run, or click one: its curves are drawn here while it trains."
    if status.state == "waiting":
        return "Its turn comes when the device is free; the first point follows some seconds later."
    return "The first point comes in a few seconds." if status.alive else "It ended before its first point."
