"""All runs with their states, the newest first; a click shows one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import traitlets

from workbench.runs import folder as files
from workbench.widgets.base import Panel, script
from workbench.widgets.follow import follow, unfollow

SHOWN = 50
"""Runs listed: the newest."""
EVERY = 8
"""Looks of the following thread between two readings of the list: every two seconds."""


class RunList(Panel):
    """The runs of this workbench, kept up to date.

    Attributes:
        rows: name, state, what was planned and best validation accuracy of each, the newest first.
        chosen: name of the run that was clicked.
    """

    _esm = script("run_list.mjs")
    rows = traitlets.List().tag(sync=True)
    chosen = traitlets.Unicode("").tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self._looks, self._read = 0, {}
        self.refresh()
        follow(self, self.look)

    def look(self) -> bool:
        """Reads the list anew, now and then; always wants to be called again."""
        self._looks += 1
        if self._looks % EVERY == 0:
            self.refresh()
        return True

    def refresh(self) -> None:
        """Reads what has changed since the last time."""
        # a copy, since a click and the following thread may both read
        paths = sorted(files.folders(), key=lambda path: _stamp(path / files.PLAN), reverse=True)[:SHOWN]
        self._read = {path: self._row(path) for path in paths}
        self.rows = [row for _, row in self._read.values()]

    def close(self) -> None:
        """Ends the following with the view."""
        unfollow(self)
        super().close()

    def _row(self, path: Path) -> tuple[tuple[int, ...], dict[str, Any]]:
        stamp = tuple(_stamp(path / name) for name in (files.STATUS, files.POINTS, files.STOP))
        known = self._read.get(path)
        # an active run is read always: that its worker is gone shows in no file
        if known and known[0] == stamp and known[1]["state"] not in files.ACTIVE:
            return known
        row = files.row(path)
        best = row.get("accuracy")
        what = " · ".join(str(row[key]) for key in ("backbone", "tuning", "strategy", "data") if key in row)
        best = None if best is None or best != best else float(best)
        about = {"name": row["name"], "state": row["state"], "what": what, "best": best, "sentence": row["sentence"]}
        return stamp, about


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
