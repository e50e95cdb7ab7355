"""Carrying out a run: the plan in its folder is trained, and everything worth keeping is written there."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from workbench import disk
from workbench.errors import DiskError, RunFailed, WorkbenchError, printable
from workbench.images import Images
from workbench.loop import Point, Training, distributed
from workbench.loop.device import device, out_of_memory, rank_and_world
from workbench.plan import Plan
from workbench.runs import folder as files
from workbench.runs import provenance, removal, snapshots
from workbench.runs.assembly import join, open_images, open_net
from workbench.runs.environment import environment
from workbench.runs.folder import Status, begun, write_status
from workbench.runs.folder_contents import read_proof
from workbench.runs.kept_net import keep_net, keep_strategy
from workbench.runs.liveness import hold
from workbench.runs.points_file import PointsFile
from workbench.runs.saved_state import read_state, unusable, write_state
from workbench.runs.turn import turn

log = logging.getLogger("workbench")

FEW = 20_000  # images that are compared with each other before a run
SAVE_EVERY = 15.0  # seconds between states
AGAIN = 10.0  # seconds after which a run that waits says so again
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
        held: whether the caller holds the folder already, as a worker does before it imports torch.
        stop: set from outside where a stop is wanted; any process of the run may have it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        queued: bool = False,
        watch: Callable[[Point, Status], None] | None = None,
        save_every: float = SAVE_EVERY,
        held: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        self.folder, self.queued, self.watch, self.save_every = folder, queued, watch, save_every
        self.held, self.first = held, rank_and_world()[0] == 0
        self.stop = stop or threading.Event()
        self.status = begun(folder)
        self._saved, self._save_took = time.monotonic(), 0.0
        self._waited = 0.0

    def carry_out(self) -> Status:
        """Trains to the end, to a stop, or to a failure that the status names; the last good state is kept.

        Raises:
            Unavailable: another worker has the folder.
        """
        if not self.first:
            return self._help()
        with contextlib.nullcontext() if self.held else hold(self.folder), logged(self.folder / files.LOG):
            try:
                self._tell()
                removal.clear_leftovers(self.folder)
                with disk.explain_failures(self.folder / files.RESERVE):
                    (self.folder / files.RESERVE).write_bytes(b"\0" * 65536)
                self._train()
                self._tell(state="done", sentence=self._verdict(), seconds_left=0.0)
                disk.sync_folder(self.folder)  # that it is done outlives a power cut before its state goes
                (self.folder / files.STATE).unlink(missing_ok=True)  # last: a kill before this repeats the end only
            except Stopped:
                self._tell(state="stopped", sentence=f"stopped at step {self.status.step}; resume() goes on")
            except KeyboardInterrupt:
                # it may have come in the middle of an update: what was saved before is the state to go on from
                self._tell(state="stopped", sentence="interrupted; resume() goes on from the last saved state")
                raise
            except Exception as error:
                log.error("the run failed\n%s", story(error))
                self._tell(state="failed", sentence=sentence(error, self.folder), seconds_left=None)
                distributed.give_up(error, sentence(error, self.folder))  # last: it waits for the others
            finally:
                for name in (files.STOP, files.RESERVE):
                    with contextlib.suppress(OSError):
                        (self.folder / name).unlink(missing_ok=True)
        return self.status

    def _help(self) -> Status:
        """Train as a further process of the run: the first one writes what becomes of it."""
        try:
            self._train()
            self._tell(state="done")
        except Stopped:
            self._tell(state="stopped")
        except Exception as error:
            self._tell(state="failed", sentence=sentence(error, self.folder))
            distributed.give_up(error, self.status.sentence)
        return self.status

    def _train(self) -> None:
        plan = files.read_whole_plan(self.folder)
        if plan.schedule.threads:
            torch.set_num_threads(plan.schedule.threads)
        place = device(plan.schedule)
        with turn(str(place), self.folder.name, self._wait) if self.queued else contextlib.nullcontext():
            # the others go on from here once the first one holds the folder
            distributed.connect(place)
            self._tell(state="running", sentence="opening images and backbone", device=str(place))
            state = read_state(self.folder)
            training = self._assembled(plan, state)
            self._describe(training)
            self._tell(step=training.step, steps=training.steps, epochs=plan.schedule.epochs, sentence="")
            if self.first:
                with PointsFile(self.folder / files.POINTS, state["points"] if state else 0) as points:
                    self._follow(training, points)
                    points.sync()
                    self._keep(training, points)
            else:
                self._follow(training, None)

    def _assembled(self, plan: Plan, state: dict[str, Any] | None) -> Training:
        """The training, begun or gone on with; refused where it is not the one that the state is from."""
        data = open_images(plan, self.folder)
        net = open_net(plan, data, self.folder)
        self._belongs = provenance.describe(plan, data, net)
        if state is None:
            return join(plan, data, net)
        provenance.check_unchanged(self.folder, state.get("belongs"), self._belongs)
        try:
            return join(plan, data, net, state)
        except (KeyError, IndexError, TypeError, RuntimeError) as error:
            if isinstance(error, WorkbenchError) or out_of_memory(error):
                raise
            raise unusable(self.folder, f"does not fit its net ({type(error).__name__})") from error

    def _follow(self, training: Training, points: PointsFile | None) -> None:
        try:
            for point in training:
                if points is not None:
                    points.write(point.flat())
                    self._progress(point)
                    self._snapshot(training, point)
                asked = self._asked_to_stop(), points is not None and self._time_to_save(training, point)
                stops, saves = zip(*distributed.gather("after a point", asked), strict=True)
                if any(stops):
                    raise Stopped
                if any(saves):
                    self._save(training, points)
        except Stopped:
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

    def _save(self, training: Training, points: PointsFile | None) -> None:
        began = time.monotonic()
        training.flush()  # what each process has stored, before the state that builds on it
        distributed.gather("stored", None)
        # what has diverged is no state to go on from: the one before is kept
        if points is None or not is_finite(training.net):
            return
        self._write_state(training, points)
        self._saved = time.monotonic()
        self._save_took = self._saved - began
        # what Run.net() gives meanwhile: the best so far, else the weights as they are
        self._tell(saved=float(training.best["epoch"]) if training.best["weights"] else self.status.epoch)

    def _write_state(self, training: Training, points: PointsFile) -> None:
        state = training.state()
        # the points first: after a power cut no state counts on any that are not there
        write_state(self.folder, {**state, "points": points.sync(), "belongs": self._belongs})

    def _snapshot(self, training: Training, point: Point) -> None:
        schedule = training.schedule
        # the last point of an epoch's training: the weights will not move before the next
        if point.split == "train" and snapshots.due(schedule.snapshots, point.epoch, schedule.epochs):
            snapshots.take(training, self.folder, int(point.epoch))

    def _describe(self, training: Training) -> None:
        if not self.first:
            return
        made = environment(training.place) | {"precision": training.precision}
        data = training.tasks[0].images
        made |= {"images": data.fingerprint, "twins_across_splits": leaks(data), "belongs": self._belongs}
        disk.write(self.folder / files.ENVIRONMENT, json.dumps(made, indent=1))
        names = [stage.name for stage in training.net.stages]
        grid = {"stages": names, "rates": [list(row) for row in zip(*training.grid, strict=True)]}
        disk.write(self.folder / files.GRID, json.dumps(grid))

    def _keep(self, training: Training, points: PointsFile) -> None:
        proof = {"stages": training.proof.rows, "epoch": training.best["epoch"]}
        disk.write(self.folder / files.PROOF, json.dumps(proof, indent=1))
        keep_strategy(training, self.folder)
        try:
            keep_net(training.net.cpu(), self.folder)
        except RunFailed:
            self._write_state(training, points)  # all that is left of the last epochs
            raise
        best = training.best["epoch"] if training.schedule.keep == "best" else 0
        self._tell(saved=float(best or self.status.epoch))

    def _verdict(self) -> str:
        moved = [row["stage"] for row in read_proof(self.folder) if not row["unchanged"]]
        if moved:
            return f"done, but weights said to be frozen have changed, in {', '.join(moved)}; please report this"
        return ""

    def _wait(self, name: str) -> None:
        if self._asked_to_stop():
            raise Stopped
        told = f"waiting: {name} has the device"
        if self.status.sentence != told or time.monotonic() - self._waited > AGAIN:
            self._waited = time.monotonic()
            self._tell(state="waiting", sentence=told)

    def _asked_to_stop(self) -> bool:
        return self.stop.is_set() or (self.first and (self.folder / files.STOP).exists())

    def _tell(self, **changes: Any) -> None:
        self.status = dataclasses.replace(self.status, **changes)
        if self.first:
            write_status(self.folder, self.status)


def is_finite(net: torch.nn.Module) -> bool:
    """Whether all weights are numbers."""
    return all(bool(torch.isfinite(parameter).all()) for parameter in net.parameters())


def leaks(data: Images) -> int | None:
    """How many images also stand in another split; None where there are too many to compare in a moment."""
    if len(data) > FEW:
        return None
    found = int((~data.duplicates["same_split"].astype(bool)).sum())
    if found:
        log.warning("%d images stand in more than one split: what is validated was partly trained on", found)
    return found


class LogFile(logging.FileHandler):
    """The log of a run; that it cannot be written, on a full disk, is not what a run fails of."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's own name
        """Loses the line."""

    def close(self) -> None:
        """Closes the file, whatever of it could be written."""
        with contextlib.suppress(OSError):
            super().close()


class LogLines(logging.Formatter):
    """Lines of the log, without what a terminal would obey."""

    def format(self, record: logging.LogRecord) -> str:
        """One record, with its traceback where it has one."""
        return printable(super().format(record))


@contextlib.contextmanager
def logged(path: Path) -> Iterator[None]:
    """What the workbench says meanwhile is also written to `path`."""
    with disk.explain_failures(path):
        handler = LogFile(path, encoding="utf-8")
    handler.setFormatter(LogLines("%(asctime)s %(levelname)s %(message)s"))
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        handler.close()


def sentence(error: BaseException, folder: Path) -> str:
    """Why a run failed, for a person: ours as they are, the system's in words, others by their kind."""
    if isinstance(error, DiskError):
        return f"{error}; then resume()"
    if isinstance(error, (WorkbenchError, RunFailed)):
        return str(error)
    if isinstance(error, OSError) and error.errno in (*disk.FULL, *disk.FORBIDDEN, errno.EROFS):
        return f"{disk.explain(error, error.filename or folder)}; then resume()"
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is gone; put it back, then resume()"
    return f"{type(error).__name__}: {error}; the whole story is in {files.LOG}"


def story(error: BaseException) -> str:
    """Return the traceback of an error, or that of the process that it came from."""
    told = error.story if isinstance(error, distributed.FailedElsewhere) else ""
    return told or "".join(traceback.format_exception(error))
