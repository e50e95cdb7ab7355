"""What a run writes into its folder: nothing else is ever removed, and nothing is written among a person's files."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench import disk
from workbench.errors import BadData, BadValue
from workbench.runs import folder as files
from workbench.runs.folder_contents import read_plan

log = logging.getLogger("workbench")

# images and nets in memory, which are stored before the plan that names them
STORED = (
    "data/images/pixels.raw",
    "data/images/shapes.npy",
    "data/images/images.json",
    "backbone/backbone.safetensors",
)
LOCKS = (files.LAUNCH, files.LOCK)
RESULTS = (
    *(files.STATE, files.WEIGHTS, files.UNPROVEN, files.STRATEGY, files.PROOF, files.POINTS),
    "snapshots/epoch-*.safetensors",
)
OTHERS = (
    *(files.STATUS, files.GRID, files.ENVIRONMENT, files.LOG, files.STOP, files.RESERVE),
    "tensorboard/*/events.out.tfevents.*",
    "*judged.npz",  # what a diagnosis's experiment has answered
)
FOLDERS = ("tensorboard/*", "tensorboard", "snapshots", "data/images", "data", "backbone")


def is_run(folder: Path) -> bool:
    """Return whether a folder holds a run: a plan or a status that can be read as one."""
    with contextlib.suppress(BadData):
        read_plan(folder)
        return True
    return (folder / files.STATUS).exists() and files.read_status(folder).state != "damaged"


def remove(folder: Path) -> list[Path]:
    """Remove what a run wrote, then its folder if nothing else is in it; return what stays.

    Raises:
        DiskError: something of it cannot be removed.
    """
    _remove(folder, (*RESULTS, *STORED, *OTHERS, files.PLAN, *LOCKS))
    left = sorted(folder.iterdir()) if folder.is_dir() else []
    if left:
        names = ", ".join(path.name for path in left[:5])
        log.warning("%s stays, with what the run did not write: %s", folder, names)
    return left


def remove_results(folder: Path) -> None:
    """Remove what a run has come to, so that it can be begun anew; the state goes first."""
    _remove(folder, RESULTS, keep=True)


def remove_unfinished(folder: Path, keep: bool) -> None:
    """Remove what was stored for a run that was not made in the end.

    Args:
        keep: whether the folder itself stays, as one that was there before.
    """
    _remove(folder, (*STORED, *LOCKS), keep)


def clear_leftovers(folder: Path) -> None:
    """Remove the half-written files of workers that were killed."""
    for place in (folder, *_places(folder)):
        disk.clear_partials(place)


def clear_abandoned(root: Path) -> None:
    """Remove run folders whose maker was killed before it could write the plan."""
    for lock in root.glob(f"*/{files.LAUNCH}"):
        folder = lock.parent
        if not (folder / files.PLAN).exists() and not disk.is_locked(lock) and not strangers(folder):
            with contextlib.suppress(OSError):
                remove_unfinished(folder, keep=False)


def check_free(folder: Path) -> None:
    """Refuse a folder in which a new run would stand among other things.

    What the making of a run has left that was killed does not count.

    Raises:
        BadValue: the folder holds a run, or anything else, or is a file.
    """
    if (folder / files.PLAN).exists():
        raise BadValue(
            f"{folder} holds a run already: resume it with wb.run({str(folder)!r}).resume(), or name another"
        )
    if folder.exists() and not folder.is_dir():
        raise BadValue(f"{folder} is a file; name a new or empty folder for the run")
    if found := strangers(folder):
        raise BadValue(
            f"{folder} holds other things ({', '.join(found[:3])}{' …' if len(found) > 3 else ''}); "
            "a run wants a folder of its own: name a new or empty one"
        )


def strangers(folder: Path) -> list[str]:
    """Return what lies in a folder besides that which is stored before a plan is, relative to it."""
    if not folder.is_dir():
        return []
    ours = set(_written(folder, (*STORED, *LOCKS, f".{files.PLAN}.*.partial"))) | set(_places(folder))
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path not in ours)


def _remove(folder: Path, patterns: Iterable[str], keep: bool = False) -> None:
    clear_leftovers(folder)
    for path in _written(folder, patterns):
        with disk.explain_failures(path, "removed"):
            path.unlink(missing_ok=True)
    for place in (*_places(folder), *(() if keep else (folder,))):
        with contextlib.suppress(OSError):  # it holds something else
            place.rmdir()


def _written(folder: Path, patterns: Iterable[str]) -> Iterator[Path]:
    """Yield the files that match; never one that a link to elsewhere leads to."""
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if not any(place.is_symlink() for place in _between(folder, path)) and (
                path.is_file() or path.is_symlink()
            ):
                yield path


def _places(folder: Path) -> list[Path]:
    """Return the folders inside a run's folder, inner ones first."""
    found = [path for pattern in FOLDERS for path in sorted(folder.glob(pattern)) if path.is_dir()]
    return [path for path in found if not any(place.is_symlink() for place in (path, *_between(folder, path)))]


def _between(folder: Path, path: Path) -> list[Path]:
    """Return the folders from `folder` down to `path`, both left out."""
    return [place for place in path.parents if place != folder and folder in place.parents]
