"""Where pixels come from: files, arrays, a torchvision dataset, or one raw file stored with a run."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from PIL import Image

from workbench.errors import Unavailable
from workbench.images.decoding import from_pillow
from workbench.images.grey_levels import EIGHT_BITS, SHARES, Scale, described, extremes_of, find_range, to_bytes
from workbench.images.image_files import Header, Unreadable, open_file

SAMPLE = 16  # items of a dataset that are read to find their scale
Stamp = tuple[bytes, int | None, int | None]  # path, size in bytes, time of the last change in ns


class Origin(Protocol):
    """What the rest of the room asks of a place that holds pixels."""

    def path(self, row: int) -> str | None:
        """The file of a row, None where there is none."""
        ...

    def header(self, row: int) -> Header | None:
        """Width, height and mode of a row's picture, None as long as nobody looked."""
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
        self.headers: dict[int, Header] = {}  # of the files that were looked at

    def path(self, row: int) -> str:
        """The file of a row."""
        return os.path.normpath(os.path.join(self.root, self.names[row]))

    def header(self, row: int) -> Header | None:
        """What was seen of the file's beginning."""
        return self.headers.get(row)

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
            Unreadable: it is no regular file.
        """
        try:
            with open_file(self.path(row)) as file:
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

    def header(self, row: int) -> Header | None:
        """The size of a row's picture."""
        height, width = np.shape(self.arrays[row])[:2]
        return Header(width, height, "RGB")

    def stamp(self, row: int) -> None:
        """There is no file."""
        return None

    def read(self, row: int) -> np.ndarray:
        """The uint8 pixels of a row."""
        return np.asarray(self.arrays[row])


class Dataset(Pixels):
    """A torchvision dataset, without its transforms; read one at a time, since few are made for threads.

    Values that are not uint8 are read in one scale for the whole set, found from a sample when the first is needed.

    Args:
        dataset: its items are pairs of an image and a label.
        pixel_range: that scale: the values that become black and white; what lies beyond is clipped.
    """

    def __init__(self, dataset: Any, pixel_range: Scale | None = None) -> None:
        super().__init__(dataset)
        self.given, self._found = pixel_range, None
        self._one, self._finding = threading.Lock(), threading.Lock()

    def header(self, row: int) -> None:
        """Nothing is known before an item is read."""
        return None

    def values(self, row: int) -> np.ndarray:
        """The pixels of a row as the dataset gives them, channels last."""
        with self._one:
            found = self.arrays[row][0]
        pixels = from_pillow(found) if isinstance(found, Image.Image) else np.asarray(found)
        if pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.shape[2] not in (1, 3, 4):
            pixels = pixels.transpose(1, 2, 0)
        return pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels

    def scale(self) -> Scale:
        """The values that become black and white."""
        with self._finding:
            if self._found is None:
                self._found = self.given or self._scale_of_sample()
        return self._found

    def deep_scale(self) -> Scale | None:
        """That scale, where the values are neither 0 to 255 nor 0 to 1."""
        scale = self.scale()
        return None if self.given is None and scale in (EIGHT_BITS, SHARES) else scale

    def read(self, row: int) -> np.ndarray:
        """The uint8 pixels of a row.

        Raises:
            Unreadable: values that are no finite numbers, or beyond the scale of the set.
        """
        pixels = self.values(row)
        if pixels.dtype == np.uint8 and self.given is None:
            return pixels
        if not np.isfinite(pixels).all():
            raise Unreadable("its pixels hold values that are not finite numbers")
        (black, white), low, high = self.scale(), float(pixels.min()), float(pixels.max())
        if self.given is None and (low < black or high > white):
            raise Unreadable(
                f"its pixels run from {low:g} to {high:g}, beyond the set's {described((black, white))}; say what is "
                f"black and white, as in pixel_range=({min(low, black):g}, {max(high, white):g})"
            )
        return to_bytes(pixels, (black, white))

    def _scale_of_sample(self) -> Scale:
        found = []
        for row in np.unique(np.linspace(0, len(self.arrays) - 1, SAMPLE).astype(int)).tolist():
            try:
                values = self.values(row)
            except Exception:  # whatever a dataset of others raises: listed when it is read
                continue
            # what lies below black was normalised, and is refused when it is read
            if values.dtype != np.uint8 and values.size and np.isfinite(values).all() and values.min() >= 0:
                found.append(values)
        return find_range(*extremes_of(found)) if found else EIGHT_BITS

    def __getstate__(self) -> dict[str, Any]:
        return {"dataset": self.arrays, "pixel_range": self.given}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)


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

    def header(self, row: int) -> Header:
        """The size of a row's picture."""
        return Header(int(self.shapes[row][1]), int(self.shapes[row][0]), "RGB")

    def read(self, row: int) -> np.ndarray:
        """The uint8 pixels of a row."""
        height, width, channels = (int(v) for v in self.shapes[row])
        count = height * width * channels
        start = int(self.ends[row]) - count
        flat = np.fromfile(self.file, np.uint8, count, offset=start)
        if flat.size < count:
            raise Unreadable("the stored pixels end too early")
        return flat.reshape(height, width, channels)
