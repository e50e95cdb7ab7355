"""Throughput of a training, and the time left."""

from __future__ import annotations

import time

from workbench.loop import distributed
from workbench.loop.device import rank_and_world

POINT_INTERVAL = 0.25  # seconds between training points


class ThroughputMeter:
    """Meter of the seconds per step between points; validation is excluded.

    Args:
        step: updates done already, where a training is resumed.
        steps: updates of the whole training.
    """

    def __init__(self, step: int, steps: int) -> None:
        self.steps, self._read_at, self._read_step = steps, time.perf_counter(), step
        self._seconds_per_step: float | None = None
        self._next_step = step + 1

    def is_point_due(self, step: int) -> bool:
        """True if a point is due after `step` updates; the same on all processes of a training."""
        if rank_and_world()[1] > 1:
            return step >= self._next_step
        return time.perf_counter() - self._read_at >= POINT_INTERVAL

    def restart(self) -> None:
        """Exclude the time since the last reading from the next one."""
        self._read_at = time.perf_counter()

    def read(self, step: int, n_images: int) -> dict[str, float]:
        """Return images per second since the last reading, and the seconds left at the smoothed speed."""
        now = time.perf_counter()
        took, done = max(now - self._read_at, 1e-9), max(step - self._read_step, 1)
        self._seconds_per_step = (
            took / done if self._seconds_per_step is None else 0.7 * self._seconds_per_step + 0.3 * took / done
        )
        self._read_at, self._read_step = now, step
        # clocks differ and processes must make a point at the same step, so the next point is set as a step, not a time
        self._next_step = step + distributed.broadcast_answer(
            "pace", max(1, round(POINT_INTERVAL / self._seconds_per_step))
        )
        return {"images_per_second": n_images / took, "seconds_left": self._seconds_per_step * (self.steps - step)}
