"""What stands in a run's folder, read without torch."""

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

from workbench import disk
from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue, UnknownName, printable
from workbench.plan import Plan
from workbench.runs.folder_contents import (
    ENVIRONMENT,
    GRID,
    PLAN,
    POINTS,
    PROOF,
    damaged,
    read_json,
    read_plan,
    read_points,
)
from workbench.runs.liveness import LAUNCH, LOCK, is_alive

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENVIRONMENT", "GRID", "LAUNCH", "LOCK", "PLAN", "POINTS", "PROOF", "read_points"]

STATUS, STATE, WEIGHTS, LOG = "status.json", "state", "weights.safetensors", "log.txt"
STRATEGY, UNPROVEN = "strategy.safetensors", "weights.unproven.safetensors"
STOP, RESERVE = "stop", ".reserve"

ACTIVE = ("waiting", "running", "stopping")
STATES = ("created", *ACTIVE, "stopped", "failed", "interrupted", "done")


@dataclass(frozen=True)
class Status:
    """How a run stands.

    Attributes:
        state: created, waiting, running, stopping, stopped, failed, interrupted or done; damaged where it cannot be
            read.
        sentence: what a person should know: why it waits, why it failed, what to do.
        seconds_left: estimate; None where unknown.
        started, updated: seconds since 1970 of its first and last word, for people; nothing is decided by them.
        saved: epochs behind the weights that the run gives now; None where none were saved yet.
    """

    state: str = "created"
    sentence: str = ""
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
    saved: float | None = None

    @property
    def alive(self) -> bool:
        """Whether a worker is at it."""
        return self.state in ACTIVE


def read_status(folder: Path) -> Status:
    """The status of a run; `interrupted` where its worker is gone without a word, `damaged` where it is no status."""
    status = _last_word(folder)
    if status.state in (*ACTIVE, "damaged") and not is_alive(folder, status.host, status):
        status = _last_word(folder)  # its last one may have come meanwhile; now no other can
        if status.state in ACTIVE:
            sentence = (
                f"the worker is gone without a word (killed, or the machine went down; {LOG} has what it said before); "
                "resume() goes on"
            )
            return dataclasses.replace(status, state="interrupted", sentence=sentence, seconds_left=None)
        return status
    if status.state == "damaged":
        return dataclasses.replace(status, state="running")
    if status.state in ("waiting", "running") and (folder / STOP).exists():
        return dataclasses.replace(status, state="stopping", sentence="stopping after the present step")
    return status


def read_whole_plan(folder: Path) -> Plan:
    """The plan of a run.

    Raises:
        BadData: the folder holds none, or it is damaged.
        WorkbenchError: it names what there is not.
    """
    path = folder / PLAN
    if not path.exists():
        raise BadData(f"{folder} is no run: it holds no {PLAN}")
    read_plan(folder)
    try:
        return Plan.from_json(path.read_text(encoding="utf-8"))
    except UnknownName:
        raise
    except BadValue as error:
        raise damaged(path, error) from error


def _last_word(folder: Path) -> Status:
    """The status as it was written last."""
    path = folder / STATUS
    if not path.exists():
        return Status()
    try:
        found = read_json(path)
        if not isinstance(found, Mapping):
            raise damaged(path, "a status is a mapping")
        known = {field.name: field for field in dataclasses.fields(Status)}
        given = {name: value for name, value in found.items() if name in known}
        for name, value in given.items():
            if not _fits(value, known[name].default):
                raise damaged(path, f"{name} cannot be {value!r}")
        if given.get("state", "created") not in STATES:
            raise damaged(path, f"there is no state {given['state']!r}")
    except BadData as error:
        return Status(state="damaged", sentence=f"{error}; resume() writes a new one")
    return Status(**given)


def _fits(value: object, default: object) -> bool:
    """Whether a value is of the kind of a field with this default; None stands for a number that is not known."""
    if isinstance(default, str):
        return isinstance(value, str)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number or (default is None and value is None)


def begun(folder: Path) -> Status:
    """The first word of a worker, this process, of which later ones are made."""
    before = _last_word(folder)
    here = {"pid": os.getpid(), "host": socket.gethostname()}
    started = before.started or time.time()
    return Status(state="waiting", sentence="starting", started=started, saved=before.saved, **here)


def write_status(folder: Path, status: Status) -> None:
    """Writes `status`, stamped with this process and the time.

    On a full disk the reserve, a small file kept for this, is given up first: the reason must be told.
    """
    text = json.dumps(dataclasses.asdict(dataclasses.replace(status, updated=time.time())))
    try:
        disk.replace(folder / STATUS, text)
    except OSError:
        with contextlib.suppress(OSError):
            (folder / RESERVE).unlink()
        with contextlib.suppress(OSError):
            disk.replace(folder / STATUS, text)


def root(folder: str | os.PathLike[str] | None = None) -> Path:
    """The folder that runs live in: `folder`, else `runs` in the workbench's home."""
    return Path(folder) if folder is not None else disk.home() / "runs"


def folders(where: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """The run folders below `where`, the newest first."""
    place = root(where)
    try:
        found = [path.parent for path in place.glob(f"*/{PLAN}")] if place.is_dir() else []
    except OSError as error:
        raise disk.explain(error, place, "read") from error
    return iter(sorted(found, key=_changed, reverse=True))


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:  # it was deleted just now
        return 0


def find(name: str | os.PathLike[str], where: str | os.PathLike[str] | None = None) -> Path:
    """The folder of a run by name or path.

    Raises:
        UnknownName: no such run, with near misses.
    """
    for path in (root(where) / str(name), Path(name)):
        with contextlib.suppress(OSError, ValueError):  # no name of a file at all, such as one too long
            if (path / PLAN).exists():
                return path.resolve()
    raise UnknownName.of("run", name, [path.name for path in folders(where)], "wb.runs() lists them all")


@check_arguments
def table(folder: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """All runs as a frame, the newest first: name, state, what was planned, best validation accuracy, time.

    Args:
        folder: where to look; `runs` in the workbench's home unless given.
    """
    import pandas as pd

    names = ["name", "state", "backbone", "data", "tuning", "strategy", "epochs", "accuracy", "started", "sentence"]
    frame = pd.DataFrame([row(path) for path in folders(folder)], columns=names)
    return frame.astype({"accuracy": float})


def row(path: Path) -> dict[str, Any]:
    """One run as a row of the table; a damaged one says so instead of hiding, or hiding others."""
    status = read_status(path)
    known = {"name": printable(path.name), "state": status.state, "sentence": printable(status.sentence)}
    try:
        planned = {name: _shown(value) for name, value in read_plan(path).items()}
        points, _ = read_points(path / POINTS)
    except BadData as error:
        return {**known, "state": "damaged", "sentence": str(error)}
    best = max((p["accuracy"] for p in points if p["split"] == "valid" and "accuracy" in p), default=float("nan"))
    return {**known, **planned, "accuracy": best, "started": _moment(status.started)}


def _shown(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value


def _moment(seconds: float) -> str:
    """A time of the clock for people; empty where none is known, or none that a calendar has."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""
    except (OverflowError, ValueError, OSError):
        return ""
