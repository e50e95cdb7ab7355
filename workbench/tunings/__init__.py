"""Tunings: WHICH weights move, and how fast. One file each, found by walking this folder.

`wb.list_tunings()` returns their names, `wb.describe_methods("tunings")` a frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from workbench.argument_checks import check_arguments
from workbench.forms import Range
from workbench.plan import Choice
from workbench.registry import Registry
from workbench.tunings.base import Tuning
from workbench.tunings.moving_weights import MovingWeights as MovingWeights
from workbench.tunings.moving_weights import find_moving_weights as find_moving_weights
from workbench.tunings.moving_weights import find_moving_weights_by_epoch as find_moving_weights_by_epoch
from workbench.tunings.moving_weights import select_moving_weights as select_moving_weights

if TYPE_CHECKING:
    from workbench.nets.net import Net

__all__ = ["list_tunings", "lr_grid", "tuning"]

tunings: Registry[Tuning] = Registry("tuning", "workbench.tunings")


@check_arguments
def tuning(name: str | Mapping[str, Any] | Choice, **params: Any) -> Choice:
    """Make a checked choice of a tuning, such as `wb.tuning("last-k", k=2)`.

    Args:
        name: a name from `wb.list_tunings()`.
        params: parameters that differ from their defaults.

    Raises:
        UnknownName: no such tuning or parameter; with near misses.
        BadValue: a parameter of the wrong type or out of range.
    """
    return tunings.make_choice(name, **params)


@check_arguments
def list_tunings() -> list[str]:
    """Return the names of all tunings, sorted; `wb.describe_methods("tunings")` describes them."""
    return list(tunings)


@check_arguments
def lr_grid(
    choice: str | Mapping[str, Any] | Choice | Tuning, net: Net, epochs: Annotated[int, Range(1, 10_000)]
) -> np.ndarray:
    """Return the learning-rate multipliers of a tuning, (S, E): one row per stage, stem first, one column per epoch.

    A multiplier of 0 is frozen. A stage in which the tuning trains no weight is frozen, whatever its multiplier.

    Args:
        choice: a tuning, or what `wb.tuning` takes.
        epochs: number of columns, at least 1.
    """
    chosen = choice if isinstance(choice, Tuning) else tunings.create(choice)
    return np.array(
        [moving.lr_multipliers for moving in find_moving_weights_by_epoch(net, chosen, epochs)], dtype=float
    ).T
