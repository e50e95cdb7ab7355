# Written by tools/write_stubs.py; change the `__all__` of a module, not this file.
from ._embedding_history import embedding_history as embedding_history
from .entry_points import fit as fit
from .entry_points import launch as launch
from .folder.run_files import list_runs as list_runs
from .folder.run_files import search_runs as search_runs
from .lr_finder import LRFinding as LRFinding
from .lr_finder import find_lr as find_lr
from .run import Run as Run
from .run import load_run as load_run
