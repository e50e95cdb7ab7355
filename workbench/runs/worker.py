"""`python -m workbench.runs.worker FOLDER`: carries out the plan in FOLDER; the one way in for every launcher."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from workbench.errors import WorkbenchError, printable
from workbench.runs import folder as files
from workbench.runs.liveness import hold


def main(arguments: list[str] | None = None) -> int:
    """Trains the run in the folder given; 0 when done or stopped, 1 when it failed, 2 when it could not begin."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1 or given[0].startswith("-"):
        sys.stderr.write("usage: python -m workbench.runs.worker FOLDER\n")
        return 2
    folder = Path(given[0]).resolve()
    if not (folder / files.PLAN).exists():
        sys.stderr.write(f"{folder} is no run: it holds no {files.PLAN}\n")
        return 2
    if sys.stderr.isatty():  # in the background stderr is the run's log already
        logging.basicConfig(level=logging.INFO, format="%(message)s")
    first = os.environ.get("RANK", "0") == "0"
    try:
        # held before anything that takes time: whoever launched waits for it, and no second worker begins meanwhile
        with hold(folder) if first else contextlib.nullcontext():
            if first:
                files.write_status(folder, files.begun(folder))
            return work(folder)
    except WorkbenchError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def work(folder: Path) -> int:
    """Carries out a run whose folder is held, alone or with the processes that a launcher started beside this one."""
    stop = threading.Event()
    alone = "RANK" not in os.environ
    if alone:
        listen(stop)
    from workbench.loop import distributed
    from workbench.runs.carrying import Carrier

    together = distributed.join()
    if not alone:  # until they have met, a process that waits for one that failed is ended at once
        listen(stop)
    status = Carrier(folder, queued=not together, held=True, stop=stop).carry_out()
    if status.state == "failed":
        sys.stderr.write(f"{printable(status.sentence)}\n")
    return 1 if status.state == "failed" else 0


def listen(stop: threading.Event) -> None:
    """Takes SIGTERM, by which a scheduler wants its machine back, as the wish for a clean stop, state saved."""
    signal.signal(signal.SIGTERM, lambda *_: stop.set())


if __name__ == "__main__":
    sys.exit(main())
