"""Tunings: WHICH weights move, and how fast. One file each; found by walking this folder.

`wb.tunings()` lists them as a frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.face import answer
from workbench.forms import Range
from workbench.plan import Choice
from workbench.registry import Registry
from workbench.tunings.base import Tuning
from workbench.tunings.moving_weights import MovingWeights, find_moving, find_moving_grid, select_moving

if TYPE_CHECKING:
    import pandas as pd

    from workbench.nets import Net

__all__ = [
    "MovingWeights",
    "Tuning",
    "find_moving",
    "find_moving_grid",
    "grid",
    "select_moving",
    "table",
    "tuning",
    "tunings",
]

tunings: Registry[Tuning] = Registry("tuning", "workbench.tunings")


@check_arguments
def tuning(name: str | Mapping[str, Any] | Choice, **params: Any) -> Choice:
    """A checked choice of a tuning, such as `wb.tuning("last-k", k=2)`.

    Args:
        name: a name that `wb.tunings()` lists.
        params: what differs from its defaults.

    Raises:
        UnknownName: no such tuning or parameter, with near misses.
        BadValue: a parameter of the wrong type or out of range.
    """
    return tunings.choice(name, **params)


@check_arguments
def table() -> pd.DataFrame:
    """All tunings: name, what each is for, its paper, its parameters with their defaults."""
    return tunings.table()


@check_arguments
def grid(
    choice: str | Mapping[str, Any] | Choice | Tuning, net: Net, epochs: Annotated[int, Range(1, 10_000)]
) -> np.ndarray:
    """A tuning as a picture: one row a stage, stem first, one column an epoch; values (S, E), 0 is frozen.

    A stage in which the tuning lets no weight move is frozen, whatever its rate.

    Args:
        choice: a tuning, or what `wb.tuning` takes.
        epochs: columns of the picture, at least 1.
    """
    made = choice if isinstance(choice, Tuning) else tunings.make(choice)
    return np.array([moving.rates for moving in find_moving_grid(net, made, epochs)], dtype=float).T


answer(__name__, table)
