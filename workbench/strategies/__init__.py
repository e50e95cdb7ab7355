"""Strategies: WHAT is minimized. One file each, in folders by family; found by walking this folder.

`wb.list_strategies()` returns their names, `wb.describe_methods("strategies")` a frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.argument_checks import check_arguments
from workbench.plan import Choice
from workbench.registry import Registry
from workbench.strategies.base import Batch as Batch
from workbench.strategies.base import BufferDict as BufferDict
from workbench.strategies.base import Examples as Examples
from workbench.strategies.base import LabelSpec as LabelSpec
from workbench.strategies.base import Losses as Losses
from workbench.strategies.base import Strategy
from workbench.strategies.base import Update as Update

__all__ = ["list_strategies", "strategy"]

strategies: Registry[Strategy] = Registry("strategy", "workbench.strategies")


@check_arguments
def strategy(name: str | Mapping[str, Any] | Choice, **params: Any) -> Choice:
    """Make a checked choice of a strategy, such as `wb.strategy("l2-sp", alpha=0.01)`.

    Args:
        name: a name from `wb.list_strategies()`.
        params: parameters that differ from their defaults.

    Raises:
        UnknownName: no such strategy or parameter; with near misses.
        BadValue: a parameter of the wrong type or out of range.
    """
    return strategies.make_choice(name, **params)


@check_arguments
def list_strategies() -> list[str]:
    """Return the names of all strategies, sorted; `wb.describe_methods("strategies")` describes them."""
    return list(strategies)
