"""Removal of runs: only files that a run writes are removed, and no run is created among other files."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench import _paths
from workbench.errors import BadData, BadValue
from workbench.formatting import summarize_names
from workbench.runs.folder import run_files as files
from workbench.runs.folder.file_readers import read_plan_summary

log = logging.getLogger("workbench")

# images and nets in memory, which are stored before the plan that names them
STORED_INPUTS = (
    "data/images/pixels.raw",
    "data/images/shapes.npy",
    "data/images/images.json",
    "backbone/backbone.safetensors",
)
LOCKS = (files.LAUNCH, files.LOCK)
RESULTS = (
    *(files.STATE, files.WEIGHTS, files.UNVERIFIED_WEIGHTS, files.STRATEGY, files.FROZEN_CHECK, files.POINTS),
    "snapshots/epoch-*.safetensors",
)
OTHER_FILES = (
    *(files.STATUS, files.GRID, files.ENVIRONMENT, files.LOG, files.STOP, files.RESERVE),
    "tensorboard/*/events.out.tfevents.*",
    "*judged.npz",  # outputs of a diagnosis's experiment
)
SUBFOLDERS = ("tensorboard/*", "tensorboard", "snapshots", "data/images", "data", "backbone")


def is_run_folder(folder: Path) -> bool:
    """True if a folder holds a run: a readable plan or status."""
    with contextlib.suppress(BadData):
        read_plan_summary(folder)
        return True
    return (folder / files.STATUS).exists() and files.read_status(folder).state != "damaged"


def remove_run(folder: Path) -> list[Path]:
    """Remove the files of a run, then its folder if it is empty; return the files that remain.

    Raises:
        DiskError: a file cannot be removed.
    """
    _remove_matching(folder, (*RESULTS, *STORED_INPUTS, *OTHER_FILES, files.PLAN, *LOCKS))
    left = sorted(folder.iterdir()) if folder.is_dir() else []
    if left:
        names = summarize_names((path.name for path in left), 5)
        log.warning("%s is kept, because it contains files that the run did not write: %s", folder, names)
    return left


def remove_results(folder: Path) -> None:
    """Remove the results of a run, so that it can be restarted; the state goes first."""
    _remove_matching(folder, RESULTS, keep_folder=True)


def remove_unfinished_run(folder: Path, keep_folder: bool) -> None:
    """Remove the stored inputs of a run whose creation failed.

    Args:
        keep_folder: whether the folder itself stays, because it existed before.
    """
    _remove_matching(folder, (*STORED_INPUTS, *LOCKS), keep_folder)


def remove_leftovers(folder: Path) -> None:
    """Remove the half-written files of killed workers."""
    for path in (folder, *_list_subfolders(folder)):
        _paths.remove_partial_files(path)


def remove_abandoned_runs(root: Path) -> None:
    """Remove run folders whose creator was killed before it wrote the plan."""
    for lock in root.glob(f"*/{files.LAUNCH}"):
        folder = lock.parent
        if not (folder / files.PLAN).exists() and not _paths.is_locked(lock) and not find_foreign_files(folder):
            with contextlib.suppress(OSError):
                remove_unfinished_run(folder, keep_folder=False)


def check_folder_is_free(folder: Path) -> None:
    """Refuse a folder that is not free for a new run.

    Files left by a run whose creation was killed do not count.

    Raises:
        BadValue: the folder holds a run or other files, or is a file.
    """
    if (folder / files.PLAN).exists():
        raise BadValue(
            f"{folder} holds a run already: resume it with wb.load_run({str(folder)!r}).resume(), or name another"
        )
    if folder.exists() and not folder.is_dir():
        raise BadValue(f"{folder} is a file; name a new or empty folder for the run")
    if foreign := find_foreign_files(folder):
        raise BadValue(
            f"{folder} contains other files ({summarize_names(foreign, 3)}); "
            "a run needs a folder of its own: name a new or empty one"
        )


def find_foreign_files(folder: Path) -> list[str]:
    """Return the paths in a folder, relative to it, that the creation of a run does not write."""
    if not folder.is_dir():
        return []
    own = set(_iter_run_files(folder, (*STORED_INPUTS, *LOCKS, f".{files.PLAN}.*.partial"))) | set(
        _list_subfolders(folder)
    )
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path not in own)


def _remove_matching(folder: Path, patterns: Iterable[str], keep_folder: bool = False) -> None:
    remove_leftovers(folder)
    for path in _iter_run_files(folder, patterns):
        with _paths.raise_disk_errors(path, "removed"):
            path.unlink(missing_ok=True)
    for subfolder in (*_list_subfolders(folder), *(() if keep_folder else (folder,))):
        with contextlib.suppress(OSError):  # it holds other files
            subfolder.rmdir()


def _iter_run_files(folder: Path, patterns: Iterable[str]) -> Iterator[Path]:
    """Iterate over the files that match; never one reached through a symbolic link to elsewhere."""
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if not any(parent.is_symlink() for parent in _folders_between(folder, path)) and (
                path.is_file() or path.is_symlink()
            ):
                yield path


def _list_subfolders(folder: Path) -> list[Path]:
    """List the folders inside a run's folder, inner ones first."""
    paths = [path for pattern in SUBFOLDERS for path in sorted(folder.glob(pattern)) if path.is_dir()]
    return [
        path for path in paths if not any(parent.is_symlink() for parent in (path, *_folders_between(folder, path)))
    ]


def _folders_between(folder: Path, path: Path) -> list[Path]:
    """Return the folders from `folder` down to `path`, both excluded."""
    return [parent for parent in path.parents if parent != folder and folder in parent.parents]
