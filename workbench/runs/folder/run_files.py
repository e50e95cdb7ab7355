"""Names of the files in a run's folder, its status, and the listing of runs; imports no torch."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import _paths
from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue, Unavailable, UnknownName, escape_control_characters
from workbench.plan import Plan
from workbench.runs.folder.file_readers import ENVIRONMENT as ENVIRONMENT
from workbench.runs.folder.file_readers import FROZEN_CHECK as FROZEN_CHECK
from workbench.runs.folder.file_readers import GRID as GRID
from workbench.runs.folder.file_readers import PLAN as PLAN
from workbench.runs.folder.file_readers import POINTS as POINTS
from workbench.runs.folder.file_readers import damaged_file_error, read_json, read_plan_summary
from workbench.runs.folder.file_readers import read_points as read_points
from workbench.runs.processes.liveness import LAUNCH as LAUNCH
from workbench.runs.processes.liveness import LOCK as LOCK
from workbench.runs.processes.liveness import is_worker_alive

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["list_runs", "search_runs"]

STATUS, STATE, WEIGHTS, LOG = "status.json", "state", "weights.safetensors", "log.txt"
STRATEGY, UNVERIFIED_WEIGHTS = "strategy.safetensors", "weights.unproven.safetensors"
STOP, RESERVE = "stop", ".reserve"

ACTIVE_STATES = ("waiting", "running", "stopping")
STATUS_NAMES = {"sentence": "message", "saved": "saved_epoch"}  # version 0.1: name in the file -> name today
TEXT_COLUMNS = ("name", "state", "backbone", "data", "tuning", "strategy")
RUN_COLUMNS = (*TEXT_COLUMNS, "epochs", "accuracy", "started", "message")
STATES = ("created", *ACTIVE_STATES, "stopped", "failed", "interrupted", "done")


@dataclass(frozen=True)
class Status:
    """Status of a run.

    Attributes:
        state: created, waiting, running, stopping, stopped, failed, interrupted or done; damaged if it cannot be read.
        message: reason and remedy in one sentence: why the run waits or has failed, and what to do.
        epoch: epochs trained, with fractions.
        epochs: epochs of the plan.
        step: updates done.
        steps: updates of the plan.
        seconds_left: estimate; None if unknown.
        device: torch device of the worker.
        pid: process of the worker.
        host: machine of the worker.
        started, updated: seconds since 1970 of the first and the last status, for display only: no decision uses them.
        saved_epoch: epochs behind the weights that `Run.net()` returns now; None if none were saved yet.
    """

    state: str = "created"
    message: str = ""
    epoch: float = 0.0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    device: str = ""
    pid: int = 0
    host: str = ""
    started: float = 0.0
    updated: float = 0.0
    saved_epoch: float | None = None

    @property
    def is_active(self) -> bool:
        """True if a worker trains the run or waits for the device."""
        return self.state in ACTIVE_STATES


def read_status(folder: Path) -> Status:
    """Read the status of a run; `interrupted` if its worker has died, `damaged` if the file holds no status."""
    status = _read_status_file(folder)
    if status.state in (*ACTIVE_STATES, "damaged") and not is_worker_alive(folder, status.host, status):
        # the worker may have written its last status meanwhile; now it can write no other
        status = _read_status_file(folder)
        if status.state in ACTIVE_STATES:
            message = (
                f"the worker has ended unexpectedly (killed, or the machine went down; see {LOG}); resume() continues"
            )
            return dataclasses.replace(status, state="interrupted", message=message, seconds_left=None)
        return status
    if status.state == "damaged":
        return dataclasses.replace(status, state="running")
    if status.state in ("waiting", "running") and (folder / STOP).exists():
        return dataclasses.replace(status, state="stopping", message="stopping after the present step")
    return status


def load_plan(folder: Path) -> Plan:
    """Load the plan of a run.

    Raises:
        BadData: the folder holds no plan, or a damaged one.
        WorkbenchError: the plan names something that does not exist.
    """
    path = folder / PLAN
    if not path.exists():
        raise BadData(f"{folder} is not a run folder: it contains no {PLAN}")
    read_plan_summary(folder)
    try:
        return Plan.from_json(path.read_text(encoding="utf-8"))
    except UnknownName:
        raise
    except BadValue as error:
        raise damaged_file_error(path, error) from error


def _read_status_file(folder: Path) -> Status:
    """Read the status file as it was last written."""
    path = folder / STATUS
    if not path.exists():
        return Status()
    try:
        found = read_json(path)
        if not isinstance(found, Mapping):
            raise damaged_file_error(path, "expected a mapping as status")
        known = {field.name: field for field in dataclasses.fields(Status)}
        found = {STATUS_NAMES.get(name, name): value for name, value in found.items()}
        given = {name: value for name, value in found.items() if name in known}
        for name, value in given.items():
            if not _matches_default(value, known[name].default):
                raise damaged_file_error(path, f"unexpected value {value!r} of {name}")
        if given.get("state", "created") not in STATES:
            raise damaged_file_error(path, f"unknown state {given['state']!r}")
    except BadData as error:
        return Status(state="damaged", message=f"{error}; resume() writes a new one")
    return Status(**given)


def _matches_default(value: object, default: object) -> bool:
    """True if a value has the type of a field with this default; None is allowed where the default is None."""
    if isinstance(default, str):
        return isinstance(value, str)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number or (default is None and value is None)


def initial_status(folder: Path) -> Status:
    """Return the first status of a worker, this process, from which its later ones are derived."""
    before = _read_status_file(folder)
    here = {"pid": os.getpid(), "host": socket.gethostname()}
    started = before.started or time.time()
    return Status(state="waiting", message="starting", started=started, saved_epoch=before.saved_epoch, **here)


def write_status(folder: Path, status: Status) -> None:
    """Write `status`, with this process and the present time.

    On a full disk the reserve is deleted first, a small file that guarantees room for the reason of the failure.
    """
    text = json.dumps(dataclasses.asdict(dataclasses.replace(status, updated=time.time())))
    try:
        _paths.replace_file(folder / STATUS, text)
    except OSError:
        with contextlib.suppress(OSError):
            (folder / RESERVE).unlink()
        with contextlib.suppress(OSError):
            _paths.replace_file(folder / STATUS, text)


def runs_folder(folder: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder that contains the runs: `folder`, else `runs` in the workbench's home."""
    return Path(folder) if folder is not None else _paths.workbench_home() / "runs"


def iter_run_folders(folder: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """Iterate over the run folders in `folder`, newest first.

    Raises:
        Unavailable: `folder` was given and is no folder.
    """
    root = runs_folder(folder)
    if folder is not None and not root.is_dir():
        raise Unavailable(
            f"expected a folder of runs, got {root}, which {'is a file' if root.exists() else 'is not there'}"
        )
    try:
        folders = [path.parent for path in root.glob(f"*/{PLAN}")] if root.is_dir() else []
    except OSError as error:
        raise _paths.to_disk_error(error, root, "read") from error
    return iter(sorted(folders, key=_modification_time, reverse=True))


def _modification_time(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:  # deleted meanwhile
        return 0


def find_run_folder(name: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None) -> Path:
    """Find the folder of a run by name or path.

    Raises:
        UnknownName: no such run; with near misses.
    """
    for path in (runs_folder(folder) / str(name), Path(name)):
        with contextlib.suppress(OSError, ValueError):  # not a valid file name, such as one too long
            if (path / PLAN).exists():
                return path.resolve()
    raise UnknownName.of(
        "run", name, [path.name for path in iter_run_folders(folder)], "wb.list_runs() lists all of them"
    )


@check_arguments
def list_runs(folder: str | os.PathLike[str] | None = None) -> list[str]:
    """Return the names of all runs, the newest first.

    Args:
        folder: folder of the runs; `runs` in the workbench's home by default.
    """
    return [escape_control_characters(path.name) for path in iter_run_folders(folder)]


@check_arguments
def search_runs(query: str | None = None, *, folder: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """List all runs as a frame, newest first: name, state, parts of the plan, best validation accuracy, start time.

    Args:
        query: words that must all occur in a row's text, and bounds on its columns, separated by commas:
            `mobilenet digits, accuracy > 0.9 and state == 'done'`. None returns all runs.
        folder: folder of the runs; `runs` in the workbench's home by default.

    Raises:
        UnknownName: a bound on a column that does not exist.
        BadValue: a bound that cannot be parsed, or that compares text with a number.
    """
    import pandas as pd

    from workbench.nets.catalogue.catalogue_query import match_rows

    frame = pd.DataFrame([describe_run(path) for path in iter_run_folders(folder)], columns=[*RUN_COLUMNS])
    frame = frame.astype({"accuracy": float})
    if query is None:
        return frame
    return frame[match_rows(frame, query, TEXT_COLUMNS, {})].reset_index(drop=True)


def describe_run(path: Path) -> dict[str, Any]:
    """Describe one run as a row of the frame; a damaged run is listed as damaged and hides no others."""
    status = read_status(path)
    known = {
        "name": escape_control_characters(path.name),
        "state": status.state,
        "message": escape_control_characters(status.message),
    }
    try:
        planned = {name: _to_printable(value) for name, value in read_plan_summary(path).items()}
        points, _ = read_points(path / POINTS)
    except BadData as error:
        return {**known, "state": "damaged", "message": str(error)}
    best = max((p["accuracy"] for p in points if p["split"] == "valid" and "accuracy" in p), default=float("nan"))
    return {**known, **planned, "accuracy": best, "started": _format_time(status.started)}


def _to_printable(value: Any) -> Any:
    return escape_control_characters(value) if isinstance(value, str) else value


def _format_time(seconds: float) -> str:
    """Format a time in seconds since 1970; empty if unknown or outside the calendar."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""
    except (OverflowError, ValueError, OSError):
        return ""
