"""Where the squares of one set at one size lie, row by row, and how the missing ones get there."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from workbench.errors import Unavailable
from workbench.images import decoding
from workbench.images.decoding import Framing
from workbench.images.items import Items
from workbench.images.origins import Stamp, digest
from workbench.images.store import PixelStore, StoreFull, StoreLost

UNKNOWN, BAD, LOOSE = -1, -2, -3  # LOOSE: readable, but not in the store
CHUNK = 64
CLIPPED = 0.01  # share of a picture's pixels that may lie beyond the scale of its set without a word
MEMORY = 1_000_000_000  # bytes kept where no store can be had

log = logging.getLogger("workbench")


class Job(NamedTuple):
    """One row on its way into the store."""

    row: int
    stamp: Stamp | None
    raw: bytes | np.ndarray
    content: bytes
    key: bytes


class Shelf:
    """The decoded squares of a set in one framing.

    Args:
        items: the set.
        framing: how its pictures become squares.
    """

    def __init__(self, items: Items, framing: Framing) -> None:
        self.items, self.framing, self.edge = items, framing, framing.edge
        self.slots = np.full(len(items), UNKNOWN, np.int64)
        self.store: PixelStore | None = None
        self.asking = self.adding = True  # whether the store's index answers, and whether it takes more
        self._memory: dict[int, np.ndarray] = {}
        self._lock = threading.RLock()
        self._pool: tuple[int, ThreadPoolExecutor] | None = None
        try:
            self.store = PixelStore(framing)
        except StoreLost as error:
            self._lose(error)

    def gather(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squares (n, 3, S, S) of the rows that can be had, and which these are (len(rows),)."""
        loose = self._bring(rows[self.slots[rows] == UNKNOWN])
        slots = self.slots[rows]
        kept = slots != BAD
        rows, slots = rows[kept], slots[kept]
        try:
            if self.store is not None and (slots >= 0).all():
                return self.store.gather(slots), kept
            return self._mixed(rows, slots, loose), kept
        except StoreLost as error:
            self._lose(error)
            self.slots[self.slots >= 0] = LOOSE
            return self._mixed(rows, self.slots[rows], loose), kept

    def fill(self, rows: np.ndarray, stop: Callable[[], bool]) -> Iterator[int]:
        """Brings all rows, a chunk at a time; yields how many are done."""
        done = int((self.slots[rows] != UNKNOWN).sum())
        yield done
        missing = rows[self.slots[rows] == UNKNOWN]
        for start in range(0, len(missing), CHUNK):
            if stop() or (not self.adding and self._memory_full()):
                break
            chunk = missing[start : start + CHUNK]
            self._bring(chunk)
            done += len(chunk)
            yield done
        self.flush()

    def flush(self) -> None:
        """Makes everything brought so far lasting."""
        if self.store is not None and self.asking:
            try:
                self.store.flush()
            except StoreLost as error:
                self._lose(error)

    def _mixed(self, rows: np.ndarray, slots: np.ndarray, loose: dict[int, np.ndarray]) -> np.ndarray:
        out = np.empty((len(rows), 3, self.edge, self.edge), np.uint8)
        stored = slots >= 0
        if self.store is not None and stored.any():
            out[stored] = self.store.gather(slots[stored])
        for i in np.flatnonzero(~stored):
            row = int(rows[i])
            held = loose.get(row)
            out[i] = self._loose(row) if held is None else held
        return out

    def _loose(self, row: int) -> np.ndarray:
        """The square of a row that no store keeps: from memory, or decoded once more."""
        held = self._memory.get(row)
        if held is None:
            held = self._decode(row, self.items.read(row))
            if not self._memory_full():
                self._memory[row] = held
        return held

    def _memory_full(self) -> bool:
        return (len(self._memory) + 1) * 3 * self.edge**2 > MEMORY

    def _bring(self, rows: np.ndarray) -> dict[int, np.ndarray]:
        """Finds or makes the squares of `rows`; returns those that went nowhere else."""
        loose: dict[int, np.ndarray] = {}
        if not len(rows):
            return loose
        with self._lock:
            for start in range(0, len(rows), CHUNK):
                missing = self._recognise(rows[start : start + CHUNK])
                for job, square in self._work(self._unstored(missing)):
                    self._keep(job, square, loose)
        return loose

    def _recognise(self, rows: np.ndarray) -> list[tuple[int, Stamp | None]]:
        """Rows that must be read: all but those whose unchanged file the store knows."""
        rows = np.unique(rows[self.slots[rows] == UNKNOWN])
        stamped = [(int(r), self.items.origin.stamp(int(self.items.at[r]))) for r in rows]
        if self.store is None or not self.asking:
            return stamped
        try:
            contents = self.store.contents([stamp for _, stamp in stamped])
            keys = [None if c is None else self.items.key(int(r), c) for r, c in zip(rows, contents, strict=True)]
            self.slots[rows] = self.store.slots(keys)
        except StoreLost as error:
            self._lose(error)
        return [pair for pair in stamped if self.slots[pair[0]] == UNKNOWN]

    def _unstored(self, missing: list[tuple[int, Stamp | None]]) -> list[Job]:
        """Reads the rows; those whose content is stored under another name need no decoding."""
        jobs = [job for job in self._map(lambda pair: self._read(*pair), missing) if job is not None]
        if self.store is None or not self.asking or not jobs:
            return jobs
        try:
            slots = self.store.slots([job.key for job in jobs])
            known = [(job, slot) for job, slot in zip(jobs, slots, strict=True) if slot >= 0]
            for job, slot in known:
                self.slots[job.row] = slot
            stamps = [(job.stamp, job.content) for job, _ in known if job.stamp and job.stamp[1] is not None]
            if stamps:
                self.store.remember(stamps)
        except StoreLost as error:
            self._lose(error)
        return [job for job in jobs if self.slots[job.row] == UNKNOWN]

    def _read(self, row: int, stamp: Stamp | None) -> Job | None:
        try:
            raw = self.items.read(row)
        except Unavailable:
            raise
        except Exception as error:  # whatever a disk or a dataset of others raises
            return self._reject(row, error)
        content = digest(raw)
        return Job(row, stamp, raw, content, self.items.key(row, content))

    def _work(self, jobs: list[Job]) -> Iterator[tuple[Job, np.ndarray | None]]:
        return zip(jobs, self._map(self._square, jobs), strict=True)

    def _square(self, job: Job) -> np.ndarray | None:
        try:
            return self._decode(job.row, job.raw)
        except decoding.Unreadable as error:
            return self._reject(job.row, error)

    def _decode(self, row: int, raw: bytes | np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(looked_at(self.items, row, raw, self.framing).transpose(2, 0, 1))

    def _keep(self, job: Job, square: np.ndarray | None, loose: dict[int, np.ndarray]) -> None:
        if square is None:
            return
        if self.store is not None and self.adding:
            try:
                self.slots[job.row] = self.store.add(job.key, job.content, job.stamp, square)
                return
            except StoreLost as error:
                self._lose(error)
        self.slots[job.row] = LOOSE
        loose[job.row] = square
        if not self._memory_full():
            self._memory[job.row] = square

    def _reject(self, row: int, error: Exception) -> None:
        self.slots[row] = BAD
        self.items.unreadable[row] = decoding.reason(error)

    def _lose(self, error: StoreLost) -> None:
        if self.adding:
            log.warning("decoded images are not kept on disk: %s. Training goes on, decoding them again", error)
        self.adding = False
        if not isinstance(error, StoreFull):
            self.asking = False

    def _map(self, function: Callable, things: list) -> list:
        workers = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
        if len(things) < 2 or workers < 2:
            return [function(thing) for thing in things]
        if self._pool is None or self._pool[0] != os.getpid():
            self._pool = os.getpid(), ThreadPoolExecutor(workers, "pixels")
        return list(self._pool[1].map(function, things))


def looked_at(items: Items, row: int, raw: bytes | np.ndarray, framing: Framing) -> np.ndarray:
    """The square (S, S, 3) of a row from its raw content, with its made shift.

    Raises:
        decoding.Unreadable: with the reason.
    """
    picture = decoding.picture(raw, framing.edge, framing.pixel_range, items.max_pixels)
    _note_clipped(items, row, picture.info.get(decoding.BEYOND))
    pixels = decoding.square(picture, framing)
    shift = items.shift(row)
    return pixels if shift is None else shift(pixels, items.anchor(row))


def _note_clipped(items: Items, row: int, share: object) -> None:
    """Keeps which pictures hold more than a little beyond the scale of their set, and says so once."""
    if not isinstance(share, float) or share <= CLIPPED:
        return
    if not items.clipped:
        log.warning(
            "%s: %.0f%% of %s lies beyond the scale of greys and becomes black or white; pixel_range= sets another",
            items.name,
            100 * share,
            items.ids[row],
        )
    items.clipped[row] = share
