"""Live curves: loss and accuracy of a run while it trains, on a canvas that receives a few points at a time."""

from __future__ import annotations

import threading
from typing import Any

import traitlets

from workbench.annotated_types import RunLike
from workbench.argument_checks import check_arguments
from workbench.formatting import format_percent
from workbench.widgets.base import Panel, bundle_script
from workbench.widgets.components.downsampling import DownsampledLine
from workbench.widgets.components.polling import start_polling, stop_polling

__all__ = ["LiveCurves"]

SPLITS = ("train", "valid", "target")
METRICS = ("accuracy", "loss")


class LiveCurves(Panel):
    """Training curves of a run per epoch, updated while it trains: training thin, validation bold, target in color.

    Points are sent as small messages, at most four per second; the full curves, which a page needs at first, after a
    reload or in a second view, are the trait `lines`, computed when it is read.

    Args:
        run: the run; None shows how to begin.
        grid: learning rates shown below the curves, `{"stages": [...], "rates": [[...], ...]}`, stem first; None takes
            those of the run.

    Attributes:
        run: run shown; assigning another starts over.
        title: best validation accuracy so far, in one sentence.
        waiting: text shown before the first point.
    """

    _esm = bundle_script("live_curves.mjs")
    run = traitlets.Any(None, allow_none=True)
    title = traitlets.Unicode("").tag(sync=True)
    waiting = traitlets.Unicode("").tag(sync=True)
    grid = traitlets.Dict().tag(sync=True)
    lines = traitlets.Dict().tag(sync=True, to_json=lambda _, widget: widget._build_full_message())

    @check_arguments
    def __init__(self, run: RunLike | None = None, grid: dict[str, Any] | None = None) -> None:
        self._lock = threading.RLock()
        self._reset_lines()
        self._given_grid = grid
        super().__init__(grid=grid or {})
        self.waiting = describe_waiting(None)
        self.on_msg(lambda _, content, __: self._send_lines("lines") if content.get("kind") == "whole" else None)
        self.run = run

    @check_arguments
    def poll(self) -> bool:
        """Read the points written since the last call and send them; True if more may follow."""
        with self._lock:
            run = self.run
            if run is None:
                return False
            status = run.status  # read before the points: a run that has ended has written its last one
            points, since = run.new_points(self._since)
            is_restarted = since < self._since or (bool(points) and points[0].get("step", 0) < self._step)
            if is_restarted:  # resumed from an earlier step: later points are written again
                self._reset_lines()
                points, since = run.new_points(0)
            self._since = since
            if not self.grid:  # the worker writes it once the backbone is loaded
                self.grid = run.grid
            self._add_points(points, status)
            if points:
                self._send_lines("lines" if is_restarted else "news")
            self.title = self._describe_best(status)
            self.waiting = describe_waiting(status)
            return status.is_active

    @check_arguments
    def follow_run(self) -> None:
        """Follow the run from now on, for example after it was resumed."""
        if self.run is not None and self.poll():
            start_polling(self, self.poll)

    @check_arguments
    def close(self) -> None:
        """Stop polling and close the view."""
        stop_polling(self)
        super().close()

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        with self._lock:
            run = self.run
            self._reset_lines()
            self.title, self.grid = "", self._given_grid or {}
            self._send_lines("lines")
            if run is None:
                self.waiting = describe_waiting(None)
                return
            self.follow_run()

    def _reset_lines(self) -> None:
        self._lines = {f"{metric}/{split}": DownsampledLine() for metric in METRICS for split in SPLITS}
        self._since = self._serial = 0
        self._now, self._step = 0.0, 0
        self._epochs: int | None = None
        self._best: dict[str, float] | None = None

    def _add_points(self, points: list[dict[str, Any]], status: Any) -> None:
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

    def _build_full_message(self) -> dict[str, Any]:
        with self._lock:
            return self._build_message({name: line.to_message() for name, line in self._lines.items() if line.x})

    def _send_lines(self, kind: str) -> None:
        with self._lock:
            if kind == "lines":
                self.send({"kind": "lines", **self._build_full_message()})
                return
            self._serial += 1
            changes = {name: line.pop_changes() for name, line in self._lines.items()}
            self.send({"kind": "news", **self._build_message({name: part for name, part in changes.items() if part})})

    def _build_message(self, lines: dict[str, Any]) -> dict[str, Any]:
        # the page requests the full curves when a serial number is missing
        state = {"serial": self._serial, "now": self._now, "epochs": self._epochs, "best": self._best}
        return {**state, "lines": lines}

    def _describe_best(self, status: Any) -> str:
        if self._best is None:
            return ""
        best = f"validation accuracy {format_percent(self._best['accuracy'])}"
        epoch = f"after epoch {round(self._best['epoch'])} of {status.epochs}"
        return f"{best} {epoch}" if status.state == "done" else f"{best}, the best so far, {epoch}"


def describe_waiting(status: Any) -> str:
    """Describe what happens before the first point."""
    if status is None:
        return "Launch a run, or click one: its curves are drawn here while it trains."
    if status.state == "waiting":
        return "The run starts when the device is free; its first point follows some seconds later."
    return "The first point appears in a few seconds." if status.is_active else "The run ended before its first point."
