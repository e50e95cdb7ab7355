"""How far several trainings are, in one bar."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from workbench.errors import printable


class Bar:
    """Progress over several trainings: which one, why, and the time left.

    Args:
        total: trainings.
        shown: whether anybody looks; or what is told in place of a bar: the words, and how many trainings are done.
            A `KeyboardInterrupt` that it raises stops the work.
    """

    def __init__(self, total: int, shown: bool | Callable[[str, float], None]) -> None:
        from tqdm import tqdm

        self._tell = shown if callable(shown) else None
        # on standard output: a notebook shows what comes on the other as if it were an error
        self._bar = tqdm(
            total=total, disable=not shown or callable(shown), unit="training", leave=False, file=sys.stdout
        )
        self._done = 0

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.close()

    def __call__(self, why: str, share: float) -> None:
        """Says what is under way and how much of it is done."""
        if self._tell:
            self._tell(why, self._done + share)
        self._bar.set_postfix_str(printable(why), refresh=False)
        self._bar.n = self._done + share
        self._bar.refresh()

    def step(self) -> None:
        """One training is done."""
        self._done += 1
        self._bar.n = self._done
        self._bar.refresh()
