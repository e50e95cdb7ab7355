"""Progress bar over several trainings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from workbench.errors import escape_control_characters


class ProgressBar:
    """Progress bar over several trainings, with the current one, its reason, and the time left.

    Args:
        total: number of trainings.
        progress: show the bar; or a function called in place of it with the reason and the number of trainings done. A
            `KeyboardInterrupt` that it raises stops the work.
    """

    def __init__(self, total: int, progress: bool | Callable[[str, float], None]) -> None:
        from tqdm import tqdm

        self._callback = progress if callable(progress) else None
        # on standard output, because notebooks show standard error as if it were an error
        self._bar = tqdm(
            total=total, disable=not progress or callable(progress), unit="training", leave=False, file=sys.stdout
        )
        self._n_done = 0

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.close()

    def __call__(self, reason: str, fraction: float) -> None:
        """Show the reason of the current training and the fraction of it that is done."""
        if self._callback:
            self._callback(reason, self._n_done + fraction)
        self._bar.set_postfix_str(escape_control_characters(reason), refresh=False)
        self._bar.n = self._n_done + fraction
        self._bar.refresh()

    def step(self) -> None:
        """Count one training as done."""
        self._n_done += 1
        self._bar.n = self._n_done
        self._bar.refresh()
