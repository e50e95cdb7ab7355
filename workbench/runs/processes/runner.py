"""Runner of a run: trains the plan in a folder, and writes points, state, weights and log there."""

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

from workbench import _paths
from workbench.data.labeled_images import Images
from workbench.errors import DiskError, RunFailed, WorkbenchError, escape_control_characters
from workbench.loop import distributed
from workbench.loop.device import is_out_of_memory, rank_and_world, select_device
from workbench.loop.training import Point, Training
from workbench.plan import Plan
from workbench.runs.build import make_training, open_images, open_net
from workbench.runs.folder import provenance, removal, snapshots
from workbench.runs.folder import run_files as files
from workbench.runs.folder.environment import describe_environment
from workbench.runs.folder.file_readers import read_frozen_check
from workbench.runs.folder.points_file import PointsFile
from workbench.runs.folder.run_files import Status, initial_status, write_status
from workbench.runs.folder.saved_net import save_strategy_state, save_verified_net
from workbench.runs.folder.saved_state import read_state, unusable_state_error, write_state
from workbench.runs.processes.device_queue import hold_device
from workbench.runs.processes.liveness import lock_folder

log = logging.getLogger("workbench")

MAX_COMPARED_IMAGES = 20_000  # images at most that are compared before a run
SAVE_INTERVAL = 15.0  # seconds between states
WAIT_MESSAGE_INTERVAL = 10.0  # seconds between messages of a run that waits
MAX_SAVE_FRACTION = 0.05  # largest fraction of the time that is spent on saving


class StopRequested(Exception):
    """Request of a person or of the system to stop the run."""


class Runner:
    """One worker that trains the run of one folder.

    Args:
        folder: contains the plan.
        waits_for_device: whether to wait in the queue until the device is free.
        callback: called with every point and the status.
        save_interval: seconds between saved states; 0 saves after every point.
        has_lock: whether the caller already holds the lock of the folder, as a worker does before it imports torch.
        stop_event: set from outside to request a stop; any process of the run may have it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        waits_for_device: bool = False,
        callback: Callable[[Point, Status], None] | None = None,
        save_interval: float = SAVE_INTERVAL,
        has_lock: bool = False,
        stop_event: threading.Event | None = None,
    ) -> None:
        self.folder, self.waits_for_device = folder, waits_for_device
        self.callback, self.save_interval = callback, save_interval
        self.has_lock, self.is_first_process = has_lock, rank_and_world()[0] == 0
        self.stop_event = stop_event or threading.Event()
        self.status = initial_status(folder)
        self._saved_at, self._save_seconds = time.monotonic(), 0.0
        self._wait_message_at = 0.0

    def run(self) -> Status:
        """Train to the end, to a stop, or to a failure, which the status describes; the last good state is kept.

        Raises:
            Unavailable: another worker holds the folder.
        """
        if not self.is_first_process:
            return self._train_as_follower()
        with (
            contextlib.nullcontext() if self.has_lock else lock_folder(self.folder),
            log_to_file(self.folder / files.LOG),
        ):
            try:
                self._update_status()
                removal.remove_leftovers(self.folder)
                with _paths.raise_disk_errors(self.folder / files.RESERVE):
                    (self.folder / files.RESERVE).write_bytes(b"\0" * 65536)
                self._train()
                self._update_status(state="done", message=self._final_message(), seconds_left=0.0)
                _paths.sync_folder(self.folder)  # "done" survives a power cut before the state is removed
                (self.folder / files.STATE).unlink(missing_ok=True)  # last: a kill before it repeats only the end
            except StopRequested:
                self._update_status(state="stopped", message=f"stopped at step {self.status.step}; resume() continues")
            except KeyboardInterrupt:
                # an interrupt may come in the middle of an update: the run resumes from the state saved before it
                self._update_status(
                    state="stopped", message="interrupted; resume() continues from the last saved state"
                )
                raise
            except Exception as error:
                log.error("the run failed\n%s", format_traceback(error))
                self._update_status(state="failed", message=failure_message(error, self.folder), seconds_left=None)
                # last: it waits for the other processes
                distributed.report_failure(error, failure_message(error, self.folder))
            finally:
                for name in (files.STOP, files.RESERVE):
                    with contextlib.suppress(OSError):
                        (self.folder / name).unlink(missing_ok=True)
        return self.status

    def _train_as_follower(self) -> Status:
        """Train as a further process of the run; the first process alone writes the status."""
        try:
            self._train()
            self._update_status(state="done")
        except StopRequested:
            self._update_status(state="stopped")
        except Exception as error:
            self._update_status(state="failed", message=failure_message(error, self.folder))
            distributed.report_failure(error, self.status.message)
        return self.status

    def _train(self) -> None:
        plan = files.load_plan(self.folder)
        if plan.schedule.threads:
            torch.set_num_threads(plan.schedule.threads)
        device = select_device(plan.schedule)
        with (
            hold_device(str(device), self.folder.name, self._report_waiting)
            if self.waits_for_device
            else contextlib.nullcontext()
        ):
            # the other processes continue here once the first one holds the folder
            distributed.choose_gradient_backend(device)
            self._update_status(state="running", message="opening images and backbone", device=str(device))
            state = read_state(self.folder)
            training = self._open_training(plan, state)
            self._write_description(training)
            self._update_status(step=training.step, steps=training.steps, epochs=plan.schedule.epochs, message="")
            if self.is_first_process:
                with PointsFile(self.folder / files.POINTS, state["points"] if state else 0) as points:
                    self._record_points(training, points)
                    points.sync()
                    self._save_result(training, points)
            else:
                self._record_points(training, None)

    def _open_training(self, plan: Plan, state: dict[str, Any] | None) -> Training:
        """Open the training, new or resumed; refuse a state of another plan, other images or other weights."""
        data = open_images(plan, self.folder)
        net = open_net(plan, data, self.folder)
        self._provenance = provenance.describe_provenance(plan, data, net)
        if state is None:
            return make_training(plan, data, net)
        provenance.check_unchanged(self.folder, state.get("belongs"), self._provenance)
        try:
            return make_training(plan, data, net, state)
        except (KeyError, IndexError, TypeError, RuntimeError) as error:
            if isinstance(error, WorkbenchError) or is_out_of_memory(error):
                raise
            raise unusable_state_error(self.folder, f"does not fit its net ({type(error).__name__})") from error

    def _record_points(self, training: Training, points: PointsFile | None) -> None:
        try:
            for point in training:
                if points is not None:
                    points.write(point.to_dict())
                    self._report_progress(point)
                    self._take_snapshot(training, point)
                requests = self._is_stop_requested(), points is not None and self._is_save_due(training, point)
                stops, saves = zip(*distributed.gather_answers("after a point", requests), strict=True)
                if any(stops):
                    raise StopRequested
                if any(saves):
                    self._save(training, points)
        except StopRequested:
            self._save(training, points)
            raise
        finally:
            training.close()

    def _report_progress(self, point: Point) -> None:
        left = point.values.get("seconds_left", self.status.seconds_left)
        self._update_status(step=point.step, epoch=point.epoch, seconds_left=left)
        if self.callback:
            self.callback(point, self.status)

    def _is_save_due(self, training: Training, point: Point) -> bool:
        since = time.monotonic() - self._saved_at
        # the state after an epoch's validation is always worth keeping, unless saving is slow beside training
        ended = training.validated_step == training.step
        due = since >= self.save_interval or (ended and training.step < training.steps)
        return (due and since * MAX_SAVE_FRACTION >= self._save_seconds) or self.save_interval == 0

    def _save(self, training: Training, points: PointsFile | None) -> None:
        began = time.monotonic()
        training.flush()  # activations that each process has cached, before the state that depends on them
        distributed.gather_answers("stored", None)
        # a diverged net is no state to resume from: the state before it is kept
        if points is None or not has_finite_weights(training.net):
            return
        self._write_state(training, points)
        self._saved_at = time.monotonic()
        self._save_seconds = self._saved_at - began
        # epoch of the net that Run.net() returns meanwhile: the best so far, else the last saved
        self._update_status(
            saved_epoch=float(training.best["epoch"]) if training.best["weights"] else self.status.epoch
        )

    def _write_state(self, training: Training, points: PointsFile) -> None:
        state = training.state_dict()
        # the points first: after a power cut no state refers to points that are missing
        write_state(self.folder, {**state, "points": points.sync(), "belongs": self._provenance})

    def _take_snapshot(self, training: Training, point: Point) -> None:
        schedule = training.schedule
        # the last point of an epoch's training: the weights will not move before the next
        if point.split == "train" and snapshots.is_snapshot_due(schedule.snapshots, point.epoch, schedule.epochs):
            snapshots.take_snapshot(training, self.folder, int(point.epoch))

    def _write_description(self, training: Training) -> None:
        if not self.is_first_process:
            return
        environment = describe_environment(training.device) | {"precision": training.precision}
        data = training.tasks[0].images
        environment |= {
            "images": data.fingerprint,
            "twins_across_splits": count_leaks(data),
            "belongs": self._provenance,
        }
        _paths.write_file(self.folder / files.ENVIRONMENT, json.dumps(environment, indent=1))
        names = [stage.name for stage in training.net.stages]
        grid = {"stages": names, "rates": [list(row) for row in zip(*training.lr_grid, strict=True)]}
        _paths.write_file(self.folder / files.GRID, json.dumps(grid))

    def _save_result(self, training: Training, points: PointsFile) -> None:
        check = {"stages": training.frozen_check.rows, "epoch": training.best["epoch"]}
        _paths.write_file(self.folder / files.FROZEN_CHECK, json.dumps(check, indent=1))
        save_strategy_state(training, self.folder)
        try:
            save_verified_net(training.net.cpu(), self.folder)
        except RunFailed:
            self._write_state(training, points)  # the only copy of the last epochs
            raise
        best = training.best["epoch"] if training.selects_best else 0
        self._update_status(saved_epoch=float(best or self.status.epoch))

    def _final_message(self) -> str:
        moved = [row["stage"] for row in read_frozen_check(self.folder) if not row["unchanged"]]
        if moved:
            return f"done, but frozen weights have changed in {', '.join(moved)}; please report this"
        return ""

    def _report_waiting(self, name: str) -> None:
        if self._is_stop_requested():
            raise StopRequested
        message = f"waiting: {name} uses the device"
        if self.status.message != message or time.monotonic() - self._wait_message_at > WAIT_MESSAGE_INTERVAL:
            self._wait_message_at = time.monotonic()
            self._update_status(state="waiting", message=message)

    def _is_stop_requested(self) -> bool:
        return self.stop_event.is_set() or (self.is_first_process and (self.folder / files.STOP).exists())

    def _update_status(self, **changes: Any) -> None:
        self.status = dataclasses.replace(self.status, **changes)
        if self.is_first_process:
            write_status(self.folder, self.status)


def has_finite_weights(net: torch.nn.Module) -> bool:
    """True if all weights are finite numbers."""
    return all(bool(torch.isfinite(parameter).all()) for parameter in net.parameters())


def count_leaks(data: Images) -> int | None:
    """Count the images that occur in more than one split; None if there are too many images for a quick comparison."""
    if len(data) > MAX_COMPARED_IMAGES:
        return None
    n_leaks = int((~data.duplicates["same_split"].astype(bool)).sum())
    if n_leaks:
        log.warning("%d images occur in more than one split, so that validation includes training images", n_leaks)
    return n_leaks


class LogFile(logging.FileHandler):
    """Log file of a run; a failure to write it, such as on a full disk, does not end the run."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's own name
        """Drop the line."""

    def close(self) -> None:
        """Close the file, even where its last lines cannot be written."""
        with contextlib.suppress(OSError):
            super().close()


class LogFormatter(logging.Formatter):
    """Formatter of log lines that escapes control characters of a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record, with its traceback if it has one."""
        return escape_control_characters(super().format(record))


@contextlib.contextmanager
def log_to_file(path: Path) -> Iterator[None]:
    """Write the workbench's log messages to `path` too, within the context."""
    with _paths.raise_disk_errors(path):
        handler = LogFile(path, encoding="utf-8")
    handler.setFormatter(LogFormatter("%(asctime)s %(levelname)s %(message)s"))
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        handler.close()


def failure_message(error: BaseException, folder: Path) -> str:
    """Return the reason why a run failed, in one sentence.

    Messages of the workbench's own errors are kept, errors of the operating system are put in words, and other errors
    are named by their type.
    """
    if isinstance(error, DiskError):
        return f"{error}; then call resume()"
    if isinstance(error, (WorkbenchError, RunFailed)):
        return str(error)
    if isinstance(error, OSError) and error.errno in (*_paths.DISK_FULL_ERRNOS, *_paths.PERMISSION_ERRNOS, errno.EROFS):
        return f"{_paths.to_disk_error(error, error.filename or folder)}; then call resume()"
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is missing; restore it, then call resume()"
    return f"{type(error).__name__}: {error}; the traceback is in {files.LOG}"


def format_traceback(error: BaseException) -> str:
    """Return the traceback of an error, or that of the process in which it occurred."""
    remote = error.traceback_text if isinstance(error, distributed.FailedElsewhere) else ""
    return remote or "".join(traceback.format_exception(error))
