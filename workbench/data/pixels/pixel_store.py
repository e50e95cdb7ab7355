"""Store of decoded squares on disk: one growing memory-mapped file, and an SQLite index of its slots.

Three rules make it safe with several processes and under `kill -9`: a slot is assigned once and never
again; its bytes are on disk before the index refers to it; and index and pixel file share a token,
so that a store removed to free space is never confused with its successor.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from workbench import _paths
from workbench.data.pixels import cache_limits
from workbench.data.pixels.decoding import ResizeConfig
from workbench.data.pixels.pixel_sources import FileStamp

SLOT_BLOCK = 64  # slots reserved from the shared counter at once
MAX_PENDING = 256  # images written before a flush to the index
FLUSH_SECONDS = 2.0  # time after which they are flushed in any case

_TABLES = """
CREATE TABLE IF NOT EXISTS file (token TEXT NOT NULL, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS slots (content BLOB PRIMARY KEY, slot INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, size INTEGER, mtime INTEGER, content BLOB) WITHOUT ROWID;
"""


class StoreUnavailable(OSError):
    """Error of a store that cannot be used any more: removed by another process, or on a failing disk."""


class StoreFull(StoreUnavailable):
    """Error of a store that is full; its content can still be read."""


class PixelStore:
    """Squares of one size and crop mode.

    Args:
        resize_config: conversion of images to squares.

    Raises:
        StoreUnavailable: the workbench's home is not writable.
    """

    def __init__(self, resize_config: ResizeConfig) -> None:
        self.edge = resize_config.edge
        self.square_bytes = 3 * self.edge**2
        self._lock = threading.RLock()
        self._free_slots: list[int] = []
        self._owner_pid = os.getpid()
        self._pending: list[tuple[bytes, int, FileStamp | None, bytes]] = []
        self._last_flush = time.monotonic()
        self._memory_map: mmap.mmap | None = None
        with _raise_as_unavailable():
            self.folder = _paths.workbench_home() / "cache" / "pixels" / resize_config.cache_key
            self.folder.mkdir(parents=True, exist_ok=True)
            self._token = self._ensure_token()
            self._file = os.open(self._pixel_path(), os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
            cache_limits.mark_used(self.folder)

    def find_contents(self, stamps: Sequence[FileStamp | None]) -> list[bytes | None]:
        """Find the content hash of each file unchanged since its last reading; of a missing file, the last one."""
        contents: list[bytes | None] = [None] * len(stamps)
        with self._open_index() as index:
            for i, stamp in enumerate(stamps):
                if stamp is None:
                    continue
                row = index.execute("SELECT size, mtime, content FROM files WHERE path = ?", (stamp[0],)).fetchone()
                if row and (stamp[1] is None or tuple(row[:2]) == stamp[1:]):
                    contents[i] = row[2]
        return contents

    def find_slots(self, keys: Sequence[bytes | None]) -> np.ndarray:
        """Find the slot of each key (n,), -1 if there is none."""
        slots = np.full(len(keys), -1, np.int64)
        with self._open_index() as index:
            for i, key in enumerate(keys):
                if key is None:
                    continue
                row = index.execute("SELECT slot FROM slots WHERE content = ?", (key,)).fetchone()
                if row:
                    slots[i] = row[0]
        return slots

    def add(self, key: bytes, content: bytes, stamp: FileStamp | None, pixels: np.ndarray) -> int:
        """Write one square (3, S, S) and return its slot; other processes see it after the next flush.

        Raises:
            StoreFull: no space is left.
        """
        with self._lock, _raise_as_unavailable():
            if self._owner_pid != os.getpid():  # after a fork, reserved slots and pending squares belong to the parent
                self._owner_pid, self._free_slots, self._pending = os.getpid(), [], []
            if not self._free_slots:
                self._free_slots = self._reserve_slots()
            slot = self._free_slots.pop()
            _write_at(self._file, np.ascontiguousarray(pixels).data.cast("B"), slot * self.square_bytes)
            self._pending.append((key, slot, stamp, content))
            if len(self._pending) >= MAX_PENDING or time.monotonic() - self._last_flush > FLUSH_SECONDS:
                self.flush()
            return slot

    def record_contents(self, rows: Sequence[tuple[FileStamp, bytes]]) -> None:
        """Record the content hash of files whose pixels are stored already, such as copies and touched files."""
        with self._lock, self._open_index(write=True) as index:
            index.executemany("REPLACE INTO files VALUES (?, ?, ?, ?)", [(*stamp, c) for stamp, c in rows])

    def flush(self) -> None:
        """Write pending squares to disk, and only then to the index."""
        with self._lock, _raise_as_unavailable():
            self._last_flush = time.monotonic()
            if not self._pending:
                return
            os.fsync(self._file)
            pending, self._pending = self._pending, []
            with self._open_index(write=True) as index:
                index.executemany("INSERT OR IGNORE INTO slots VALUES (?, ?)", [p[:2] for p in pending])
                known = [(*stamp, content) for _, _, stamp, content in pending if stamp and stamp[1] is not None]
                index.executemany("REPLACE INTO files VALUES (?, ?, ?, ?)", known)

    def gather(self, slots: np.ndarray) -> np.ndarray:
        """Copy the squares in the given slots, (n, 3, S, S) uint8."""
        needed = (int(slots.max(initial=-1)) + 1) * self.square_bytes
        with self._lock:
            if self._memory_map is None or len(self._memory_map) < needed:
                length = os.fstat(self._file).st_size // self.square_bytes * self.square_bytes
                if length < needed:
                    raise StoreUnavailable(f"the pixel store {self.folder} has been truncated")
                # by descriptor, not by path: the path may belong to a newer store by now
                self._memory_map = mmap.mmap(self._file, length, access=mmap.ACCESS_READ) if length else None
            mapped = self._memory_map
        if mapped is None:
            return np.empty((0, 3, self.edge, self.edge), np.uint8)
        return np.frombuffer(mapped, np.uint8).reshape(-1, 3, self.edge, self.edge)[slots]

    def _pixel_path(self) -> Path:
        return self.folder / f"{self._token}.pixels"

    def _reserve_slots(self) -> list[int]:
        if not cache_limits.make_room(self.folder, SLOT_BLOCK * self.square_bytes):
            raise StoreFull(f"the pixel store {self.folder.parent} has reached its limit of disk space")
        cache_limits.mark_used(self.folder)
        with self._open_index(write=True) as index:
            (start,) = index.execute("SELECT next FROM file").fetchone()
            index.execute("UPDATE file SET next = ?", (start + SLOT_BLOCK,))
        return list(range(start + SLOT_BLOCK - 1, start - 1, -1))

    def _ensure_token(self) -> str:
        """Read the token of the pixel file, or create a new one if there is none or its bytes are missing."""
        with contextlib.closing(self._connect()) as index, index:
            index.execute("BEGIN IMMEDIATE")
            for statement in filter(str.strip, _TABLES.split(";")):
                index.execute(statement)
            row = index.execute("SELECT token FROM file").fetchone()
            (last,) = index.execute("SELECT MAX(slot) FROM slots").fetchone()
            if row:
                path = self.folder / f"{row[0]}.pixels"
                size = path.stat().st_size if path.exists() else 0
                if last is None or size >= (last + 1) * self.square_bytes:
                    return row[0]
            token = uuid.uuid4().hex
            for table in ("file", "slots", "files"):
                index.execute(f"DELETE FROM {table}")
            index.execute("INSERT INTO file VALUES (?, 0)", (token,))
            return token

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / "index.sqlite", timeout=60, isolation_level=None)

    @contextlib.contextmanager
    def _open_index(self, write: bool = False) -> Iterator[sqlite3.Connection]:
        """Open a separate connection each time: safe in any thread and after a fork."""
        with _raise_as_unavailable():
            if not (self.folder / "index.sqlite").exists():
                raise StoreUnavailable(f"the pixel store {self.folder} has been removed")
            with contextlib.closing(self._connect()) as index, index:
                index.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                row = index.execute("SELECT token FROM file").fetchone()
                if row is None or row[0] != self._token:
                    raise StoreUnavailable(f"the pixel store {self.folder} has been replaced")
                yield index

    def __del__(self) -> None:
        if not hasattr(self, "_file"):
            return
        with contextlib.suppress(Exception):
            self.flush()
        with contextlib.suppress(Exception):
            os.close(self._file)


def _write_at(file: int, data: memoryview, offset: int) -> None:
    while data:
        if hasattr(os, "pwrite"):
            count = os.pwrite(file, data, offset)
        else:  # Windows; safe since every writer of this file descriptor holds the lock
            os.lseek(file, offset, os.SEEK_SET)
            count = os.write(file, data)
        data, offset = data[count:], offset + count


@contextlib.contextmanager
def _raise_as_unavailable() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable:
        raise
    except (OSError, sqlite3.Error) as error:
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        raise (StoreFull if full else StoreUnavailable)(str(error)) from error
