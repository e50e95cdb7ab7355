"""Runs, each of them a folder: `plan.json` goes in; points, state, weights, log and environment come out.

Any process that can execute `python -m workbench.runs.processes.worker FOLDER` can train a run. `wb.search_runs()`
returns all of them as a frame.
"""

from workbench._lazy_names import attach_names

__getattr__, __dir__, __all__ = attach_names(__name__, __file__, "name of a run")
