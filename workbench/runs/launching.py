"""Starting runs: in this process with a progress bar, or in one of their own that outlives the notebook."""

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

from tqdm import tqdm

import workbench
from workbench import disk
from workbench.arguments import check_arguments
from workbench.errors import RunFailed, Unavailable
from workbench.plan import Choice, Plan
from workbench.runs import folder as files
from workbench.runs import liveness, removal, spare
from workbench.runs.assembly import check
from workbench.runs.folder import Status
from workbench.runs.record import Run

LONGEST = 60.0  # seconds that a worker may take to begin, as where the disk that Python is on hardly answers

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

    made = create(check(plan), folder)
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
        disk.touch(folder / files.STOP)
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
    made = create(check(plan), folder)
    start(made)
    return Run(made)


def start(folder: Path, anew: bool = False) -> None:
    """Starts a worker at `folder`, in a session of its own, and waits until it holds the folder.

    Args:
        anew: whether what the run has come to is removed first.

    Raises:
        Unavailable: one is at it already.
        DiskError: the folder cannot be written.
    """
    before = files.read_status(folder)
    if before.alive:
        raise Unavailable(f"{folder.name} is under way already; two workers cannot share a folder")
    with liveness.launching(folder):
        if liveness.is_held(folder):
            raise Unavailable(f"{folder.name} is under way already; two workers cannot share a folder")
        if anew:
            removal.remove_results(folder)
            before = Status()
        with disk.explain_failures(folder):
            (folder / files.STOP).unlink(missing_ok=True)
        _announce(folder, before)
        _children[:] = [child for child in _children if child.poll() is None]
        child = spare.take(folder, surroundings()) or new_worker(folder)
        _children.append(child)
        _hand_over(folder, child)


def _announce(folder: Path, before: Status) -> None:
    """A first status, so that the run is known as under way; from here on its worker alone writes one."""
    started = before.started or time.time()
    said = {"state": "waiting", "sentence": "starting", "pid": 0, "host": socket.gethostname(), "seconds_left": None}
    files.write_status(folder, dataclasses.replace(before, **said, started=started))


def _hand_over(folder: Path, child: subprocess.Popen[bytes]) -> None:
    """Waits until a worker holds its folder, or has ended."""
    end = time.monotonic() + LONGEST
    while child.poll() is None and time.monotonic() < end:
        if liveness.is_held(folder) and files.read_status(folder).pid:
            return
        time.sleep(0.01)
    status = files.read_status(folder)
    if child.poll() is not None and not status.pid and not liveness.is_held(folder):
        sentence = f"the worker ended before its first word; {files.LOG} has what Python said"
        files.write_status(folder, dataclasses.replace(status, state="failed", sentence=sentence))


def new_worker(folder: Path) -> subprocess.Popen[bytes]:
    """A worker at `folder`, in a session of its own: it outlives this process."""
    with disk.explain_failures(folder / files.LOG), (folder / files.LOG).open("ab") as out:
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
        BadValue: the folder holds a run already, or other things.
        DiskError: it cannot be written; nothing of it stays then.
    """
    made = Path(folder).expanduser().resolve() if folder is not None else new_folder(plan)
    removal.check_free(made)
    there = folder is not None and made.is_dir()
    disk.make_folder(made)
    with liveness.launching(made):
        try:
            stored = {}
            for name, held in plan.held.items():
                stored[name] = relative(held.store_with(disk.make_folder(made / name)), made)
            disk.write(made / files.PLAN, plan.but(**stored).to_json())
        except BaseException:
            removal.remove_unfinished(made, keep=there)
            raise
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
    removal.clear_abandoned(disk.make_folder(files.root()))
    for number in range(1, 10_000):
        made = files.root() / (stem if number == 1 else f"{stem}-{number}")
        with disk.explain_failures(made), contextlib.suppress(FileExistsError):
            made.mkdir()
            return made
    raise Unavailable(f"{files.root()} holds too many runs named {stem}; clear some away")


def home_of_package() -> str:
    """The folder that `workbench` is imported from."""
    return str(Path(workbench.__file__).parents[1])


def sys_path_given() -> list[str]:
    """What the person had on `PYTHONPATH`."""
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
