"""Entries of the activation cache on disk: one per partition, set of images and view, with one row per image.

Rows are stored in half precision. Safe with concurrent processes and under `kill -9`: a row's bytes are on disk before
its flag is, and a process that finds a flag set reads rather than writes. An entry removed to make room remains
readable in processes that have it open.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench import _paths
from workbench.data.pixels import cache_limits
from workbench.formatting import format_bytes

LIMIT_VARIABLE = "WORKBENCH_STORE_GB"
FLUSH_SECONDS = 2.0  # interval after which written rows are synced to disk and flagged
META, ROWS, DONE = "entry.json", "rows.bin", "done.bin"
MAX_FLOAT16_VALUE = 3e4  # above this, float16 could overflow and bfloat16 is used


class CacheFull(OSError):
    """Lack of room for the rows, on disk and in memory."""


@dataclass(frozen=True)
class EntrySpec:
    """Format of an entry's rows.

    Attributes:
        shapes: shapes of one image's tensors.
        dtype: type of the stored values: float16, bfloat16 or float32.
        n_images: number of rows.
        description: origin of the rows, for display: net, cut, images, view.
    """

    shapes: tuple[tuple[int, ...], ...]
    dtype: str
    n_images: int
    description: dict[str, str]

    @property
    def n_values(self) -> int:
        """Values per row."""
        return sum(torch.Size(shape).numel() for shape in self.shapes)

    @property
    def n_bytes(self) -> int:
        """Bytes per row."""
        return self.n_values * self.torch_dtype.itemsize

    @property
    def torch_dtype(self) -> torch.dtype:
        """Type of the stored values, as a torch dtype."""
        return getattr(torch, self.dtype)

    def to_json(self) -> dict[str, Any]:
        """Convert to plain data for the entry's file."""
        return {"shapes": self.shapes, "dtype": self.dtype, "images": self.n_images, "words": self.description}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> EntrySpec:
        """Parse what `to_json` returned.

        Raises:
            KeyError: a field is missing.
        """
        return cls(tuple(map(tuple, saved["shapes"])), saved["dtype"], saved["images"], saved["words"])


class CacheEntry:
    """Rows of one entry, on disk or, where the disk has no room, in this process's memory.

    Args:
        folder: folder of the entry; None keeps the rows in memory.
        spec: format of the rows.
        touch: True if this counts as a use.

    Raises:
        OSError: the disk cannot be written.
    """

    def __init__(self, folder: Path | None, spec: EntrySpec, touch: bool = True) -> None:
        self.folder, self.spec = folder, spec
        self.known_rows = np.zeros(spec.n_images, bool)  # rows that this process has written
        self._waiting: list[np.ndarray] = []
        self._flushed = time.monotonic()
        whole = "u2" if spec.torch_dtype.itemsize == 2 else "u4"
        shape = (spec.n_images, spec.n_values)
        self._file: int | None = None
        if folder is None:
            self._rows, self._done = np.empty(shape, whole), np.zeros(spec.n_images, np.uint8)
            return
        self._file = os.open(folder / ROWS, os.O_RDWR)
        self._rows = np.memmap(folder / ROWS, whole, "r", shape=shape)
        self._done = np.memmap(folder / DONE, np.uint8, "r+", shape=(spec.n_images,))
        if touch:
            cache_limits.mark_used(folder)

    @property
    def n_stored(self) -> int:
        """Number of stored rows."""
        return int((self.known_rows | (self._done == 1)).sum())

    def is_stored(self, rows: np.ndarray) -> np.ndarray:
        """Return which rows are stored, (n,) bool."""
        return self.known_rows[rows] | (self._done[rows] == 1)

    def read(self, rows: np.ndarray) -> Tensor:
        """Read stored rows (n, values), all of which must be stored."""
        return torch.from_numpy(np.ascontiguousarray(self._rows[rows])).view(self.spec.torch_dtype)

    def write(self, rows: np.ndarray, flat: Tensor) -> None:
        """Write rows (n, values) that are not stored yet; rows written meanwhile by another process are kept.

        Raises:
            OSError: the disk is full.
        """
        new = ~self.is_stored(rows)
        values = to_bit_pattern(flat.to("cpu", self.spec.torch_dtype))[new]
        for row, value in zip(rows[new], values, strict=True):
            if self._file is None:
                self._rows[row] = value
            else:
                _write_at_offset(self._file, value, int(row) * self.spec.n_bytes)
        self.known_rows[rows[new]] = True
        self._waiting.append(rows[new])
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Sync written rows to disk, and only then set their flags."""
        self._flushed = time.monotonic()
        waiting, self._waiting = self._waiting, []
        if self._file is not None and waiting:
            os.fsync(self._file)
            cache_limits.mark_used(self.folder)  # type: ignore[arg-type]
        for rows in waiting:
            self._done[rows] = 1

    def unflatten(self, flat: Tensor) -> list[Tensor]:
        """Convert stored rows (n, values) to the original tensors (n, ...)."""
        pieces = flat.split([torch.Size(shape).numel() for shape in self.spec.shapes], dim=1)
        return [p.reshape(len(p), *shape) for p, shape in zip(pieces, self.spec.shapes, strict=True)]

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.flush()
        if getattr(self, "_file", None) is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)  # type: ignore[arg-type]


def get_cache_folder() -> Path:
    """Return the folder of all entries; it is created where it is missing."""
    return _paths.make_folder(_paths.workbench_home() / "cache" / "activations")


def open_entry(key: str, touch: bool = True) -> CacheEntry | None:
    """Open the entry of a key; None where there is no intact one.

    Args:
        touch: True if this counts as a use.
    """
    try:
        folder = get_cache_folder() / key
        saved = json.loads((folder / META).read_text(encoding="utf-8"))
        return CacheEntry(folder, EntrySpec.from_json(saved), touch)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def create_entry(key: str, spec: EntrySpec, n_rows: int) -> CacheEntry:
    """Create an entry, or open the one that another process created meanwhile.

    Args:
        n_rows: number of rows that will be written.

    Raises:
        CacheFull: neither disk nor memory has room for them.
    """
    with contextlib.suppress(OSError):
        folder = _paths.make_folder(get_cache_folder() / key)
        with _paths.hold_lock(get_cache_folder() / ".lock", timeout=60):
            existing = open_entry(key)
            if existing is not None:
                return existing
            if cache_limits.make_room(folder, n_rows * spec.n_bytes, LIMIT_VARIABLE):
                with open(folder / ROWS, "wb") as file:  # a sparse file, which takes no room until it is written to
                    file.truncate(spec.n_images * spec.n_bytes)
                # not sparse: setting a flag in a sparse file on a full disk would kill the process
                (folder / DONE).write_bytes(bytes(spec.n_images))
                _paths.write_file(folder / META, json.dumps(spec.to_json()))
                return CacheEntry(folder, spec)
            with contextlib.suppress(OSError):
                folder.rmdir()
    import psutil

    if spec.n_images * spec.n_bytes > cache_limits.DISK_FRACTION * psutil.virtual_memory().available:
        raise CacheFull(f"{format_bytes(n_rows * spec.n_bytes)} exceed the cache's share of disk and memory")
    return CacheEntry(None, spec)


def choose_storage_dtype(tensors: Sequence[Tensor], requested: str) -> str:
    """Choose the type to store tensors in: `fp32`, `fp16`, `bf16` as requested, otherwise a half precision.

    Tensors computed in bfloat16 are stored as they are. Otherwise float16, whose 11 bits are far below the noise of
    training, where the values are small enough for it; bfloat16 where they are not.
    """
    dtype = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}.get(requested)
    if dtype:
        return dtype
    if all(part.dtype == torch.bfloat16 for part in tensors):
        return "bfloat16"
    return "float16" if all(float(part.abs().max()) < MAX_FLOAT16_VALUE for part in tensors) else "bfloat16"


def flatten_tensors(tensors: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """Concatenate tensors (n, ...) to rows (n, values), in the type in which they are stored."""
    flat = torch.cat([part.reshape(len(part), -1) for part in tensors], dim=1)
    if dtype == torch.float16:
        flat = flat.float().clamp(-65504, 65504)
    return flat.to(dtype)


def to_bit_pattern(flat: Tensor) -> np.ndarray:
    """View the same bits as integers, since numpy has no bfloat16."""
    return flat.contiguous().view(torch.int16 if flat.dtype.itemsize == 2 else torch.int32).numpy()


def _write_at_offset(file: int, row: np.ndarray, offset: int) -> None:
    data = np.ascontiguousarray(row).data.cast("B")
    while data:
        if hasattr(os, "pwrite"):
            count = os.pwrite(file, data, offset)
        else:  # Windows; one thread writes
            os.lseek(file, offset, os.SEEK_SET)
            count = os.write(file, data)
        data, offset = data[count:], offset + count
