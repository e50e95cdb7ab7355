"""Moving weights per epoch and their learning rates: one answer for loop, optimizer, partition, cost and frozen check.

It is computed from the tuning and from the stages that a strategy never moves, each time; a `requires_grad` that was
set elsewhere has no effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, UnknownName

if TYPE_CHECKING:
    from workbench.nets.net import Net
    from workbench.tunings.base import Tuning


@dataclass(frozen=True)
class MovingWeights:
    """Weights that may move in one epoch.

    Attributes:
        lr_multipliers: one multiplier of the learning rate per stage, stem first; 0 where no weight may move.
        names: dotted names, from the net's root, of the parameters that may move.
    """

    lr_multipliers: tuple[float, ...]
    names: frozenset[str]

    @property
    def phase(self) -> tuple[tuple[bool, ...], frozenset[str]]:
        """Key of a training phase: the stages that move and the weights that move, but not their rates."""
        return tuple(rate > 0 for rate in self.lr_multipliers), self.names


@check_arguments
def find_moving_weights(net: Net, tuning: Tuning, progress: float, frozen: Collection[str] = ()) -> MovingWeights:
    """Find the weights that may move at a given progress of a run.

    Args:
        tuning: gives the rate of each stage, and which weights of a moving stage move.
        progress: fraction of the epochs done, from 0 to below 1.
        frozen: names of stages that never move, whatever the tuning.

    Raises:
        UnknownName: a name in `frozen` that is no stage of the net.
        BadValue: not one rate per stage, or rates that are negative or not finite.
    """
    return select_moving_weights(net, tuning.lr_multipliers(net, progress), tuning.trains, frozen)


@check_arguments
def find_moving_weights_by_epoch(
    net: Net, tuning: Tuning, epochs: int, frozen: Collection[str] = ()
) -> list[MovingWeights]:
    """Find the weights that may move in each epoch of a run; see `find_moving_weights`."""
    known: dict[tuple[float, ...], MovingWeights] = {}
    grid = []
    with net.cache_stages():
        for epoch in range(epochs):
            rates = tuple(tuning.lr_multipliers(net, epoch / epochs))
            if rates not in known:
                known[rates] = select_moving_weights(net, rates, tuning.trains, frozen)
            grid.append(known[rates])
    return grid


@check_arguments
def select_moving_weights(
    net: Net,
    lr_multipliers: Sequence[float],
    trains: Callable[[str, nn.Parameter], bool] = lambda name, parameter: True,
    frozen: Collection[str] = (),
) -> MovingWeights:
    """Select the weights that may move under given multipliers.

    Args:
        lr_multipliers: one multiplier per stage, stem first; 0 is frozen.
        trains: predicate on the name and the parameter: whether it moves when its stage does.
        frozen: names of stages that never move.

    Raises:
        UnknownName: a name in `frozen` that is no stage of the net.
        BadValue: not one multiplier per stage, or multipliers that are negative or not finite.
    """
    stages, parameters = net.stages, dict(net.named_parameters())
    for name in frozen:
        if name not in {stage.name for stage in stages}:
            raise UnknownName.of(f"stage of {net.choice.name}", name, [stage.name for stage in stages])
    given = [_check_multiplier(rate) for rate in lr_multipliers]
    if len(given) != len(stages):
        raise BadValue(f"expected one learning-rate multiplier per stage, {len(stages)} of them, got {len(given)}")
    effective, names = [], set[str]()
    for stage, rate in zip(stages, given, strict=True):
        own = [name for name in stage.tensor_names if name in parameters]
        moves = rate > 0 and stage.name not in frozen
        free = [name for name in own if trains(name, parameters[name])] if moves else []
        # a stage without weights has a multiplier too: it sets whether its dropout and statistics are active
        effective.append(rate if free or (moves and not own) else 0.0)
        names.update(free)
    return MovingWeights(tuple(effective), frozenset(names))


def has_running_stats(module: nn.Module) -> bool:
    """True if a module tracks running statistics of its batches, as batch norm does."""
    return getattr(module, "running_mean", None) is not None or getattr(module, "running_var", None) is not None


def find_frozen_norms(net: nn.Module, names: Collection[str]) -> set[str]:
    """Find the modules whose running statistics are fixed because none of their weights is among `names`."""
    frozen = set()
    for name, module in net.named_modules():
        own = [f"{name}.{parameter}" for parameter, _ in module.named_parameters(recurse=False)]
        if own and has_running_stats(module) and not any(parameter in names for parameter in own):
            frozen.add(name)
    return frozen


def _check_multiplier(rate: Any) -> float:
    if not isinstance(rate, (int, float)) or not math.isfinite(rate) or rate < 0:
        raise BadValue(f"expected a finite learning-rate multiplier from 0 (frozen), got {rate!r}")
    return float(rate)
