"""Which weights of a net may move in an epoch, and how fast: one answer for loop, optimiser, cut, cost and check.

It is computed from the tuning and from the stages that a strategy never moves, each time; `requires_grad` that somebody
left behind plays no part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from workbench.arguments import check_arguments
from workbench.errors import BadValue, UnknownName

if TYPE_CHECKING:
    from workbench.nets import Net
    from workbench.tunings.base import Tuning


@dataclass(frozen=True)
class MovingWeights:
    """The weights that may move in one epoch.

    Attributes:
        rates: one multiplier of the base rate per stage, stem first; 0 where nothing of the stage may move.
        names: dotted names, from the net's root, of the parameters that may move.
    """

    rates: tuple[float, ...]
    names: frozenset[str]

    @property
    def phase(self) -> tuple[tuple[bool, ...], frozenset[str]]:
        """What tells two phases of a training apart: which stages move, and which weights; not how fast."""
        return tuple(rate > 0 for rate in self.rates), self.names


@check_arguments
def find_moving(net: Net, tuning: Tuning, progress: float, frozen: Collection[str] = ()) -> MovingWeights:
    """Find the weights that may move at some progress of a run.

    Args:
        tuning: gives the rate of each stage, and which weights of a moving stage move.
        progress: share of the epochs that are over, from 0 to below 1.
        frozen: names of stages that never move, whatever the tuning says.

    Raises:
        UnknownName: a stage to be frozen that the net does not have.
        BadValue: not one rate per stage, or rates that are negative or no numbers.
    """
    return select_moving(net, tuning.rates(net, progress), tuning.trains, frozen)


@check_arguments
def find_moving_grid(net: Net, tuning: Tuning, epochs: int, frozen: Collection[str] = ()) -> list[MovingWeights]:
    """Find the weights that may move in each epoch of a run; see `find_moving`."""
    known: dict[tuple[float, ...], MovingWeights] = {}
    grid = []
    with net.hold_stages():
        for epoch in range(epochs):
            rates = tuple(tuning.rates(net, epoch / epochs))
            if rates not in known:
                known[rates] = select_moving(net, rates, tuning.trains, frozen)
            grid.append(known[rates])
    return grid


@check_arguments
def select_moving(
    net: Net,
    rates: Sequence[float],
    trains: Callable[[str, nn.Parameter], bool] = lambda name, parameter: True,
    frozen: Collection[str] = (),
) -> MovingWeights:
    """Select the weights that may move under given rates.

    Args:
        rates: one multiplier per stage, stem first; 0 is frozen.
        trains: whether a parameter of a moving stage moves, by its dotted name and itself.
        frozen: names of stages that never move.

    Raises:
        UnknownName: a stage to be frozen that the net does not have.
        BadValue: not one rate per stage, or rates that are negative or no numbers.
    """
    stages, parameters = net.stages, dict(net.named_parameters())
    for name in frozen:
        if name not in {stage.name for stage in stages}:
            raise UnknownName.of(f"stage of {net.choice.name}", name, [stage.name for stage in stages])
    given = [_checked(rate) for rate in rates]
    if len(given) != len(stages):
        raise BadValue(f"expected one rate per stage, {len(stages)} of them, got {len(given)}")
    obeyed, names = [], set[str]()
    for stage, rate in zip(stages, given, strict=True):
        own = [name for name in stage.tensors if name in parameters]
        moves = rate > 0 and stage.name not in frozen
        free = [name for name in own if trains(name, parameters[name])] if moves else []
        # a stage without any weights has a rate too: that of its dropout and its statistics
        obeyed.append(rate if free or (moves and not own) else 0.0)
        names.update(free)
    return MovingWeights(tuple(obeyed), frozenset(names))


def keeps_statistics(module: nn.Module) -> bool:
    """Whether a module follows statistics of its batches, as batch norm does."""
    return getattr(module, "running_mean", None) is not None or getattr(module, "running_var", None) is not None


def find_still_norms(net: nn.Module, names: Collection[str]) -> set[str]:
    """Find the modules whose statistics stand still because none of their weights is among `names`."""
    found = set()
    for name, module in net.named_modules():
        own = [f"{name}.{parameter}" for parameter, _ in module.named_parameters(recurse=False)]
        if own and keeps_statistics(module) and not any(parameter in names for parameter in own):
            found.add(name)
    return found


def _checked(rate: Any) -> float:
    if not isinstance(rate, (int, float)) or not math.isfinite(rate) or rate < 0:
        raise BadValue(f"a rate is a finite number from 0 (frozen); got {rate!r}")
    return float(rate)
