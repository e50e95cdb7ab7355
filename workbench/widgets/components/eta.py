"""Progress and remaining time of slow work in one line."""

from __future__ import annotations

import time

from workbench.formatting import format_duration

MIN_SECONDS = 0.5  # seconds of work before the remaining time is estimated


class Eta:
    """Estimate of the remaining time, counted from its creation."""

    def __init__(self) -> None:
        self._start_time = time.monotonic()

    def format_progress(self, done: int, total: int, unit: str) -> str:
        """Format the progress: "8 of 12 pictures, 3 s left"; without a time until it can be estimated."""
        elapsed = time.monotonic() - self._start_time
        time_left = (
            f", {format_duration(elapsed * (total - done) / done)} left"
            if done and elapsed > MIN_SECONDS and done < total
            else ""
        )
        return f"{done} of {total} {unit}{time_left}"
