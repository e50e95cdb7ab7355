"""Sources of pixels: files, arrays, a torchvision data set, or one raw file stored with a run."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from PIL import Image

from workbench.data.pixels.decoding import from_pillow
from workbench.data.pixels.image_files import ImageHeader, UnreadableImage, open_file
from workbench.data.pixels.pixel_ranges import (
    BYTE_RANGE,
    UNIT_RANGE,
    PixelRange,
    find_extremes,
    format_pixel_range,
    infer_pixel_range,
    to_uint8,
)
from workbench.errors import Unavailable

SAMPLE_SIZE = 16  # items of a data set read to estimate its pixel range
FileStamp = tuple[bytes, int | None, int | None]  # path, size in bytes, time of the last modification in ns


class PixelSource(Protocol):
    """Interface of a source of pixels."""

    def path(self, row: int) -> str | None:
        """Return the file of a row, None if there is none."""
        ...

    def header(self, row: int) -> ImageHeader | None:
        """Return width, height and mode of a row's image, None if it has not been read yet."""
        ...

    def stamp(self, row: int) -> FileStamp | None:
        """Return the stamp by which an unchanged file is recognised, None if there is no file."""
        ...

    def read(self, row: int) -> bytes | np.ndarray:
        """Read the bytes of the file, or uint8 pixels (H, W) or (H, W, C)."""
        ...


def hash_content(raw: bytes | np.ndarray) -> bytes:
    """Hash content to sixteen bytes."""
    if isinstance(raw, bytes):
        return hashlib.blake2b(raw, digest_size=16).digest()
    shape = repr(raw.shape).encode()
    return hashlib.blake2b(np.ascontiguousarray(raw).data, digest_size=16, person=shape[:16]).digest()


class FileSource:
    """Image files below one folder.

    Args:
        root: folder that the names start from.
        names: paths relative to it, or absolute ones.
    """

    def __init__(self, root: str, names: Sequence[str]) -> None:
        self.root, self.names = root, names
        self.headers: dict[int, ImageHeader] = {}  # of the files checked so far

    def path(self, row: int) -> str:
        """Return the file of a row."""
        return os.path.normpath(os.path.join(self.root, self.names[row]))

    def header(self, row: int) -> ImageHeader | None:
        """Return the header of a file, None if it has not been read yet."""
        return self.headers.get(row)

    def stamp(self, row: int) -> FileStamp:
        """Return path, size and time of a file; a missing file keeps its path, so that its cached pixels are found."""
        path = self.path(row)
        try:
            status = os.stat(path)
        except OSError:
            return os.fsencode(path), None, None
        return os.fsencode(path), status.st_size, status.st_mtime_ns

    def read(self, row: int) -> bytes:
        """Read the bytes of the file.

        Raises:
            Unavailable: the whole folder is missing.
            UnreadableImage: it is no regular file.
        """
        try:
            with open_file(self.path(row)) as file:
                return file.read()
        except FileNotFoundError:
            if not os.path.isdir(self.root):
                raise Unavailable(
                    f"the folder {self.root} is missing; it existed when the images were opened. "
                    "If it is on another drive or a network share, connect it again"
                ) from None
            raise


class ArraySource:
    """Pixels in memory: one array (N, H, W, C), or a list of arrays of different sizes."""

    def __init__(self, arrays: Sequence[np.ndarray] | np.ndarray) -> None:
        self.arrays = arrays

    def path(self, row: int) -> None:
        """Return None: there is no file."""
        return None

    def header(self, row: int) -> ImageHeader | None:
        """Return the size of a row's image."""
        height, width = np.shape(self.arrays[row])[:2]
        return ImageHeader(width, height, "RGB")

    def stamp(self, row: int) -> None:
        """Return None: there is no file."""
        return None

    def read(self, row: int) -> np.ndarray:
        """Read the uint8 pixels of a row."""
        return np.asarray(self.arrays[row])


class DatasetSource(ArraySource):
    """Torchvision data set without its transforms; read by one thread at a time, since few data sets are thread-safe.

    Values that are not uint8 are scaled by one range for the whole set, estimated from a sample at first use.

    Args:
        dataset: data set whose items are pairs of an image and a label.
        pixel_range: values displayed as black and white; values beyond are clipped.
    """

    def __init__(self, dataset: Any, pixel_range: PixelRange | None = None) -> None:
        super().__init__(dataset)
        self.given_range, self._found_range = pixel_range, None
        self._read_lock, self._range_lock = threading.Lock(), threading.Lock()

    def header(self, row: int) -> None:
        """Return None: nothing is known before an item is read."""
        return None

    def read_values(self, row: int) -> np.ndarray:
        """Read the pixels of a row in the data set's own values, channels last."""
        with self._read_lock:
            image = self.arrays[row][0]
        pixels = from_pillow(image) if isinstance(image, Image.Image) else np.asarray(image)
        if pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.shape[2] not in (1, 3, 4):
            pixels = pixels.transpose(1, 2, 0)
        return pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels

    def get_pixel_range(self) -> PixelRange:
        """Return the values displayed as black and white."""
        with self._range_lock:
            if self._found_range is None:
                self._found_range = self.given_range or self._estimate_range()
        return self._found_range

    def non_default_range(self) -> PixelRange | None:
        """Return the pixel range, None if it is 0 to 255 or 0 to 1."""
        pixel_range = self.get_pixel_range()
        return None if self.given_range is None and pixel_range in (BYTE_RANGE, UNIT_RANGE) else pixel_range

    def read(self, row: int) -> np.ndarray:
        """Read the uint8 pixels of a row.

        Raises:
            UnreadableImage: values that are not finite, or outside the range of the set.
        """
        pixels = self.read_values(row)
        if pixels.dtype == np.uint8 and self.given_range is None:
            return pixels
        if not np.isfinite(pixels).all():
            raise UnreadableImage("its pixels contain values that are not finite (NaN or infinity)")
        (black, white), low, high = self.get_pixel_range(), float(pixels.min()), float(pixels.max())
        if self.given_range is None and (low < black or high > white):
            raise UnreadableImage(
                f"its pixels are {low:g} to {high:g}, outside the set's {format_pixel_range((black, white))}; set "
                f"the values of black and white, as in pixel_range=({min(low, black):g}, {max(high, white):g})"
            )
        return to_uint8(pixels, (black, white))

    def _estimate_range(self) -> PixelRange:
        arrays = []
        for row in np.unique(np.linspace(0, len(self.arrays) - 1, SAMPLE_SIZE).astype(int)).tolist():
            try:
                values = self.read_values(row)
            except Exception:  # a user's data set may raise anything: listed when the row is read
                continue
            # values below 0 were normalised, and are refused when they are read
            if values.dtype != np.uint8 and values.size and np.isfinite(values).all() and values.min() >= 0:
                arrays.append(values)
        return infer_pixel_range(*find_extremes(arrays)) if arrays else BYTE_RANGE

    def __getstate__(self) -> dict[str, Any]:
        return {"dataset": self.arrays, "pixel_range": self.given_range}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)


class RawFileSource(ArraySource):
    """Pixels of any sizes one after another in one raw file.

    Args:
        path: the file.
        shapes: (N, 3) height, width and channels of each image.
    """

    def __init__(self, path: str, shapes: np.ndarray) -> None:
        super().__init__([])
        self.file, self.shapes = path, shapes
        self.ends = np.cumsum(shapes.astype(np.int64).prod(axis=1))

    def header(self, row: int) -> ImageHeader:
        """Return the size of a row's image."""
        return ImageHeader(int(self.shapes[row][1]), int(self.shapes[row][0]), "RGB")

    def read(self, row: int) -> np.ndarray:
        """Read the uint8 pixels of a row."""
        height, width, channels = (int(v) for v in self.shapes[row])
        count = height * width * channels
        start = int(self.ends[row]) - count
        flat = np.fromfile(self.file, np.uint8, count, offset=start)
        if flat.size < count:
            raise UnreadableImage("the stored pixels end too early")
        return flat.reshape(height, width, channels)
