"""Where the pixels of the world come from: nowhere, until they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from workbench.images.decoding import Framing
from workbench.images.items import Items
from workbench.images.origins import Stamp

KEPT = 512_000_000  # bytes of pictures that are kept in memory for the next epoch


class Painter(Protocol):
    """What draws pictures by their place in a set."""

    def __call__(self, places: np.ndarray, size: int) -> np.ndarray:
        """Squares (n, 3, size, size) uint8."""
        ...

    def recipe(self, place: int) -> bytes:
        """What decides the picture at a place: two with the same recipe are the same."""
        ...


class Drawn:
    """Pictures that are drawn on demand: the same whenever, wherever and in whatever batch.

    Args:
        painter: what draws them.
        size: edge in pixels of a picture that is looked at by itself.
    """

    distinct = True  # no two are alike: the search for duplicates need not draw them all

    def __init__(self, painter: Painter, size: int) -> None:
        self.painter, self.size = painter, size

    def path(self, row: int) -> None:
        """There is no file."""
        return None

    def header(self, row: int) -> None:
        """Every picture is a square."""
        return None

    def stamp(self, row: int) -> Stamp:
        """A picture is known by its recipe: nothing need be drawn to recognise it."""
        return self.painter.recipe(row), None, None

    def read(self, row: int) -> np.ndarray:
        """The uint8 pixels (H, W, 3) of a row."""
        return self.painter(np.array([row]), self.size)[0].transpose(1, 2, 0)

    def shelf(self, items: Items, framing: Framing) -> DrawnShelf:
        """Squares at the size that is wanted: drawn at that size, not resized."""
        return DrawnShelf(items, self.painter, framing.edge)


class DrawnShelf:
    """The squares of a drawn set at one size; a set that is small enough stays in memory.

    Args:
        items: the set.
        painter: what draws it.
        edge: of the squares, in pixels.
    """

    def __init__(self, items: Items, painter: Painter, edge: int) -> None:
        self.items, self.painter, self.edge = items, painter, edge
        self._lock = threading.Lock()
        keep = len(items) * 3 * edge**2 <= KEPT
        self._held = np.empty((len(items) if keep else 0, 3, edge, edge), np.uint8)
        self._has = np.zeros(len(items), bool)

    def gather(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squares (n, 3, S, S) of the rows, and that all can be had (n,)."""
        everything = np.ones(len(rows), bool)
        if not len(self._held):
            return self._drawn(rows), everything
        with self._lock:
            missing = np.unique(rows[~self._has[rows]])
            if len(missing):
                self._held[missing] = self._drawn(missing)
                self._has[missing] = True
        return self._held[rows], everything

    def fill(self, rows: np.ndarray, stop: Callable[[], bool]) -> Iterator[int]:
        """Draws ahead what is kept; yields how many are done."""
        for start in range(0, len(rows) if len(self._held) else 0, 256):
            if stop():
                return
            self.gather(rows[start : start + 256])
            yield min(start + 256, len(rows))
        yield len(rows)

    def flush(self) -> None:
        """Nothing is stored."""

    def _drawn(self, rows: np.ndarray) -> np.ndarray:
        squares = self.painter(self.items.at[rows], self.edge)
        if not self.items.shifts:
            return squares
        return np.stack([self._shifted(int(row), square) for row, square in zip(rows, squares, strict=True)])

    def _shifted(self, row: int, square: np.ndarray) -> np.ndarray:
        shift = self.items.shift(row)
        return square if shift is None else shift(square.transpose(1, 2, 0), self.items.anchor(row)).transpose(2, 0, 1)

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("a shelf stays in its process")
