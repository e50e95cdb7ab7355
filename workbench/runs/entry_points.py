"""Train a plan: in this process with a progress bar, or in a worker process that outlives the notebook."""

from __future__ import annotations

import os
import sys
from typing import Any

from tqdm import tqdm

from workbench.argument_checks import check_arguments
from workbench.errors import RunFailed
from workbench.plan import Plan
from workbench.runs.build import check_plan
from workbench.runs.folder.run_files import Status
from workbench.runs.processes.launching import create_run_folder, start_worker, stop_cleanly_on_interrupt
from workbench.runs.processes.runner import Runner
from workbench.runs.run import Run

__all__ = ["fit", "launch"]


@check_arguments
def fit(plan: Plan, folder: str | os.PathLike[str] | None = None, progress: bool = True) -> Run:
    """Train in this process and return the finished run; an interrupt saves the state.

    Args:
        folder: folder of the run; a new one in the workbench's home if None.
        progress: whether to show a progress bar with the time left.

    Raises:
        RunFailed: the run failed; its last good state is kept.
        KeyboardInterrupt: the run was interrupted; its state is saved, and `resume()` continues it.
        WorkbenchError: the plan's parts do not fit together.
    """
    path = create_run_folder(check_plan(plan), folder)
    # on standard output: a notebook shows standard error as if it were an error
    with tqdm(total=1, disable=not progress, unit="step", leave=False, file=sys.stdout) as bar:

        def show_progress(point: Any, status: Status) -> None:
            bar.total, bar.n = status.steps, point.step
            if "accuracy" in point.values:
                bar.set_postfix_str(f"{point.split} accuracy {point.values['accuracy']:.1%}", refresh=False)
            bar.refresh()

        with stop_cleanly_on_interrupt(path):
            status = Runner(path, callback=show_progress).run()
    if status.state == "stopped":
        raise KeyboardInterrupt(f"{path.name} was stopped and saved; wb.load_run({path.name!r}).resume() continues")
    if status.state == "failed":
        raise RunFailed(f"{path.name} failed: {status.message}")
    return Run(path)


@check_arguments
def launch(plan: Plan, folder: str | os.PathLike[str] | None = None) -> Run:
    """Train in the background and return at once.

    The worker outlives this kernel; `wb.search_runs()` finds the run again.

    Args:
        folder: folder of the run; a new one in the workbench's home if None.

    Raises:
        WorkbenchError: the images cannot be opened, or lack a stream that the strategy reads.
    """
    path = create_run_folder(check_plan(plan), folder)
    start_worker(path)
    return Run(path)
