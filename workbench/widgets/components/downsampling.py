"""Downsampling of a growing line to the number of points that a page can draw."""

from __future__ import annotations

import math

MAX_POINTS = 2000
"""Most points of a line: more than a chart has columns of pixels. An even number, since halving joins pairs."""


class DownsampledLine:
    """Points `(x, y)` averaged over `stride` neighbors; the stride doubles whenever `MAX_POINTS` is reached.

    Every part of the line has the same resolution, and the last point always includes the newest values.
    """

    def __init__(self) -> None:
        self.x: list[float] = []
        self.y: list[float] = []
        self.stride = 1
        self._n_joined = 0
        self._first_changed: int | None = None

    def add(self, x: float, y: float) -> None:
        """Append a point to the right of the previous ones; ignore values that are not finite."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return
        if self.x and self._n_joined < self.stride:
            self._n_joined += 1
            self.x[-1] += (x - self.x[-1]) / self._n_joined
            self.y[-1] += (y - self.y[-1]) / self._n_joined
        else:
            if len(self.x) >= MAX_POINTS:
                self._halve_points()
            self.x.append(x)
            self.y.append(y)
            self._n_joined = 1
        last = len(self.x) - 1
        self._first_changed = last if self._first_changed is None else min(self._first_changed, last)

    def to_message(self) -> dict[str, object]:
        """Return the whole line as a message for the page, from index 0."""
        return {"at": 0, "x": list(self.x), "y": list(self.y)}

    def pop_changes(self) -> dict[str, object] | None:
        """Return the changes since the last call, or None: the page keeps `at` points and appends the others."""
        if self._first_changed is None:
            return None
        at, self._first_changed = self._first_changed, None
        return {"at": at, "x": self.x[at:], "y": self.y[at:]}

    def _halve_points(self) -> None:
        self.x = [(a + b) / 2 for a, b in zip(self.x[::2], self.x[1::2], strict=True)]
        self.y = [(a + b) / 2 for a, b in zip(self.y[::2], self.y[1::2], strict=True)]
        self.stride *= 2
        self._first_changed = 0
