"""How much disk the decoded pixels may take, and which of them go first."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from pathlib import Path

from workbench.errors import BadValue

SHARE = 0.2


def limit(folder: Path, variable: str = "WORKBENCH_PIXELS_GB") -> int:
    """Bytes that everything below `folder` may take: gigabytes in `$variable`, else a fifth of what is free.

    Raises:
        BadValue: the variable is not a number.
    """
    given = os.environ.get(variable)
    if given:
        try:
            return int(float(given) * 1e9)
        except ValueError:
            raise BadValue(f"{variable} wants a number of gigabytes; it is {given!r}") from None
    return int(SHARE * (shutil.disk_usage(folder).free + sum(used(folder).values())))


def used(folder: Path) -> dict[Path, int]:
    """Bytes on disk of each store below `folder`."""
    sizes: dict[Path, int] = {}
    for store in folder.iterdir():
        if store.is_dir():
            sizes[store] = sum(_on_disk(file) for file in store.iterdir())
    return sizes


def make_room(keep: Path, wanted: int, variable: str = "WORKBENCH_PIXELS_GB") -> bool:
    """Whether `wanted` more bytes fit, after removing the stores that were used longest ago.

    Args:
        keep: the store that asks; it is never removed.
        wanted: bytes.
        variable: of the environment, in which a person may set the limit.
    """
    folder = keep.parent
    for left in folder.glob(".gone-*"):  # by one that was killed while it removed a store
        shutil.rmtree(left, ignore_errors=True)
    sizes = used(folder)
    allowed = limit(folder, variable) - wanted
    for store in sorted((s for s in sizes if s != keep), key=last_use):
        if sum(sizes.values()) <= allowed:
            break
        if _remove(store):
            del sizes[store]
    return sum(sizes.values()) <= allowed


def touch(store: Path) -> None:
    """Notes that a store is in use now."""
    with contextlib.suppress(OSError):
        (store / "used").touch()


def last_use(store: Path) -> float:
    """When a store was last noted to be in use, in seconds since 1970; now where that cannot be told."""
    with contextlib.suppress(OSError):
        return (store / "used").stat().st_mtime
    return time.time()


def _remove(store: Path) -> bool:
    # renamed first: nobody meets a store of which half is gone
    away = store.with_name(f".gone-{uuid.uuid4().hex}")
    try:
        store.rename(away)
    except OSError:
        return False
    shutil.rmtree(away, ignore_errors=True)
    return True


def _on_disk(file: Path) -> int:
    try:
        status = file.stat()
    except OSError:
        return 0
    # the pixel file has holes, which take no room
    return getattr(status, "st_blocks", -(-status.st_size // 512)) * 512
