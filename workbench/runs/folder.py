"""What stands in a run's folder, read without torch."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import disk
from workbench.arguments import check_arguments
from workbench.errors import UnknownName

if TYPE_CHECKING:
    import pandas as pd

PLAN, STATUS, POINTS, STATE = "plan.json", "status.json", "points.jsonl", "state"
GRID = "grid.json"
WEIGHTS, LOG, ENVIRONMENT, PROOF = "weights.safetensors", "log.txt", "environment.json", "proof.json"
STOP, LOCK, RESERVE = "stop", ".lock", ".reserve"

ACTIVE = ("waiting", "running", "stopping")
SILENT = 120.0  # seconds without a word after which a worker on another machine counts as gone


@dataclass(frozen=True)
class Status:
    """How a run stands.

    Attributes:
        state: created, waiting, running, stopping, stopped, failed, interrupted or done.
        sentence: what a person should know: why it waits, why it failed, what to do.
        seconds_left: estimate; None where unknown.
        updated: seconds since 1970 of the last word from the worker.
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
    born: float = 0.0
    host: str = ""
    started: float = 0.0
    updated: float = 0.0
    saved: float | None = None

    @property
    def alive(self) -> bool:
        """Whether a worker is at it."""
        return self.state in ACTIVE


def read_status(folder: Path) -> Status:
    """The status of a run; `interrupted` where its worker is gone without a word."""
    try:
        data = json.loads((folder / STATUS).read_text())
    except (OSError, json.JSONDecodeError):
        return Status()
    known = {field.name for field in dataclasses.fields(Status)}
    status = Status(**{name: value for name, value in data.items() if name in known})
    if status.state in ACTIVE and not worker_alive(status):
        sentence = "the worker is gone without a word (killed, or the machine went down); resume() goes on"
        return dataclasses.replace(status, state="interrupted", sentence=sentence, seconds_left=None)
    if status.state in ("waiting", "running") and (folder / STOP).exists():
        return dataclasses.replace(status, state="stopping", sentence="stopping after the present step")
    return status


def write_status(folder: Path, status: Status) -> None:
    """Writes `status`, stamped with this process and the time.

    On a full disk the reserve, a small file kept for this, is given up first: the reason must be told.
    """
    text = json.dumps(dataclasses.asdict(dataclasses.replace(status, updated=time.time())))
    try:
        disk.write(folder / STATUS, text)
    except OSError:
        with contextlib.suppress(OSError):
            (folder / RESERVE).unlink()
        with contextlib.suppress(OSError):
            disk.write(folder / STATUS, text)


def worker_alive(status: Status) -> bool:
    """Whether the process that wrote `status` still runs; on another host, whether it was heard of lately."""
    if status.host != socket.gethostname():
        return time.time() - status.updated < SILENT
    import psutil

    try:
        process = psutil.Process(status.pid)
        # a zombie is a child that ended and was not yet waited for; a reused number has another birth
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - status.born) < 5
    except psutil.Error:
        return False


def read_points(path: Path, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The points written since byte `start`, and the byte to go on from; a half-written line is left for later."""
    try:
        with path.open("rb") as file:
            if start > os.fstat(file.fileno()).st_size:  # the file was cut back when the run was resumed
                start = 0
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return [], 0
    whole = data.rfind(b"\n") + 1
    return [json.loads(line) for line in data[:whole].splitlines() if line], start + whole


def root(folder: str | os.PathLike[str] | None = None) -> Path:
    """The folder that runs live in: `folder`, else `runs` in the workbench's home."""
    return Path(folder) if folder is not None else disk.home() / "runs"


def folders(where: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """The run folders below `where`, the newest first."""
    place = root(where)
    found = [path.parent for path in place.glob(f"*/{PLAN}")] if place.is_dir() else []
    return iter(sorted(found, key=lambda path: path.stat().st_mtime, reverse=True))


def find(name: str | os.PathLike[str], where: str | os.PathLike[str] | None = None) -> Path:
    """The folder of a run by name or path.

    Raises:
        UnknownName: no such run, with near misses.
    """
    for path in (root(where) / str(name), Path(name)):
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
    """One run as a row of the table; a damaged one says so instead of hiding."""
    status = read_status(path)
    known = {"name": path.name, "state": status.state, "sentence": status.sentence}
    try:
        plan = json.loads((path / PLAN).read_text())
        named = {key: Path(plan[key]["name"]).name for key in ("backbone", "data", "tuning", "strategy")}
        points, _ = read_points(path / POINTS)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return {**known, "state": "damaged", "sentence": f"{type(error).__name__}: {error}"}
    best = max((p["accuracy"] for p in points if p.get("split") == "valid" and "accuracy" in p), default=float("nan"))
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(status.started)) if status.started else ""
    return {**known, **named, "epochs": plan["schedule"]["epochs"], "accuracy": best, "started": when}
