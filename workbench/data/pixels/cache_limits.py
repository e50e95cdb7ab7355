"""Disk limits of caches: maximum size, and removal of the least recently used stores."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from pathlib import Path

from workbench.errors import BadValue

DISK_FRACTION = 0.2


def max_cache_bytes(folder: Path, variable: str = "WORKBENCH_PIXELS_GB") -> int:
    """Return the maximum bytes of everything below `folder`: gigabytes in `$variable`, else a fifth of the free disk.

    Raises:
        BadValue: the variable is not a number.
    """
    gigabytes = os.environ.get(variable)
    if gigabytes:
        try:
            return int(float(gigabytes) * 1e9)
        except ValueError:
            raise BadValue(f"expected a number of gigabytes in {variable}, got {gigabytes!r}") from None
    return int(DISK_FRACTION * (shutil.disk_usage(folder).free + sum(cache_sizes(folder).values())))


def cache_sizes(folder: Path) -> dict[Path, int]:
    """Measure the bytes on disk of each store below `folder`."""
    sizes: dict[Path, int] = {}
    for store in folder.iterdir():
        if store.is_dir():
            sizes[store] = sum(_disk_usage(file) for file in store.iterdir())
    return sizes


def make_room(keep: Path, n_bytes: int, variable: str = "WORKBENCH_PIXELS_GB") -> bool:
    """Remove the least recently used stores until `n_bytes` more fit; True if they do.

    Args:
        keep: store that needs the space; it is never removed.
        n_bytes: bytes needed.
        variable: environment variable in which the user may set the limit.
    """
    folder = keep.parent
    for remainder in folder.glob(".gone-*"):  # left by a process that was killed while it removed a store
        shutil.rmtree(remainder, ignore_errors=True)
    sizes = cache_sizes(folder)
    allowed = max_cache_bytes(folder, variable) - n_bytes
    for store in sorted((s for s in sizes if s != keep), key=last_used_time):
        if sum(sizes.values()) <= allowed:
            break
        if _remove_store(store):
            del sizes[store]
    return sum(sizes.values()) <= allowed


def mark_used(store: Path) -> None:
    """Record that a store is in use now."""
    with contextlib.suppress(OSError):
        (store / "used").touch()


def last_used_time(store: Path) -> float:
    """Return the time of a store's last recorded use, in seconds since 1970; the current time if unknown."""
    with contextlib.suppress(OSError):
        return (store / "used").stat().st_mtime
    return time.time()


def _remove_store(store: Path) -> bool:
    # renamed first, so that no other process opens a half-removed store
    away = store.with_name(f".gone-{uuid.uuid4().hex}")
    try:
        store.rename(away)
    except OSError:
        return False
    shutil.rmtree(away, ignore_errors=True)
    return True


def _disk_usage(file: Path) -> int:
    try:
        status = file.stat()
    except OSError:
        return 0
    # the pixel file is sparse: holes take no space
    return getattr(status, "st_blocks", -(-status.st_size // 512)) * 512
