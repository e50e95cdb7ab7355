"""Pixel source of images that are rendered on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from workbench.data.items import Items
from workbench.data.pixels.decoding import ResizeConfig
from workbench.data.pixels.pixel_sources import FileStamp

MEMORY_LIMIT = 512_000_000  # bytes of images that are cached in memory for the next epoch


class ImageRenderer(Protocol):
    """Renderer of images by their row in a set."""

    def __call__(self, rows: np.ndarray, size: int) -> np.ndarray:
        """Render images (n, 3, size, size) uint8."""
        ...

    def content_key(self, row: int) -> bytes:
        """Return bytes that identify the image at a row: images with equal keys are equal."""
        ...


class RenderedPixels:
    """Pixel source that renders images on demand, with equal pixels at any time, on any machine and in any batch.

    Args:
        renderer: renderer of the images.
        size: image size in pixels for display.
    """

    has_unique_images = True  # all images differ, so the search for duplicates need not render them

    def __init__(self, renderer: ImageRenderer, size: int) -> None:
        self.renderer, self.size = renderer, size

    def path(self, row: int) -> None:
        """Return None: there is no file."""
        return None

    def header(self, row: int) -> None:
        """Return None: every image is square."""
        return None

    def stamp(self, row: int) -> FileStamp:
        """Return the content key of an image, which identifies it without rendering."""
        return self.renderer.content_key(row), None, None

    def read(self, row: int) -> np.ndarray:
        """Render the pixels (H, W, 3) uint8 of a row."""
        return self.renderer(np.array([row]), self.size)[0].transpose(1, 2, 0)

    def open_pixel_cache(self, items: Items, resize_config: ResizeConfig) -> RenderedPixelCache:
        """Return a cache of images rendered at the requested size, not resized."""
        return RenderedPixelCache(items, self.renderer, resize_config.edge)


class RenderedPixelCache:
    """Cache of rendered images at one size; a set that fits is kept in memory.

    Args:
        items: items of the set.
        renderer: renderer of the images.
        image_size: size of the images in pixels.
    """

    def __init__(self, items: Items, renderer: ImageRenderer, image_size: int) -> None:
        self.items, self.renderer, self.image_size = items, renderer, image_size
        self._lock = threading.Lock()
        keep = len(items) * 3 * image_size**2 <= MEMORY_LIMIT
        self._squares = np.empty((len(items) if keep else 0, 3, image_size, image_size), np.uint8)
        self._is_rendered = np.zeros(len(items), bool)

    def gather(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return images (n, 3, S, S) of the rows, and True for each of them (n,), since all are readable."""
        everything = np.ones(len(rows), bool)
        if not len(self._squares):
            return self._render(rows), everything
        with self._lock:
            missing = np.unique(rows[~self._is_rendered[rows]])
            if len(missing):
                self._squares[missing] = self._render(missing)
                self._is_rendered[missing] = True
        return self._squares[rows], everything

    def fill(self, rows: np.ndarray, stop: Callable[[], bool]) -> Iterator[int]:
        """Render images ahead if they are cached; yield the number rendered so far."""
        for start in range(0, len(rows) if len(self._squares) else 0, 256):
            if stop():
                return
            self.gather(rows[start : start + 256])
            yield min(start + 256, len(rows))
        yield len(rows)

    def flush(self) -> None:
        """Do nothing: there is no file to write."""

    def _render(self, rows: np.ndarray) -> np.ndarray:
        squares = self.renderer(self.items.source_index[rows], self.image_size)
        if not self.items.shifts:
            return squares
        return np.stack([self._apply_shift(int(row), square) for row, square in zip(rows, squares, strict=True)])

    def _apply_shift(self, row: int, square: np.ndarray) -> np.ndarray:
        shift = self.items.shift(row)
        return (
            square if shift is None else shift(square.transpose(1, 2, 0), self.items.hash_key(row)).transpose(2, 0, 1)
        )

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("a pixel cache cannot be pickled")
