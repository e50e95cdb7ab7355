"""Entry point of all launchers: `python -m workbench.runs.processes.worker FOLDER` trains the plan in FOLDER."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from workbench.errors import WorkbenchError, escape_control_characters
from workbench.runs.folder import run_files as files
from workbench.runs.processes.liveness import lock_folder


def main(arguments: list[str] | None = None) -> int:
    """Train the run in the given folder; return 0 if done or stopped, 1 if failed, 2 if it could not begin."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1 or given[0].startswith("-"):
        sys.stderr.write("usage: python -m workbench.runs.processes.worker FOLDER\n")
        return 2
    folder = Path(given[0]).resolve()
    if not (folder / files.PLAN).exists():
        sys.stderr.write(f"{folder} is not a run folder: it contains no {files.PLAN}\n")
        return 2
    if sys.stderr.isatty():  # in the background, stderr is already the run's log
        logging.basicConfig(level=logging.INFO, format="%(message)s")
    first = os.environ.get("RANK", "0") == "0"
    try:
        # locked before any slow import: the launcher waits for the lock, and no second worker can begin
        with lock_folder(folder) if first else contextlib.nullcontext():
            if first:
                files.write_status(folder, files.initial_status(folder))
            return run_worker(folder)
    except WorkbenchError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def run_worker(folder: Path) -> int:
    """Train a run whose folder is locked, alone or with the other processes that a launcher has started."""
    stop = threading.Event()
    alone = "RANK" not in os.environ
    if alone:
        stop_on_sigterm(stop)
    from workbench.loop import distributed
    from workbench.runs.processes.runner import Runner

    together = distributed.join_processes()
    if not alone:  # before all processes have joined, SIGTERM ends a waiting process at once
        stop_on_sigterm(stop)
    status = Runner(folder, waits_for_device=not together, has_lock=True, stop_event=stop).run()
    if status.state == "failed":
        sys.stderr.write(f"{escape_control_characters(status.message)}\n")
    return 1 if status.state == "failed" else 0


def stop_on_sigterm(stop_event: threading.Event) -> None:
    """Treat SIGTERM, with which a scheduler reclaims its machine, as a request to stop with the state saved."""
    signal.signal(signal.SIGTERM, lambda *_: stop_event.set())


if __name__ == "__main__":
    sys.exit(main())
