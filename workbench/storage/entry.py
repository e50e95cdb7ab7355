"""Boundary tensors on disk: one entry a cut, set of images and view; a row an image, in half precision.

Safe beside other processes and under `kill -9`: a row's bytes are on disk before its flag is, and whoever finds
a flag set reads rather than writes. An entry removed to make room stays readable to whoever has it open.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from workbench import disk
from workbench.images import budget

VARIABLE = "WORKBENCH_STORE_GB"
SECONDS = 2.0  # after which written rows are put on disk for good and flagged
META, ROWS, DONE = "entry.json", "rows.bin", "done.bin"
LARGEST = 3e4  # beyond this, half precision would overflow: bfloat16 then


class NoRoom(OSError):
    """Neither disk nor memory takes the rows."""


@dataclass(frozen=True)
class Kind:
    """What an entry's rows are.

    Attributes:
        shapes: of one image's tensors.
        dtype: that they are stored in: float16, bfloat16 or float32.
        images: rows of the entry.
        words: what it is from, for people: net, cut, images, view.
    """

    shapes: tuple[tuple[int, ...], ...]
    dtype: str
    images: int
    words: dict[str, str]

    @property
    def numbers(self) -> int:
        """Numbers a row."""
        return sum(torch.Size(shape).numel() for shape in self.shapes)

    @property
    def bytes(self) -> int:
        """Bytes a row."""
        return self.numbers * self.torch_dtype.itemsize

    @property
    def torch_dtype(self) -> torch.dtype:
        """The type that the rows are stored in."""
        return getattr(torch, self.dtype)


class Entry:
    """The rows of one entry, on disk or, where that takes no more, in this process's memory.

    Args:
        folder: of the entry; None keeps the rows in memory.
        kind: what the rows are.
        touch: whether this counts as a use.

    Raises:
        OSError: the disk cannot be written.
    """

    def __init__(self, folder: Path | None, kind: Kind, touch: bool = True) -> None:
        self.folder, self.kind = folder, kind
        self.known = np.zeros(kind.images, bool)  # rows that this process has seen written
        self._waiting: list[np.ndarray] = []
        self._flushed = time.monotonic()
        whole = "u2" if kind.torch_dtype.itemsize == 2 else "u4"
        shape = (kind.images, kind.numbers)
        self._file: int | None = None
        if folder is None:
            self._rows, self._done = np.empty(shape, whole), np.zeros(kind.images, np.uint8)
            return
        self._file = os.open(folder / ROWS, os.O_RDWR)
        self._rows = np.memmap(folder / ROWS, whole, "r", shape=shape)
        self._done = np.memmap(folder / DONE, np.uint8, "r+", shape=(kind.images,))
        if touch:
            budget.touch(folder)

    @property
    def count(self) -> int:
        """How many rows are stored."""
        return int((self.known | (self._done == 1)).sum())

    def has(self, rows: np.ndarray) -> np.ndarray:
        """Which rows are stored (n,) bool."""
        return self.known[rows] | (self._done[rows] == 1)

    def read(self, rows: np.ndarray) -> Tensor:
        """Rows as they are stored (n, numbers), all of which `has` found."""
        return torch.from_numpy(np.ascontiguousarray(self._rows[rows])).view(self.kind.torch_dtype)

    def write(self, rows: np.ndarray, flat: Tensor) -> None:
        """Stores rows (n, numbers) that are not stored yet; those that another process wrote meanwhile stay.

        Raises:
            OSError: the disk is full.
        """
        new = ~self.has(rows)
        values = bits(flat.to("cpu", self.kind.torch_dtype))[new]
        for row, value in zip(rows[new], values, strict=True):
            if self._file is None:
                self._rows[row] = value
            else:
                _write(self._file, value, int(row) * self.kind.bytes)
        self.known[rows[new]] = True
        self._waiting.append(rows[new])
        if time.monotonic() - self._flushed > SECONDS:
            self.flush()

    def flush(self) -> None:
        """Puts what was written on disk, and only then flags it."""
        self._flushed = time.monotonic()
        waiting, self._waiting = self._waiting, []
        if self._file is not None and waiting:
            os.fsync(self._file)
            budget.touch(self.folder)  # type: ignore[arg-type]
        for rows in waiting:
            self._done[rows] = 1

    def parts(self, flat: Tensor) -> list[Tensor]:
        """Stored rows (n, numbers) -> the tensors (n, ...) that they were."""
        pieces = flat.split([torch.Size(shape).numel() for shape in self.kind.shapes], dim=1)
        return [p.reshape(len(p), *shape) for p, shape in zip(pieces, self.kind.shapes, strict=True)]

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.flush()
        if getattr(self, "_file", None) is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)  # type: ignore[arg-type]


def shelf() -> Path:
    """The folder of all entries."""
    return disk.make_folder(disk.home() / "cache" / "activations")


def opened(key: str, touch: bool = True) -> Entry | None:
    """The entry of that key, if there is one that is whole.

    Args:
        touch: whether this counts as a use.
    """
    try:
        folder = shelf() / key
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        kind = Kind(tuple(map(tuple, meta["shapes"])), meta["dtype"], meta["images"], meta["words"])
        return Entry(folder, kind, touch)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def made(key: str, kind: Kind, wanted: int) -> Entry:
    """A new entry, or the one that another process made meanwhile.

    Args:
        wanted: rows that will be written.

    Raises:
        NoRoom: neither disk nor memory has room for them.
    """
    with contextlib.suppress(OSError):
        folder = disk.make_folder(shelf() / key)
        with disk.lock(shelf() / ".lock", timeout=60):
            found = opened(key)
            if found is not None:
                return found
            if budget.make_room(folder, wanted * kind.bytes, VARIABLE):
                with open(folder / ROWS, "wb") as file:
                    file.truncate(kind.images * kind.bytes)  # a hole, which takes no room until it is written to
                # no hole: to flag a row in one on a full disk would kill the process
                (folder / DONE).write_bytes(bytes(kind.images))
                disk.write(folder / META, json.dumps(asdict(kind)))
                return Entry(folder, kind)
            with contextlib.suppress(OSError):
                folder.rmdir()
    import psutil

    if kind.images * kind.bytes > budget.SHARE * psutil.virtual_memory().available:
        raise NoRoom(f"{wanted * kind.bytes / 1e9:.1f} GB are more than the store's share of disk and memory")
    return Entry(None, kind)


def precision(parts: Sequence[Tensor], wanted: str) -> str:
    """The type to store tensors in: the half precision that holds them, or `fp32`, `fp16`, `bf16` as wanted.

    What is computed in 16 bits is stored as it is. Otherwise float16, whose 11 bits lie far below the noise of
    training, where the numbers are small enough for it; bfloat16 where they are not.
    """
    asked = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}.get(wanted)
    if asked:
        return asked
    if all(part.dtype == torch.bfloat16 for part in parts):
        return "bfloat16"
    return "float16" if all(float(part.abs().max()) < LARGEST for part in parts) else "bfloat16"


def flattened(parts: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """Tensors (n, ...) side by side (n, numbers), in the type that they are stored in."""
    flat = torch.cat([part.reshape(len(part), -1) for part in parts], dim=1)
    if dtype == torch.float16:
        flat = flat.float().clamp(-65504, 65504)
    return flat.to(dtype)


def bits(flat: Tensor) -> np.ndarray:
    """The same bits as whole numbers, since numpy has no bfloat16."""
    return flat.contiguous().view(torch.int16 if flat.dtype.itemsize == 2 else torch.int32).numpy()


def _write(file: int, row: np.ndarray, place: int) -> None:
    data = np.ascontiguousarray(row).data.cast("B")
    while data:
        if hasattr(os, "pwrite"):
            count = os.pwrite(file, data, place)
        else:  # Windows; one thread writes
            os.lseek(file, place, os.SEEK_SET)
            count = os.write(file, data)
        data, place = data[count:], place + count
