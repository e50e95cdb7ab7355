"""Speed and time left of a training."""

from __future__ import annotations

import time

from workbench.loop import distributed
from workbench.loop.device import rank_and_world

EVERY = 0.25  # seconds between training points


class Clock:
    """Measures the pace between points; validation is left out of it.

    Args:
        step: updates done already, where a training is resumed.
        steps: updates of the whole training.
    """

    def __init__(self, step: int, steps: int) -> None:
        self.steps, self._at, self._step = steps, time.perf_counter(), step
        self._pace: float | None = None
        self._next = step + 1

    def due(self, step: int) -> bool:
        """Whether it is time for a point after `step` updates: the same on all processes of a training."""
        if rank_and_world()[1] > 1:
            return step >= self._next
        return time.perf_counter() - self._at >= EVERY

    def restart(self) -> None:
        """Leaves out of the next reading what has passed since the last."""
        self._at = time.perf_counter()

    def read(self, step: int, images: int) -> dict[str, float]:
        """Images a second since the last reading, and seconds left at the smoothed pace."""
        now = time.perf_counter()
        took, done = max(now - self._at, 1e-9), max(step - self._step, 1)
        self._pace = took / done if self._pace is None else 0.7 * self._pace + 0.3 * took / done
        self._at, self._step = now, step
        # clocks differ, and processes that wait for each other must meet: the next point is a step, not a time
        self._next = step + distributed.first("pace", max(1, round(EVERY / self._pace)))
        return {"images_per_second": images / took, "seconds_left": self._pace * (self.steps - step)}
