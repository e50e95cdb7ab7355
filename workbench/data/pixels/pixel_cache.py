"""Cache of the decoded squares of one set at one size, by row, and decoding of the missing ones."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from workbench.data.items import Items
from workbench.data.pixels import decoding
from workbench.data.pixels.decoding import ResizeConfig
from workbench.data.pixels.pixel_sources import FileStamp, hash_content
from workbench.data.pixels.pixel_store import PixelStore, StoreFull, StoreUnavailable
from workbench.errors import Unavailable

UNKNOWN, UNREADABLE, UNCACHED = -1, -2, -3  # last: readable, but not in the store
CHUNK_SIZE = 64
MAX_CLIPPED_FRACTION = 0.01  # fraction of an image's pixels that may be outside the range of its set without a warning
MAX_MEMORY_BYTES = 1_000_000_000  # bytes kept in memory if there is no store

log = logging.getLogger("workbench")


class DecodeJob(NamedTuple):
    """Row to be decoded and stored."""

    row: int
    stamp: FileStamp | None
    raw: bytes | np.ndarray
    content: bytes
    key: bytes


class PixelCache:
    """Decoded squares of a set in one size and crop mode.

    Args:
        items: the set.
        resize_config: conversion of its images to squares.
    """

    def __init__(self, items: Items, resize_config: ResizeConfig) -> None:
        self.items, self.resize_config, self.edge = items, resize_config, resize_config.edge
        self.slots = np.full(len(items), UNKNOWN, np.int64)
        self.store: PixelStore | None = None
        self.is_store_readable = self.is_store_writable = True  # store is readable, store is writable
        self._memory: dict[int, np.ndarray] = {}
        self._lock = threading.RLock()
        self._pool: tuple[int, ThreadPoolExecutor] | None = None
        try:
            self.store = PixelStore(resize_config)
        except StoreUnavailable as error:
            self._disable_store(error)

    def gather(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the squares (n, 3, S, S) of the readable rows, and a mask of these (len(rows),)."""
        unstored = self._load_rows(rows[self.slots[rows] == UNKNOWN])
        slots = self.slots[rows]
        readable = slots != UNREADABLE
        rows, slots = rows[readable], slots[readable]
        try:
            if self.store is not None and (slots >= 0).all():
                return self.store.gather(slots), readable
            return self._gather_mixed(rows, slots, unstored), readable
        except StoreUnavailable as error:
            self._disable_store(error)
            self.slots[self.slots >= 0] = UNCACHED
            return self._gather_mixed(rows, self.slots[rows], unstored), readable

    def fill(self, rows: np.ndarray, stop: Callable[[], bool]) -> Iterator[int]:
        """Decode all rows, one chunk at a time; yield how many are done."""
        done = int((self.slots[rows] != UNKNOWN).sum())
        yield done
        missing = rows[self.slots[rows] == UNKNOWN]
        for start in range(0, len(missing), CHUNK_SIZE):
            if stop() or (not self.is_store_writable and self._is_memory_full()):
                break
            chunk = missing[start : start + CHUNK_SIZE]
            self._load_rows(chunk)
            done += len(chunk)
            yield done
        self.flush()

    def flush(self) -> None:
        """Write everything decoded so far to disk."""
        if self.store is not None and self.is_store_readable:
            try:
                self.store.flush()
            except StoreUnavailable as error:
                self._disable_store(error)

    def _gather_mixed(self, rows: np.ndarray, slots: np.ndarray, unstored: dict[int, np.ndarray]) -> np.ndarray:
        out = np.empty((len(rows), 3, self.edge, self.edge), np.uint8)
        stored = slots >= 0
        if self.store is not None and stored.any():
            out[stored] = self.store.gather(slots[stored])
        for i in np.flatnonzero(~stored):
            row = int(rows[i])
            square = unstored.get(row)
            out[i] = self._get_uncached(row) if square is None else square
        return out

    def _get_uncached(self, row: int) -> np.ndarray:
        """Return the square of a row outside the store: from memory, or decoded once more."""
        square = self._memory.get(row)
        if square is None:
            square = self._decode_channels_first(row, self.items.read(row))
            if not self._is_memory_full():
                self._memory[row] = square
        return square

    def _is_memory_full(self) -> bool:
        return (len(self._memory) + 1) * 3 * self.edge**2 > MAX_MEMORY_BYTES

    def _load_rows(self, rows: np.ndarray) -> dict[int, np.ndarray]:
        """Look up or decode the squares of `rows`; return those that could not be stored."""
        unstored: dict[int, np.ndarray] = {}
        if not len(rows):
            return unstored
        with self._lock:
            for start in range(0, len(rows), CHUNK_SIZE):
                missing = self._find_unknown_rows(rows[start : start + CHUNK_SIZE])
                for job, square in self._decode_jobs(self._read_unstored(missing)):
                    self._store_square(job, square, unstored)
        return unstored

    def _find_unknown_rows(self, rows: np.ndarray) -> list[tuple[int, FileStamp | None]]:
        """Find the rows that must be read: all but those whose unchanged file is in the store."""
        rows = np.unique(rows[self.slots[rows] == UNKNOWN])
        stamped = [(int(r), self.items.pixel_source.stamp(int(self.items.source_index[r]))) for r in rows]
        if self.store is None or not self.is_store_readable:
            return stamped
        try:
            contents = self.store.find_contents([stamp for _, stamp in stamped])
            keys = [None if c is None else self.items.cache_key(int(r), c) for r, c in zip(rows, contents, strict=True)]
            self.slots[rows] = self.store.find_slots(keys)
        except StoreUnavailable as error:
            self._disable_store(error)
        return [pair for pair in stamped if self.slots[pair[0]] == UNKNOWN]

    def _read_unstored(self, missing: list[tuple[int, FileStamp | None]]) -> list[DecodeJob]:
        """Read the rows and return those to decode; content stored under another name needs no decoding."""
        jobs = [job for job in self._map_threads(lambda pair: self._read_job(*pair), missing) if job is not None]
        if self.store is None or not self.is_store_readable or not jobs:
            return jobs
        try:
            slots = self.store.find_slots([job.key for job in jobs])
            known = [(job, slot) for job, slot in zip(jobs, slots, strict=True) if slot >= 0]
            for job, slot in known:
                self.slots[job.row] = slot
            stamps = [(job.stamp, job.content) for job, _ in known if job.stamp and job.stamp[1] is not None]
            if stamps:
                self.store.record_contents(stamps)
        except StoreUnavailable as error:
            self._disable_store(error)
        return [job for job in jobs if self.slots[job.row] == UNKNOWN]

    def _read_job(self, row: int, stamp: FileStamp | None) -> DecodeJob | None:
        try:
            raw = self.items.read(row)
        except Unavailable:
            raise
        except Exception as error:  # a disk or a user's data set may raise anything
            return self._mark_unreadable(row, error)
        content = hash_content(raw)
        return DecodeJob(row, stamp, raw, content, self.items.cache_key(row, content))

    def _decode_jobs(self, jobs: list[DecodeJob]) -> Iterator[tuple[DecodeJob, np.ndarray | None]]:
        return zip(jobs, self._map_threads(self._decode_job, jobs), strict=True)

    def _decode_job(self, job: DecodeJob) -> np.ndarray | None:
        try:
            return self._decode_channels_first(job.row, job.raw)
        except decoding.UnreadableImage as error:
            return self._mark_unreadable(job.row, error)

    def _decode_channels_first(self, row: int, raw: bytes | np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(decode_square(self.items, row, raw, self.resize_config).transpose(2, 0, 1))

    def _store_square(self, job: DecodeJob, square: np.ndarray | None, unstored: dict[int, np.ndarray]) -> None:
        if square is None:
            return
        if self.store is not None and self.is_store_writable:
            try:
                self.slots[job.row] = self.store.add(job.key, job.content, job.stamp, square)
                return
            except StoreUnavailable as error:
                self._disable_store(error)
        self.slots[job.row] = UNCACHED
        unstored[job.row] = square
        if not self._is_memory_full():
            self._memory[job.row] = square

    def _mark_unreadable(self, row: int, error: Exception) -> None:
        self.slots[row] = UNREADABLE
        self.items.read_log.unreadable[row] = decoding.explain_decoding_error(error)

    def _disable_store(self, error: StoreUnavailable) -> None:
        if self.is_store_writable:
            log.warning("decoded images are not stored on disk: %s. Training continues and decodes them again", error)
        self.is_store_writable = False
        if not isinstance(error, StoreFull):
            self.is_store_readable = False

    def _map_threads(self, function: Callable, things: list) -> list:
        workers = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
        if len(things) < 2 or workers < 2:
            return [function(thing) for thing in things]
        if self._pool is None or self._pool[0] != os.getpid():
            self._pool = os.getpid(), ThreadPoolExecutor(workers, "pixels")
        return list(self._pool[1].map(function, things))


def decode_square(items: Items, row: int, raw: bytes | np.ndarray, resize_config: ResizeConfig) -> np.ndarray:
    """Decode the raw content of a row to its square (S, S, 3), with its synthetic shift.

    Raises:
        decoding.UnreadableImage: with the reason.
    """
    picture = decoding.decode_image(raw, resize_config.edge, resize_config.pixel_range, items.max_pixels)
    _record_clipped(items, row, picture.info.get(decoding.CLIPPED_KEY))
    pixels = decoding.to_square(picture, resize_config)
    shift = items.shift(row)
    return pixels if shift is None else shift(pixels, items.hash_key(row))


def _record_clipped(items: Items, row: int, fraction: object) -> None:
    """Record images with many pixels outside the range of their set, and warn once."""
    if not isinstance(fraction, float) or fraction <= MAX_CLIPPED_FRACTION:
        return
    if not items.read_log.clipped_fractions:
        log.warning(
            "%s: %.0f%% of %s is outside the pixel range and becomes black or white; pixel_range= sets another",
            items.name,
            100 * fraction,
            items.ids[row],
        )
    items.read_log.clipped_fractions[row] = fraction
