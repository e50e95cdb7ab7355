"""Carrying out a run: the plan in its folder is trained, and everything worth keeping is written there."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import io
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import torch
from filelock import FileLock, Timeout

from workbench import disk
from workbench.errors import RunFailed, Unavailable, WorkbenchError
from workbench.images import Images
from workbench.loop import Point, Training
from workbench.loop.device import device, rank_and_world
from workbench.plan import Plan
from workbench.runs import folder as files
from workbench.runs import snapshots
from workbench.runs.assembly import assemble
from workbench.runs.environment import environment
from workbench.runs.folder import Status, read_status, write_status
from workbench.runs.together import agreed
from workbench.runs.turn import turn

log = logging.getLogger("workbench")

FEW = 20_000  # images that are compared with each other before a run
SAVE_EVERY = 15.0  # seconds between states
SAVE_SHARE = 0.05  # of the time at most is spent on saving


class Stopped(Exception):
    """A person asked the run to stop."""


class Carrier:
    """One worker at one folder.

    Args:
        folder: holds the plan.
        queued: whether to wait until the device is free.
        watch: called with every point.
        save_every: seconds between states; 0 saves after every point.
    """

    def __init__(
        self,
        folder: Path,
        *,
        queued: bool = False,
        watch: Callable[[Point, Status], None] | None = None,
        save_every: float = SAVE_EVERY,
    ) -> None:
        self.folder, self.queued, self.watch, self.save_every = folder, queued, watch, save_every
        self.first = rank_and_world()[0] == 0
        process = psutil.Process()
        before = read_status(folder)
        self.status = Status(
            state="waiting",
            sentence="starting",
            pid=process.pid,
            born=process.create_time(),
            host=socket.gethostname(),
            started=before.started or time.time(),
            saved=before.saved,
        )
        self._saved, self._save_took = time.monotonic(), 0.0

    def carry_out(self) -> Status:
        """Trains to the end, to a stop, or to a failure that the status names; the last good state is kept.

        Raises:
            Unavailable: another worker has the folder.
        """
        if not self.first:
            self._train()
            return self.status
        with self._taken(), logged(self.folder / files.LOG):
            (self.folder / files.RESERVE).write_bytes(b"\0" * 65536)
            try:
                self._train()
                self._tell(state="done", sentence=self._verdict(), seconds_left=0.0)
                (self.folder / files.STATE).unlink(missing_ok=True)  # last: a kill before this repeats the end only
            except Stopped:
                self._tell(state="stopped", sentence=f"stopped at step {self.status.step}; resume() goes on")
            except KeyboardInterrupt:
                # it may have come in the middle of an update: what was saved before is the state to go on from
                self._tell(state="stopped", sentence="interrupted; resume() goes on from the last saved state")
                raise
            except Exception as error:
                log.exception("the run failed")
                self._tell(state="failed", sentence=sentence(error), seconds_left=None)
            finally:
                for name in (files.STOP, files.RESERVE):
                    (self.folder / name).unlink(missing_ok=True)
        return self.status

    @contextlib.contextmanager
    def _taken(self) -> Iterator[None]:
        lock = FileLock(self.folder / files.LOCK)
        try:
            lock.acquire(timeout=1.0)
        except Timeout:
            raise Unavailable(f"another worker is at {self.folder.name} already; two cannot share a folder") from None
        try:
            yield
        finally:
            lock.release()

    def _train(self) -> None:
        plan = Plan.from_json((self.folder / files.PLAN).read_text())
        if plan.schedule.threads:
            torch.set_num_threads(plan.schedule.threads)
        place = str(device(plan.schedule))
        with turn(place, self.folder.name, self._wait) if self.queued else contextlib.nullcontext():
            self._tell(state="running", sentence="opening images and backbone", device=place)
            state = self._state()
            training = assemble(plan, self.folder, state)
            self._describe(training)
            self._tell(step=training.step, steps=training.steps, epochs=plan.schedule.epochs, sentence="")
            with self._points_file(state["points"] if state else 0) as points:
                self._follow(training, points)
            if self.first:
                self._keep(training)

    def _follow(self, training: Training, points: io.TextIOBase) -> None:
        try:
            for point in training:
                if self.first:
                    points.write(json.dumps(clean(point.flat())) + "\n")
                    points.flush()
                    self._progress(point)
                    self._snapshot(training, point)
                if agreed(self._asked_to_stop(), training.place):
                    raise Stopped
                if self.first and self._time_to_save(training, point):
                    self._save(training, points)
        except Stopped:
            if self.first:
                self._save(training, points)
            raise
        finally:
            training.close()

    def _progress(self, point: Point) -> None:
        left = point.values.get("seconds_left", self.status.seconds_left)
        self._tell(step=point.step, epoch=point.epoch, seconds_left=left)
        if self.watch:
            self.watch(point, self.status)

    def _time_to_save(self, training: Training, point: Point) -> bool:
        since = time.monotonic() - self._saved
        # the state after an epoch's validation is always worth keeping, unless saving is slow beside training
        ended = training.validated == training.step
        due = since >= self.save_every or (ended and training.step < training.steps)
        return (due and since * SAVE_SHARE >= self._save_took) or self.save_every == 0

    def _save(self, training: Training, points: io.TextIOBase) -> None:
        began = time.monotonic()
        points.flush()
        buffer = io.BytesIO()
        torch.save({**training.state(), "points": points.tell()}, buffer)
        disk.write(self.folder / files.STATE, buffer.getvalue())
        self._saved = time.monotonic()
        self._save_took = self._saved - began
        # what Run.net() gives meanwhile: the best so far, else the weights as they are
        self._tell(saved=float(training.best["epoch"]) if training.best["weights"] else self.status.epoch)

    def _snapshot(self, training: Training, point: Point) -> None:
        schedule = training.schedule
        # the last point of an epoch's training: the weights will not move before the next
        if point.split == "train" and snapshots.due(schedule.snapshots, point.epoch, schedule.epochs):
            snapshots.take(training, self.folder, int(point.epoch))

    def _state(self) -> dict[str, Any] | None:
        path = self.folder / files.STATE
        return torch.load(path, weights_only=True, map_location="cpu") if path.exists() else None

    @contextlib.contextmanager
    def _points_file(self, known: int) -> Iterator[io.TextIOBase]:
        """The points, cut back to the `known` bytes that the state is from: what came after is measured anew."""
        if not self.first:
            yield io.StringIO()
            return
        path = self.folder / files.POINTS
        path.touch()
        os.truncate(path, known)
        with path.open("a", encoding="utf-8") as file:
            yield file

    def _describe(self, training: Training) -> None:
        if not self.first:
            return
        made = environment(training.place) | {"precision": training.precision}
        data = training.tasks[0].images
        made |= {"images": data.fingerprint, "twins_across_splits": leaks(data)}
        disk.write(self.folder / files.ENVIRONMENT, json.dumps(made, indent=1))
        names = [stage.name for stage in training.net.stages]
        grid = {"stages": names, "rates": [list(row) for row in zip(*training.grid, strict=True)]}
        disk.write(self.folder / files.GRID, json.dumps(grid))

    def _keep(self, training: Training) -> None:
        training.net.cpu().save(self.folder / files.WEIGHTS)
        proof = {"stages": training.proof.rows, "epoch": training.best["epoch"]}
        disk.write(self.folder / files.PROOF, json.dumps(proof, indent=1))
        best = training.best["epoch"] if training.schedule.keep == "best" else 0
        self._tell(saved=float(best or self.status.epoch))

    def _verdict(self) -> str:
        proof = json.loads((self.folder / files.PROOF).read_text())
        moved = [row["stage"] for row in proof["stages"] if not row["unchanged"]]
        if moved:
            return f"done, but stages said to be frozen have changed: {', '.join(moved)}; please report this"
        return ""

    def _wait(self, name: str) -> None:
        if self._asked_to_stop():
            raise Stopped
        told = f"waiting: {name} has the device"
        if self.status.sentence != told or time.time() - self.status.updated > 10:
            self._tell(state="waiting", sentence=told)

    def _asked_to_stop(self) -> bool:
        return self.first and (self.folder / files.STOP).exists()

    def _tell(self, **changes: Any) -> None:
        self.status = dataclasses.replace(self.status, updated=time.time(), **changes)
        if self.first:
            write_status(self.folder, self.status)


def leaks(data: Images) -> int | None:
    """How many images also stand in another split; None where there are too many to compare in a moment."""
    if len(data) > FEW:
        return None
    found = int((~data.duplicates["same_split"].astype(bool)).sum())
    if found:
        log.warning("%d images stand in more than one split: what is validated was partly trained on", found)
    return found


@contextlib.contextmanager
def logged(path: Path) -> Iterator[None]:
    """What the workbench says meanwhile is also written to `path`."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        handler.close()


def sentence(error: BaseException) -> str:
    """Why a run failed, for a person: ours as they are, the system's in words, others by their kind."""
    if isinstance(error, (WorkbenchError, RunFailed)):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({error.filename or disk.home()}): free some space, then resume()"
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is gone; put it back, then resume()"
    return f"{type(error).__name__}: {error}; the whole story is in {files.LOG}"


def clean(point: dict[str, Any]) -> dict[str, Any]:
    """A point as strict JSON: NaN (a metric of nothing) is left out."""
    return {name: value for name, value in point.items() if value == value}
