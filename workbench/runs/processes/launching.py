"""Folders of new runs, and worker processes that outlive the notebook."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import workbench
from workbench import _paths
from workbench.errors import Unavailable
from workbench.plan import Choice, Plan
from workbench.runs.folder import removal
from workbench.runs.folder import run_files as files
from workbench.runs.folder.run_files import Status
from workbench.runs.processes import liveness, prewarmed_worker

START_TIMEOUT = 60.0  # seconds that a worker may take to start, for Python on a slow disk

# workers started from here, kept so that the system can reap them when they end
_workers: list[subprocess.Popen[bytes]] = []


@contextlib.contextmanager
def stop_cleanly_on_interrupt(folder: Path) -> Iterator[None]:
    """Turn the first interrupt into a stop after the present step, with the state saved; a second one ends at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def request_stop(*_: Any) -> None:
        _paths.touch_file(folder / files.STOP)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, request_stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def start_worker(folder: Path, restart: bool = False) -> None:
    """Start a worker for `folder` in a session of its own, and wait until it holds the folder's lock.

    Args:
        restart: whether to remove the results first and begin from the first step.

    Raises:
        Unavailable: another worker trains the run.
        DiskError: the folder cannot be written.
    """
    before = files.read_status(folder)
    if before.is_active:
        raise Unavailable(f"{folder.name} is being trained already; two workers cannot share a folder")
    with liveness.lock_for_launch(folder):
        if liveness.is_folder_locked(folder):
            raise Unavailable(f"{folder.name} is being trained already; two workers cannot share a folder")
        if restart:
            removal.remove_results(folder)
            before = Status()
        with _paths.raise_disk_errors(folder):
            (folder / files.STOP).unlink(missing_ok=True)
        _write_launch_status(folder, before)
        _workers[:] = [child for child in _workers if child.poll() is None]
        child = prewarmed_worker.take_prewarmed_worker(folder, worker_environment()) or spawn_worker(folder)
        _workers.append(child)
        _wait_for_worker(folder, child)


def _write_launch_status(folder: Path, previous: Status) -> None:
    """Write the first status, so that the run is listed as waiting; from then on only its worker writes the status."""
    started = previous.started or time.time()
    changes = {"state": "waiting", "message": "starting", "pid": 0, "host": socket.gethostname(), "seconds_left": None}
    files.write_status(folder, dataclasses.replace(previous, **changes, started=started))


def _wait_for_worker(folder: Path, worker: subprocess.Popen[bytes]) -> None:
    """Wait until a worker holds the lock of its folder, or has ended."""
    end = time.monotonic() + START_TIMEOUT
    while worker.poll() is None and time.monotonic() < end:
        if liveness.is_folder_locked(folder) and files.read_status(folder).pid:
            return
        time.sleep(0.01)
    status = files.read_status(folder)
    if worker.poll() is not None and not status.pid and not liveness.is_folder_locked(folder):
        message = f"the worker ended before it began to train; see {files.LOG}"
        files.write_status(folder, dataclasses.replace(status, state="failed", message=message))


def spawn_worker(folder: Path) -> subprocess.Popen[bytes]:
    """Start a worker process for `folder` in a session of its own, so that it outlives this process."""
    with _paths.raise_disk_errors(folder / files.LOG), (folder / files.LOG).open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "workbench.runs.processes.worker", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=worker_environment(),
        )


def prewarm_worker() -> None:
    """Start a worker for the next launch in advance, while a person still edits the plan."""
    prewarmed_worker.start_prewarmed_worker(worker_environment())


def worker_environment() -> dict[str, str]:
    """Return the environment variables of a worker: those of this process, with the workbench on `PYTHONPATH`."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([package_search_path(), *read_pythonpath()])}


def create_run_folder(plan: Plan, folder: str | os.PathLike[str] | None = None) -> Path:
    """Create a run folder with `plan` and with the objects that the plan holds in memory (arrays, a net).

    Raises:
        BadValue: the folder holds a run already, or other files.
        DiskError: the folder cannot be written; nothing is left in it then.
    """
    path = Path(folder).expanduser().resolve() if folder is not None else make_unique_folder(plan)
    removal.check_folder_is_free(path)
    existed = folder is not None and path.is_dir()
    _paths.make_folder(path)
    with liveness.lock_for_launch(path):
        try:
            stored = {}
            for name, value in plan.in_memory.items():
                stored[name] = to_relative_paths(value.store_with(_paths.make_folder(path / name)), path)
            _paths.write_file(path / files.PLAN, plan.replace(**stored).to_json())
        except BaseException:
            removal.remove_unfinished_run(path, keep_folder=existed)
            raise
    return path


def to_relative_paths(choice: Choice, folder: Path) -> Choice:
    """Make the paths of a choice relative to `folder` where they are below it, so that the folder can be moved."""

    def to_relative(value: Any) -> Any:
        inside = isinstance(value, str) and Path(value).is_relative_to(folder)
        return Path(value).relative_to(folder).as_posix() if inside else value

    return Choice(to_relative(choice.name), {name: to_relative(value) for name, value in choice.params.items()})


def make_unique_folder(plan: Plan) -> Path:
    """Create a unique folder for a run of `plan`, named by date, backbone and tuning."""
    words = [Path(plan.backbone.name).name, plan.tuning.name]
    words += [plan.strategy.name] if plan.strategy.name != "fine-tune" else []
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(words)).strip("-.")[:60]
    stem = f"{time.strftime('%m%d-%H%M%S')}-{stem}"
    removal.remove_abandoned_runs(_paths.make_folder(files.runs_folder()))
    for number in range(1, 10_000):
        path = files.runs_folder() / (stem if number == 1 else f"{stem}-{number}")
        with _paths.raise_disk_errors(path), contextlib.suppress(FileExistsError):
            path.mkdir()
            return path
    raise Unavailable(f"{files.runs_folder()} contains too many runs named {stem}; delete some")


def package_search_path() -> str:
    """Return the folder from which `workbench` is imported."""
    return str(Path(workbench.__file__).parents[1])


def read_pythonpath() -> list[str]:
    """Return the entries of the environment variable `PYTHONPATH`."""
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
