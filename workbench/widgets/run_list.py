"""List of all runs with their states, newest first; a click selects one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import traitlets

from workbench.runs.folder import run_files as files
from workbench.widgets.base import Panel, bundle_script
from workbench.widgets.components.polling import start_polling, stop_polling

MAX_RUNS = 50
"""Most runs listed, the newest."""
REFRESH_EVERY = 8
"""Polls between two updates of the list: every two seconds."""


class RunList(Panel):
    """Runs of this workbench, kept up to date.

    Attributes:
        rows: name, state, summary of the plan and best validation accuracy of each run, newest first.
        chosen: name of the clicked run.
    """

    _esm = bundle_script("run_list.mjs")
    rows = traitlets.List().tag(sync=True)
    chosen = traitlets.Unicode("").tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self._n_polls, self._known_rows = 0, {}
        self.refresh()
        start_polling(self, self.poll)

    def poll(self) -> bool:
        """Update the list at every eighth poll; always True, to be called again."""
        self._n_polls += 1
        if self._n_polls % REFRESH_EVERY == 0:
            self.refresh()
        return True

    def refresh(self) -> None:
        """Read the runs that changed since the last call."""
        # a new dictionary, since a click and the polling thread may both read
        paths = sorted(files.iter_run_folders(), key=lambda path: _modification_time(path / files.PLAN), reverse=True)[
            :MAX_RUNS
        ]
        self._known_rows = {path: self._read_row(path) for path in paths}
        self.rows = [row for _, row in self._known_rows.values()]

    def close(self) -> None:
        """Stop polling and close the view."""
        stop_polling(self)
        super().close()

    def _read_row(self, path: Path) -> tuple[tuple[int, ...], dict[str, Any]]:
        stamp = tuple(_modification_time(path / name) for name in (files.STATUS, files.POINTS, files.STOP))
        known = self._known_rows.get(path)
        # an active run is always read: no file changes when its worker dies
        if known and known[0] == stamp and known[1]["state"] not in files.ACTIVE_STATES:
            return known
        row = files.describe_run(path)
        best = row.get("accuracy")
        summary = " · ".join(str(row[key]) for key in ("backbone", "tuning", "strategy", "data") if key in row)
        best = None if best is None or best != best else float(best)
        about = {"name": row["name"], "state": row["state"], "what": summary, "best": best, "sentence": row["message"]}
        return stamp, about


def _modification_time(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
