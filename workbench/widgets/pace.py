"""How far slow work is and how long it still takes, for the line that a person reads meanwhile."""

from __future__ import annotations

import time

from workbench.widgets.words import duration

SURE = 0.5  # seconds of work from which on a rate can be told


class Pace:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def words(self, done: int, of: int, noun: str) -> str:
        """How far: "8 of 12 pictures, 3 s left"; without the time while it cannot be told yet."""
        took = time.monotonic() - self._began
        left = f", {duration(took * (of - done) / done)} left" if done and took > SURE and done < of else ""
        return f"{done} of {of} {noun}{left}"
