"""Decoded squares on disk: one growing memory-mapped file, and an index of what lies where.

Three rules make it safe beside other processes and under `kill -9`: a slot is handed out once and never
again; its bytes are on disk before the index names it; and index and pixel file know each other by a token,
so that a store removed to make room is never mixed up with its successor.
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

from workbench import disk
from workbench.images import budget
from workbench.images.decoding import Framing
from workbench.images.origins import Stamp

BLOCK = 64  # slots taken from the common counter at once
PENDING = 256  # images written before they are flushed and named
SECONDS = 2.0  # or the time after which they are

_TABLES = """
CREATE TABLE IF NOT EXISTS file (token TEXT NOT NULL, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS slots (content BLOB PRIMARY KEY, slot INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, size INTEGER, mtime INTEGER, content BLOB) WITHOUT ROWID;
"""


class StoreLost(OSError):
    """The store cannot be used any more: removed by another process, or on a disk that fails."""


class StoreFull(StoreLost):
    """The store takes no more; what it holds can be read."""


class PixelStore:
    """The squares of one framing.

    Args:
        framing: how pictures become squares.

    Raises:
        StoreLost: the home cannot be written.
    """

    def __init__(self, framing: Framing) -> None:
        self.edge = framing.edge
        self.bytes = 3 * self.edge**2
        self._lock = threading.RLock()
        self._free: list[int] = []
        self._owner = os.getpid()
        self._pending: list[tuple[bytes, int, Stamp | None, bytes]] = []
        self._flushed = time.monotonic()
        self._map: mmap.mmap | None = None
        with _as_lost():
            self.folder = disk.home() / "cache" / "pixels" / framing.name
            self.folder.mkdir(parents=True, exist_ok=True)
            self._token = self._agree()
            self._file = os.open(self._path(), os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
            budget.touch(self.folder)

    def contents(self, stamps: Sequence[Stamp | None]) -> list[bytes | None]:
        """The content of each file that has not changed since it was last read; of a file that is gone, its last."""
        found: list[bytes | None] = [None] * len(stamps)
        with self._index() as index:
            for i, stamp in enumerate(stamps):
                if stamp is None:
                    continue
                row = index.execute("SELECT size, mtime, content FROM files WHERE path = ?", (stamp[0],)).fetchone()
                if row and (stamp[1] is None or tuple(row[:2]) == stamp[1:]):
                    found[i] = row[2]
        return found

    def slots(self, keys: Sequence[bytes | None]) -> np.ndarray:
        """(n,) the slot of each key, -1 where there is none."""
        found = np.full(len(keys), -1, np.int64)
        with self._index() as index:
            for i, key in enumerate(keys):
                if key is None:
                    continue
                row = index.execute("SELECT slot FROM slots WHERE content = ?", (key,)).fetchone()
                if row:
                    found[i] = row[0]
        return found

    def add(self, key: bytes, content: bytes, stamp: Stamp | None, pixels: np.ndarray) -> int:
        """Writes one square (3, S, S) and returns its slot; other processes see it after the next flush.

        Raises:
            StoreFull: no room is left.
        """
        with self._lock, _as_lost():
            if self._owner != os.getpid():  # after a fork, slots and names in hand belong to the parent
                self._owner, self._free, self._pending = os.getpid(), [], []
            if not self._free:
                self._free = self._take()
            slot = self._free.pop()
            _write(self._file, np.ascontiguousarray(pixels).data.cast("B"), slot * self.bytes)
            self._pending.append((key, slot, stamp, content))
            if len(self._pending) >= PENDING or time.monotonic() - self._flushed > SECONDS:
                self.flush()
            return slot

    def remember(self, rows: Sequence[tuple[Stamp, bytes]]) -> None:
        """Notes the content of files whose pixels are stored already, such as copies and touched files."""
        with self._lock, self._index(write=True) as index:
            index.executemany("REPLACE INTO files VALUES (?, ?, ?, ?)", [(*stamp, c) for stamp, c in rows])

    def flush(self) -> None:
        """Puts what was written on disk, and only then into the index."""
        with self._lock, _as_lost():
            self._flushed = time.monotonic()
            if not self._pending:
                return
            os.fsync(self._file)
            pending, self._pending = self._pending, []
            with self._index(write=True) as index:
                index.executemany("INSERT OR IGNORE INTO slots VALUES (?, ?)", [p[:2] for p in pending])
                known = [(*stamp, content) for _, _, stamp, content in pending if stamp and stamp[1] is not None]
                index.executemany("REPLACE INTO files VALUES (?, ?, ?, ?)", known)

    def gather(self, slots: np.ndarray) -> np.ndarray:
        """(n, 3, S, S) uint8: a copy of the squares in the given slots."""
        needed = (int(slots.max(initial=-1)) + 1) * self.bytes
        with self._lock:
            if self._map is None or len(self._map) < needed:
                length = os.fstat(self._file).st_size // self.bytes * self.bytes
                if length < needed:
                    raise StoreLost(f"the pixel store {self.folder} has been cut short")
                # by descriptor, not by path: the path may by now belong to a successor
                self._map = mmap.mmap(self._file, length, access=mmap.ACCESS_READ) if length else None
            mapped = self._map
        if mapped is None:
            return np.empty((0, 3, self.edge, self.edge), np.uint8)
        return np.frombuffer(mapped, np.uint8).reshape(-1, 3, self.edge, self.edge)[slots]

    def _path(self) -> Path:
        return self.folder / f"{self._token}.pixels"

    def _take(self) -> list[int]:
        if not budget.make_room(self.folder, BLOCK * self.bytes):
            raise StoreFull(f"the pixel store {self.folder.parent} has reached its share of the disk")
        budget.touch(self.folder)
        with self._index(write=True) as index:
            (start,) = index.execute("SELECT next FROM file").fetchone()
            index.execute("UPDATE file SET next = ?", (start + BLOCK,))
        return list(range(start + BLOCK - 1, start - 1, -1))

    def _agree(self) -> str:
        """The token of the pixel file; a new one where there is none or where its bytes are missing."""
        with contextlib.closing(self._connect()) as index, index:
            index.execute("BEGIN IMMEDIATE")
            for statement in filter(str.strip, _TABLES.split(";")):
                index.execute(statement)
            row = index.execute("SELECT token FROM file").fetchone()
            (last,) = index.execute("SELECT MAX(slot) FROM slots").fetchone()
            if row:
                path = self.folder / f"{row[0]}.pixels"
                size = path.stat().st_size if path.exists() else 0
                if last is None or size >= (last + 1) * self.bytes:
                    return row[0]
            token = uuid.uuid4().hex
            for table in ("file", "slots", "files"):
                index.execute(f"DELETE FROM {table}")
            index.execute("INSERT INTO file VALUES (?, 0)", (token,))
            return token

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / "index.sqlite", timeout=60, isolation_level=None)

    @contextlib.contextmanager
    def _index(self, write: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection of its own each time: safe in any thread and after a fork."""
        with _as_lost():
            if not (self.folder / "index.sqlite").exists():
                raise StoreLost(f"the pixel store {self.folder} has been removed")
            with contextlib.closing(self._connect()) as index, index:
                index.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                row = index.execute("SELECT token FROM file").fetchone()
                if row is None or row[0] != self._token:
                    raise StoreLost(f"the pixel store {self.folder} has been replaced")
                yield index

    def __del__(self) -> None:
        if not hasattr(self, "_file"):
            return
        with contextlib.suppress(Exception):
            self.flush()
        with contextlib.suppress(Exception):
            os.close(self._file)


def _write(file: int, data: memoryview, place: int) -> None:
    while data:
        if hasattr(os, "pwrite"):
            count = os.pwrite(file, data, place)
        else:  # Windows; safe since every writer of this file descriptor holds the lock
            os.lseek(file, place, os.SEEK_SET)
            count = os.write(file, data)
        data, place = data[count:], place + count


@contextlib.contextmanager
def _as_lost() -> Iterator[None]:
    try:
        yield
    except StoreLost:
        raise
    except (OSError, sqlite3.Error) as error:
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        raise (StoreFull if full else StoreLost)(str(error)) from error
