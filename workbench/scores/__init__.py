"""Scores: how well a backbone may transfer, told before any training. One file each; found by walking this folder.

`wb.scores()` lists them as a frame; `wb.scores.leep(probabilities, labels)` computes one: arrays in, a float out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.arguments import check_arguments
from workbench.face import answer
from workbench.scores.base import Score, Scores
from workbench.scores.moments import Moments

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Moments", "Score", "Scores", "scores", "table"]

scores = Scores("score", "workbench.scores")


@check_arguments
def table() -> pd.DataFrame:
    """All scores: name, what each tells, what it needs, its paper, its cost, which end is better, when it breaks."""
    return scores.table()


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        return scores[name]
    except LookupError as unknown:
        raise AttributeError(str(unknown)) from None


def __dir__() -> list[str]:
    return sorted({*__all__, *scores})


answer(__name__, table)
