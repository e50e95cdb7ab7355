"""Whether a worker is at a run: it lives while it holds the lock of the run's folder, whatever a clock says."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from workbench import disk
from workbench.errors import Unavailable

LOCK, LAUNCH = ".lock", ".launch"
PATIENCE = 1.0  # seconds for a lock that somebody else holds for a moment
SILENT = 120.0  # seconds of this process without a word after which a worker whose lock cannot be seen counts as gone

_heard: dict[Path, tuple[object, float]] = {}


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the folder of a run, as its worker does from its first moment to its last.

    Raises:
        Unavailable: another worker has it.
        DiskError: the folder cannot be written.
    """
    with _taken(folder / LOCK, f"another worker is at {folder.name} already; two cannot share a folder"):
        yield


@contextlib.contextmanager
def launching(folder: Path) -> Iterator[None]:
    """Vouch for a worker that is on its way to the folder and does not hold it yet.

    Raises:
        Unavailable: somebody else launches one just now.
        DiskError: the folder cannot be written.
    """
    with _taken(folder / LAUNCH, f"{folder.name} is being launched already; two workers cannot share a folder"):
        yield


def is_held(folder: Path) -> bool:
    """Return whether a worker holds the folder."""
    return disk.is_locked(folder / LOCK)


def is_alive(folder: Path, host: str, word: object) -> bool:
    """Return whether a worker is at the folder, or on its way.

    A lock may not be seen from another machine: there a worker counts as gone once nothing of it has changed for two
    minutes, by the watch of the process that looks.

    Args:
        host: where the worker said that it runs.
        word: what was last heard of it; anything that can be compared.
    """
    if is_held(folder) or disk.is_locked(folder / LAUNCH):
        return True
    if host in ("", socket.gethostname()) or disk.is_local(folder):
        return False
    before, since = _heard.get(folder, (None, 0.0))
    if before != word:
        since = time.monotonic()
        _heard[folder] = (word, since)
    return time.monotonic() - since < SILENT


@contextlib.contextmanager
def _taken(path: Path, refusal: str) -> Iterator[None]:
    from filelock import Timeout

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(disk.lock(path, PATIENCE))
        except Timeout:
            raise Unavailable(refusal) from None
        yield
