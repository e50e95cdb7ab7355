"""Transferability scores, computed before any training. One file per score, found by walking this folder.

`wb.list_scores()` gives their names; `wb.scores.leep(probabilities, labels)` computes one: arrays in, a float out.
"""

from __future__ import annotations

import importlib
from typing import Any

from workbench.argument_checks import check_arguments
from workbench.scores.base import Score as Score
from workbench.scores.base import ScoreRegistry
from workbench.scores.moments import Moments as Moments

__all__ = ["list_scores"]

scores = ScoreRegistry("score", "workbench.scores")
_OTHERS = {"weighted_tau": "workbench.scores.rank_correlation"}  # public, but no score of a backbone


@check_arguments
def list_scores() -> list[str]:
    """Return the names of all scores, sorted; `wb.describe_methods("scores")` describes them."""
    return list(scores)


def __getattr__(name: str) -> Any:
    if name in _OTHERS:
        return getattr(importlib.import_module(_OTHERS[name]), name)
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        return scores[name]
    except LookupError as unknown:
        raise AttributeError(str(unknown)) from None


def __dir__() -> list[str]:
    return sorted({"Moments", "Score", "ScoreRegistry", *_OTHERS, *scores})
