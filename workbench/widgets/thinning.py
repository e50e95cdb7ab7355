"""A line of a chart that grows without end and never holds more than a page can draw."""

from __future__ import annotations

import math

LIMIT = 2000
"""Points kept of a line: more than a chart has columns of pixels. An even number, since halving joins pairs."""


class Line:
    """Points `(x, y)` joined into means of `stride` neighbours, the stride doubling whenever `LIMIT` is reached.

    Every part of the line has the same resolution, and the last point always counts everything given so far.
    """

    def __init__(self) -> None:
        self.x: list[float] = []
        self.y: list[float] = []
        self.stride = 1
        self._filled = 0
        self._changed: int | None = None

    def add(self, x: float, y: float) -> None:
        """One more point, to the right of those before; what is not finite is left out."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return
        if self.x and self._filled < self.stride:
            self._filled += 1
            self.x[-1] += (x - self.x[-1]) / self._filled
            self.y[-1] += (y - self.y[-1]) / self._filled
        else:
            if len(self.x) >= LIMIT:
                self._halve()
            self.x.append(x)
            self.y.append(y)
            self._filled = 1
        last = len(self.x) - 1
        self._changed = last if self._changed is None else min(self._changed, last)

    def whole(self) -> dict[str, object]:
        """The line as the page takes it: everything, from index 0."""
        return {"at": 0, "x": list(self.x), "y": list(self.y)}

    def news(self) -> dict[str, object] | None:
        """What changed since the last call: the page keeps `at` points and appends the rest; None if nothing did."""
        if self._changed is None:
            return None
        at, self._changed = self._changed, None
        return {"at": at, "x": self.x[at:], "y": self.y[at:]}

    def _halve(self) -> None:
        self.x = [(a + b) / 2 for a, b in zip(self.x[::2], self.x[1::2], strict=True)]
        self.y = [(a + b) / 2 for a, b in zip(self.y[::2], self.y[1::2], strict=True)]
        self.stride *= 2
        self._changed = 0
