"""Runs: a run is a folder. `plan.json` goes in; points, state, weights, log and environment come out.

Whatever can execute `python -m workbench.runs.worker FOLDER` can train it. `wb.runs()` lists them as a frame.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from workbench.face import answer
from workbench.runs.folder import table

if TYPE_CHECKING:
    from workbench.runs.evolving import evolution
    from workbench.runs.launching import fit, launch
    from workbench.runs.lr_finder import LRFinding, find_lr
    from workbench.runs.record import Run, run

__all__ = ["LRFinding", "Run", "evolution", "find_lr", "fit", "launch", "run", "table"]

# listing runs reads JSON only; what trains or loads is imported when it is asked for
_LATER = {
    "Run": "record",
    "run": "record",
    "evolution": "evolving",
    "fit": "launching",
    "launch": "launching",
    "find_lr": "lr_finder",
    "LRFinding": "lr_finder",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)


answer(__name__, table)
