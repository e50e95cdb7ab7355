"""What a painted grid costs on this machine, in words: what moves, memory, time, phase by phase."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.figures.words import count
from workbench.plan import Choice, Schedule
from workbench.widgets.memory import available_memory
from workbench.widgets.words import duration, memory

THOUSAND = 1000
NOTHING = "Nothing moves: paint at least one stage in one epoch."


@dataclass(frozen=True)
class Phase:
    """Epochs in which the same stages move: first and last epoch, and which stages, stem first."""

    first: int
    last: int
    moves: tuple[bool, ...]


def phases(grid: np.ndarray) -> list[Phase]:
    """The runs of epochs with the same moving stages.

    Args:
        grid: multipliers (S, E), 0 is frozen.
    """
    found: list[Phase] = []
    for epoch, column in enumerate(np.asarray(grid).T, start=1):
        moves = tuple(bool(value > 0) for value in column)
        if found and found[-1].moves == moves:
            found[-1] = Phase(found[-1].first, epoch, moves)
        else:
            found.append(Phase(epoch, epoch, moves))
    return found


def prepared(net: Any, choice: Choice) -> Any:
    """The net as a run of this tuning has it: itself, or a copy where the tuning grafts on it."""
    from workbench.tunings import Tuning, tunings

    made = tunings.make(choice)
    if type(made).apply is Tuning.apply or choice.name == "grid":
        return net
    net = copy.deepcopy(net)
    made.apply(net)
    return net


def movable(net: Any, choice: Choice) -> list[int]:
    """How many weights of each stage a tuning lets move where the stage does, stem first."""
    from workbench.tunings import select_moving, tunings

    names = select_moving(net, [1.0] * len(net.stages), tunings.make(choice).trains).names
    weights = dict(net.named_parameters())
    return [sum(weights[name].numel() for name in stage.tensors if name in names) for stage in net.stages]


def moving_words(found: Sequence[Phase], movable_: Sequence[int], total: int) -> dict[str, Any]:
    """The sentence on how many weights move, and a warning where none does."""
    numbers = [sum(n for n, moves in zip(movable_, phase.moves, strict=True) if moves) for phase in found]
    weights = [count(number) for number in numbers]
    if not any(numbers):
        return {"moving": f"none of {count(total)} weights", "weights": weights, "warning": NOTHING}
    first, last = numbers[0], numbers[-1]
    share = f"{100 * max(numbers) / total:.1f} %" if total else ""
    words = f"{count(first)} of {count(total)} weights"
    if len(set(numbers)) == 1:
        words += f" ({share})"
    elif first != last:
        words += f", {count(last)} at the end"
    else:
        words += f", at most {count(max(numbers))} in between"
    return {"moving": words, "weights": weights, "warning": ""}


def costs(net: Any, choice: Choice, found: Sequence[Phase], images: int | None, batch_size: int) -> dict[str, Any]:
    """Memory and time of each phase on this machine, in words for the page.

    Args:
        net: measured by the first call, for about a second.
        choice: the tuning, which says what moves inside a stage.
        images: training images an epoch; None says the time for a thousand.
        batch_size: images an update.
    """
    from workbench.cost import estimate_moving
    from workbench.tunings import select_moving, tunings

    trains = tunings.make(choice).trains
    known: dict[tuple[bool, ...], Any] = {}
    for phase in found:
        if phase.moves not in known and any(phase.moves):
            moving = select_moving(net, [float(moves) for moves in phase.moves], trains)
            known[phase.moves] = estimate_moving(net, moving, images or THOUSAND, batch_size)
    each = [known.get(phase.moves) for phase in found]
    seen = [e for e in each if e is not None]
    if not seen:
        return {"memory": "", "time": "", "note": "", "each": [None] * len(found)}
    return {
        "memory": f"{memory(max(e.memory_bytes for e in seen))} of {memory(available_memory()[0])}",
        "time": _time(found, each, images),
        "note": "",
        "each": [None if e is None else (memory(e.memory_bytes), duration(e.seconds_per_epoch)) for e in each],
    }


def _time(found: Sequence[Phase], each: Sequence[Any], images: int | None) -> str:
    seconds = [0.0 if e is None else e.seconds_per_epoch for e in each]
    lengths = [phase.last - phase.first + 1 for phase in found]
    # frozen layers are computed once for each of the views that a phase shows
    once = [0.0 if e is None else e.seconds_once * min(Schedule().views, n) for e, n in zip(each, lengths, strict=True)]
    total = sum(once) + sum(s * n for s, n in zip(seconds, lengths, strict=True))
    words = f"{duration(sum(once))} once for frozen layers, then " if sum(once) else ""
    words += f"{duration(seconds[0])} an epoch"
    if duration(seconds[-1]) != duration(seconds[0]):
        words += f" at first, {duration(seconds[-1])} at the end"
    return f"{words}; {duration(total)} in all" + ("" if images else ", for 1,000 images")
