"""Cost of a painted grid on this machine in words: moving weights, memory and time for each phase."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.formatting import format_bytes, format_count, format_duration, format_percent
from workbench.plan import Choice, Schedule
from workbench.widgets.components.memory_estimate import get_available_memory

DEFAULT_N_IMAGES = 1000
NOTHING_MOVES = "All stages are frozen: paint at least one stage in one epoch."


@dataclass(frozen=True)
class Phase:
    """Consecutive epochs in which the same stages move: first and last epoch, and one flag per stage, stem first."""

    first_epoch: int
    last_epoch: int
    is_moving: tuple[bool, ...]


def split_into_phases(grid: np.ndarray) -> list[Phase]:
    """Split a grid into runs of epochs with the same moving stages.

    Args:
        grid: learning-rate multipliers (S, E); 0 is frozen.
    """
    phases: list[Phase] = []
    for epoch, column in enumerate(np.asarray(grid).T, start=1):
        moves = tuple(bool(value > 0) for value in column)
        if phases and phases[-1].is_moving == moves:
            phases[-1] = Phase(phases[-1].first_epoch, epoch, moves)
        else:
            phases.append(Phase(epoch, epoch, moves))
    return phases


def apply_tuning(net: Any, choice: Choice) -> Any:
    """Apply a tuning as a run would: return the net itself, or a copy of it where the tuning adds modules."""
    from workbench.tunings import Tuning, tunings

    tuning = tunings.create(choice)
    if type(tuning).apply is Tuning.apply or choice.name == "grid":
        return net
    net = copy.deepcopy(net)
    tuning.apply(net)
    return net


def count_movable_weights(net: Any, choice: Choice) -> list[int]:
    """Count the weights of each stage that a tuning would train if the stage moves, stem first."""
    from workbench.tunings import select_moving_weights, tunings

    names = select_moving_weights(net, [1.0] * len(net.stages), tunings.create(choice).trains).names
    weights = dict(net.named_parameters())
    return [sum(weights[name].numel() for name in stage.tensor_names if name in names) for stage in net.stages]


def describe_moving_weights(phases: Sequence[Phase], n_movable: Sequence[int], n_weights: int) -> dict[str, Any]:
    """Describe how many weights move, with a warning if none does.

    Returns:
        `moving` (a sentence), `weights` (one text per phase) and `warning`, for the page.
    """
    numbers = [sum(n for n, moves in zip(n_movable, phase.is_moving, strict=True) if moves) for phase in phases]
    weights = [format_count(number) for number in numbers]
    if not any(numbers):
        return {"moving": f"none of {format_count(n_weights)} weights", "weights": weights, "warning": NOTHING_MOVES}
    first, last = numbers[0], numbers[-1]
    share = format_percent(max(numbers) / n_weights) if n_weights else ""
    words = f"{format_count(first)} of {format_count(n_weights)} weights"
    if len(set(numbers)) == 1:
        words += f" ({share})"
    elif first != last:
        words += f", {format_count(last)} at the end"
    else:
        words += f", at most {format_count(max(numbers))} in between"
    return {"moving": words, "weights": weights, "warning": ""}


def estimate_costs(
    net: Any, choice: Choice, phases: Sequence[Phase], n_images: int | None, batch_size: int
) -> dict[str, Any]:
    """Estimate memory and time of each phase on this machine, in words for the page.

    Args:
        net: the net; the first call measures it for about one second.
        choice: tuning, which decides what moves inside a stage.
        phases: epochs with the same moving stages, as `split_into_phases` gives them.
        n_images: training images per epoch; None estimates the time for 1,000.
        batch_size: images per update.
    """
    from workbench.cost import estimate_moving_cost
    from workbench.tunings import select_moving_weights, tunings

    trains = tunings.create(choice).trains
    estimate_by_stages: dict[tuple[bool, ...], Any] = {}
    for phase in phases:
        if phase.is_moving not in estimate_by_stages and any(phase.is_moving):
            moving = select_moving_weights(net, [float(moves) for moves in phase.is_moving], trains)
            estimate_by_stages[phase.is_moving] = estimate_moving_cost(
                net, moving, n_images or DEFAULT_N_IMAGES, batch_size
            )
    estimates = [estimate_by_stages.get(phase.is_moving) for phase in phases]
    known = [estimate for estimate in estimates if estimate is not None]
    if not known:
        return {"memory": "", "time": "", "note": "", "each": [None] * len(phases)}
    needed = max(estimate.memory_bytes for estimate in known)
    return {
        "memory": f"{format_bytes(needed)} of {format_bytes(get_available_memory()[0])}",
        "time": _describe_time(phases, estimates, n_images),
        "note": "",
        "each": [
            None
            if estimate is None
            else (format_bytes(estimate.memory_bytes), format_duration(estimate.seconds_per_epoch))
            for estimate in estimates
        ],
    }


def _describe_time(phases: Sequence[Phase], estimates: Sequence[Any], n_images: int | None) -> str:
    seconds = [0.0 if estimate is None else estimate.seconds_per_epoch for estimate in estimates]
    lengths = [phase.last_epoch - phase.first_epoch + 1 for phase in phases]
    # the outputs of frozen layers are computed once for each view in a phase
    caching = [
        0.0 if estimate is None else estimate.caching_seconds * min(Schedule().augment_views, n)
        for estimate, n in zip(estimates, lengths, strict=True)
    ]
    total = sum(caching) + sum(s * n for s, n in zip(seconds, lengths, strict=True))
    words = f"{format_duration(sum(caching))} once for frozen layers, then " if sum(caching) else ""
    words += f"{format_duration(seconds[0])} per epoch"
    if format_duration(seconds[-1]) != format_duration(seconds[0]):
        words += f" at first, {format_duration(seconds[-1])} at the end"
    return f"{words}; {format_duration(total)} in total" + ("" if n_images else ", for 1,000 images")
