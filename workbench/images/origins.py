"""Where pixels come from: files, arrays, a torchvision dataset, or one raw file stored with a run."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from workbench.errors import Unavailable
from workbench.images.decoding import Unreadable

Stamp = tuple[bytes, int | None, int | None]  # path, size in bytes, time of the last change in ns


class Origin(Protocol):
    """What the rest of the room asks of a place that holds pixels."""

    def path(self, row: int) -> str | None:
        """The file of a row, None where there is none."""
        ...

    def stamp(self, row: int) -> Stamp | None:
        """What an unchanged file is recognised by, None where there is no file."""
        ...

    def read(self, row: int) -> bytes | np.ndarray:
        """The bytes of the file, or uint8 pixels (H, W) or (H, W, C)."""
        ...


def digest(raw: bytes | np.ndarray) -> bytes:
    """Sixteen bytes that name the content."""
    if isinstance(raw, bytes):
        return hashlib.blake2b(raw, digest_size=16).digest()
    shape = repr(raw.shape).encode()
    return hashlib.blake2b(np.ascontiguousarray(raw).data, digest_size=16, person=shape[:16]).digest()


class Files:
    """Image files below one folder.

    Args:
        root: the folder that the names start from.
        names: paths relative to it; absolute ones stand for themselves.
    """

    def __init__(self, root: str, names: Sequence[str]) -> None:
        self.root, self.names = root, names

    def path(self, row: int) -> str:
        """The file of a row."""
        return os.path.normpath(os.path.join(self.root, self.names[row]))

    def stamp(self, row: int) -> Stamp:
        """Path, size and time; a file that is gone keeps its path, so that stored pixels are found."""
        path = self.path(row)
        try:
            status = os.stat(path)
        except OSError:
            return os.fsencode(path), None, None
        return os.fsencode(path), status.st_size, status.st_mtime_ns

    def read(self, row: int) -> bytes:
        """The bytes of the file.

        Raises:
            Unavailable: the whole folder is gone.
        """
        try:
            with open(self.path(row), "rb") as file:
                return file.read()
        except FileNotFoundError:
            if not os.path.isdir(self.root):
                raise Unavailable(
                    f"the folder {self.root} is gone; it was there when the images were opened. "
                    "If it lies on another drive or a network share, connect it again"
                ) from None
            raise


class Pixels:
    """Pixels in memory: one array (N, H, W, C), or a list of arrays of different sizes."""

    def __init__(self, arrays: Sequence[np.ndarray] | np.ndarray) -> None:
        self.arrays = arrays

    def path(self, row: int) -> None:
        """There is no file."""
        return None

    def stamp(self, row: int) -> None:
        """There is no file."""
        return None

    def read(self, row: int) -> np.ndarray:
        """The uint8 pixels of a row."""
        return np.asarray(self.arrays[row])


class Dataset(Pixels):
    """A torchvision dataset, without its transforms; read one at a time, since few are made for threads."""

    def __init__(self, dataset: Any) -> None:
        super().__init__(dataset)
        self._one = threading.Lock()

    def read(self, row: int) -> np.ndarray:
        """The uint8 pixels of a row."""
        with self._one:
            pixels = np.asarray(self.arrays[row][0])
        if pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.shape[2] not in (1, 3, 4):
            pixels = pixels.transpose(1, 2, 0)
        if pixels.dtype == np.uint8:
            return pixels
        values = pixels.astype(np.float64)
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
            raise Unreadable("its pixels are neither 0 to 1 nor 0 to 255")
        return np.rint(values * (255 if values.max() <= 1 else 1)).astype(np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        return {"arrays": self.arrays}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["arrays"])


class RawFile(Pixels):
    """Pixels of any sizes one after another in a file, memory-mapped.

    Args:
        path: the file.
        shapes: (N, 3) height, width and channels of each.
    """

    def __init__(self, path: str, shapes: np.ndarray) -> None:
        super().__init__([])
        self.file, self.shapes = path, shapes
        self.ends = np.cumsum(shapes.astype(np.int64).prod(axis=1))

    def read(self, row: int) -> np.ndarray:
        """The uint8 pixels of a row."""
        height, width, channels = (int(v) for v in self.shapes[row])
        count = height * width * channels
        start = int(self.ends[row]) - count
        flat = np.fromfile(self.file, np.uint8, count, offset=start)
        if flat.size < count:
            raise Unreadable("the stored pixels end too early")
        return flat.reshape(height, width, channels)
