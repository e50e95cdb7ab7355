"""Starting runs: in this process with a progress bar, or in one of their own that outlives the notebook."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

import workbench
from workbench import disk
from workbench.arguments import check_arguments
from workbench.errors import BadValue, RunFailed, Unavailable
from workbench.plan import Choice, Plan
from workbench.runs import folder as files
from workbench.runs import spare
from workbench.runs.assembly import check
from workbench.runs.folder import Status
from workbench.runs.record import Run

# workers started from here, kept so that the system can clear them away when they end
_children: list[subprocess.Popen[bytes]] = []


@check_arguments
def fit(plan: Plan, folder: str | os.PathLike[str] | None = None, progress: bool = True) -> Run:
    """Trains in this process and returns the finished run; an interrupt keeps the last state.

    Args:
        folder: where the run is kept; a new one in the workbench's home unless given.
        progress: whether to show a bar with the time left.

    Raises:
        RunFailed: the run failed; its last good state is kept.
        KeyboardInterrupt: it was interrupted; its state is saved, and `resume()` goes on.
        WorkbenchError: the plan's parts do not fit together.
    """
    from workbench.runs.carrying import Carrier

    check(plan)
    made = create(plan, folder)
    # on standard output: a notebook shows what comes on the other as if it were an error
    with tqdm(total=1, disable=not progress, unit="step", leave=False, file=sys.stdout) as bar:

        def watch(point: Any, status: Status) -> None:
            bar.total, bar.n = status.steps, point.step
            if "accuracy" in point.values:
                bar.set_postfix_str(f"{point.split} accuracy {point.values['accuracy']:.1%}", refresh=False)
            bar.refresh()

        with gentle(made):
            status = Carrier(made, watch=watch).carry_out()
    if status.state == "stopped":
        raise KeyboardInterrupt(f"{made.name} was stopped and its state saved: wb.run({made.name!r}).resume() goes on")
    if status.state == "failed":
        raise RunFailed(f"{made.name} failed: {status.sentence}")
    return Run(made)


@contextlib.contextmanager
def gentle(folder: Path) -> Iterator[None]:
    """Turns the first interrupt into a stop after the present step, with the state saved; a second one is harsh."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(*_: Any) -> None:
        (folder / files.STOP).touch()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@check_arguments
def launch(plan: Plan, folder: str | os.PathLike[str] | None = None) -> Run:
    """Trains in the background and returns at once; the worker outlives this kernel, `wb.runs()` finds it again.

    Args:
        folder: where the run is kept; a new one in the workbench's home unless given.

    Raises:
        WorkbenchError: the images cannot be opened, or do not offer what the strategy reads.
    """
    check(plan)
    made = create(plan, folder)
    start(made)
    return Run(made)


def start(folder: Path) -> None:
    """Starts a worker at `folder`, in a session of its own.

    Raises:
        Unavailable: one is at it already.
    """
    if files.read_status(folder).alive:
        raise Unavailable(f"{folder.name} is under way already; two workers cannot share a folder")
    (folder / files.STOP).unlink(missing_ok=True)
    _children[:] = [child for child in _children if child.poll() is None]
    child = spare.take(folder, surroundings()) or new_worker(folder)
    _children.append(child)
    _announce(folder, child.pid)


def new_worker(folder: Path) -> subprocess.Popen[bytes]:
    """A worker at `folder`, in a session of its own: it outlives this process."""
    with (folder / files.LOG).open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "workbench.runs.worker", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=surroundings(),
        )


def warm() -> None:
    """Makes a worker ready for the next launch, some seconds before a person asks for it."""
    spare.warm(surroundings())


def surroundings() -> dict[str, str]:
    """The variables that a worker runs with: this process's, with the workbench importable."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([home_of_package(), *sys_path_given()])}


def create(plan: Plan, folder: str | os.PathLike[str] | None = None) -> Path:
    """A new run folder that holds `plan`, and what of it has no recipe (arrays, a net in memory).

    Raises:
        BadValue: the folder holds a run already.
    """
    made = Path(folder).expanduser().resolve() if folder is not None else new_folder(plan)
    if (made / files.PLAN).exists():
        raise BadValue(f"{made} holds a run already: resume it with wb.run({str(made)!r}).resume(), or name another")
    made.mkdir(parents=True, exist_ok=True)
    stored = {}
    for name, held in plan.held.items():
        (made / name).mkdir(exist_ok=True)
        stored[name] = relative(held.store_with(made / name), made)
    disk.write(made / files.PLAN, plan.but(**stored).to_json())
    return made


def relative(choice: Choice, folder: Path) -> Choice:
    """`choice` with paths below `folder` given from there, so that the folder can be moved."""

    def short(value: Any) -> Any:
        inside = isinstance(value, str) and Path(value).is_relative_to(folder)
        return Path(value).relative_to(folder).as_posix() if inside else value

    return Choice(short(choice.name), {name: short(value) for name, value in choice.params.items()})


def new_folder(plan: Plan) -> Path:
    """A folder of its own for a run of `plan`: what it is, and when."""
    words = [Path(plan.backbone.name).name, plan.tuning.name]
    words += [plan.strategy.name] if plan.strategy.name != "fine-tune" else []
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(words)).strip("-.")[:60]
    stem = f"{time.strftime('%m%d-%H%M%S')}-{stem}"
    for number in range(1, 10_000):
        made = files.root() / (stem if number == 1 else f"{stem}-{number}")
        try:
            made.mkdir(parents=True)
        except FileExistsError:
            continue
        return made
    raise Unavailable(f"{files.root()} holds too many runs named {stem}; clear some away")


def home_of_package() -> str:
    """The folder that `workbench` is imported from."""
    return str(Path(workbench.__file__).parents[1])


def sys_path_given() -> list[str]:
    """What the person had on `PYTHONPATH`."""
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]


def _announce(folder: Path, pid: int) -> None:
    """A first status, so that the run is known as under way before its worker has said a word."""
    import dataclasses
    import socket

    import psutil

    before = files.read_status(folder)
    said = {"state": "waiting", "sentence": "starting", "pid": pid, "host": socket.gethostname()}
    born = psutil.Process(pid).create_time()
    started = before.started or time.time()
    files.write_status(folder, dataclasses.replace(before, **said, born=born, started=started))
