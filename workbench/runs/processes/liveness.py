"""Liveness of workers: a worker is alive while it holds the lock of the run's folder; no clock is compared."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from workbench import _paths
from workbench.errors import Unavailable

LOCK, LAUNCH = ".lock", ".launch"
LOCK_TIMEOUT = 1.0  # seconds to wait for a lock that is held for a moment
SILENCE_TIMEOUT = 120.0  # seconds without a new status after which a worker with an invisible lock counts as gone

_last_seen: dict[Path, tuple[object, float]] = {}


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder, as its worker does from start to end.

    Raises:
        Unavailable: another worker holds it.
        DiskError: the folder cannot be written.
    """
    with _acquire_lock(
        folder / LOCK, f"another worker is training {folder.name} already; two workers cannot share a folder"
    ):
        yield


@contextlib.contextmanager
def lock_for_launch(folder: Path) -> Iterator[None]:
    """Hold the launch lock of a folder while its worker starts and does not yet hold the folder's lock.

    Raises:
        Unavailable: another process is launching the run.
        DiskError: the folder cannot be written.
    """
    with _acquire_lock(folder / LAUNCH, f"{folder.name} is being launched already; two workers cannot share a folder"):
        yield


def is_folder_locked(folder: Path) -> bool:
    """True if a worker holds the lock of the folder."""
    return _paths.is_locked(folder / LOCK)


def is_worker_alive(folder: Path, host: str, last_status: object) -> bool:
    """True if a worker trains the run or is being launched.

    A lock may be invisible from another machine: there a worker counts as gone once its status has not changed for two
    minutes, measured by the clock of the calling process.

    Args:
        host: machine on which the worker runs.
        last_status: latest status of the worker; any object that can be compared.
    """
    if is_folder_locked(folder) or _paths.is_locked(folder / LAUNCH):
        return True
    if host in ("", socket.gethostname()) or _paths.is_on_local_disk(folder):
        return False
    before, since = _last_seen.get(folder, (None, 0.0))
    if before != last_status:
        since = time.monotonic()
        _last_seen[folder] = (last_status, since)
    return time.monotonic() - since < SILENCE_TIMEOUT


@contextlib.contextmanager
def _acquire_lock(path: Path, refusal: str) -> Iterator[None]:
    from filelock import Timeout

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_paths.hold_lock(path, LOCK_TIMEOUT))
        except Timeout:
            raise Unavailable(refusal) from None
        yield
