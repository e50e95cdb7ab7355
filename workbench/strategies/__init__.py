"""Strategies: WHAT is minimised. One file each, in folders by family; found by walking this folder.

`wb.strategies()` lists them as a frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.arguments import check_arguments
from workbench.face import answer
from workbench.plan import Choice
from workbench.registry import Registry
from workbench.strategies.base import Batch, Examples, Losses, Strategy, Table, Target, Update

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Batch", "Examples", "Losses", "Strategy", "Table", "Target", "Update", "strategies", "strategy", "table"]

strategies: Registry[Strategy] = Registry("strategy", "workbench.strategies")


@check_arguments
def strategy(name: str | Mapping[str, Any] | Choice, **params: Any) -> Choice:
    """A checked choice of a strategy, such as `wb.strategy("l2-sp", alpha=0.01)`.

    Args:
        name: a name that `wb.strategies()` lists.
        params: what differs from its defaults.

    Raises:
        UnknownName: no such strategy or parameter, with near misses.
        BadValue: a parameter of the wrong type or out of range.
    """
    return strategies.choice(name, **params)


@check_arguments
def table() -> pd.DataFrame:
    """All strategies: name, what each is for, its paper, its parameters with their defaults."""
    return strategies.table()


answer(__name__, table)
