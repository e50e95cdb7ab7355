"""Before the first step: a net, a tuning, a strategy and batches are made ready for each other, or refused."""

from __future__ import annotations

import logging
from collections.abc import Collection

import torch

from workbench.errors import BadValue
from workbench.images.batches import Batches
from workbench.loop.phase import has_batch_norm
from workbench.nets import Net
from workbench.plan import Schedule
from workbench.strategies import Strategy, Target
from workbench.tunings import MovingWeights, Tuning, find_moving_grid

log = logging.getLogger("workbench")


def prepare(net: Net, tuning: Tuning, strategy: Strategy, batches: Batches, schedule: Schedule, seed: int) -> None:
    """Grafts and makes the strategy's state, with its own random numbers; refuses what cannot train.

    Raises:
        BadValue: labels that the strategy cannot read, other classes, a batch that may not be shared, or batch norm
            over single images.
    """
    images = batches.images
    if images.kind not in strategy.kinds:
        raise BadValue(
            f"the strategy {strategy.name} reads {' or '.join(strategy.kinds)}; these images hold {images.kind}"
        )
    if net.classes is not None and tuple(net.classes) != tuple(images.classes):
        raise BadValue(
            f"the net answers with {len(net.classes)} classes, {images.name} has {len(images.classes)}, not all the "
            "same; give the net a head for them: wb.load(name, classes=images.classes)"
        )
    if min(schedule.batch_size, batches.count) < 2 and has_batch_norm(net) and schedule.batch_norm == "follow":
        raise BadValue("batch norm needs at least two images a batch: raise batch_size, or say batch_norm='still'")
    check_whole(strategy, batches.world)
    strategy.target = Target(images.kind, tuple((name, len(classes)) for name, classes in images.tasks.items()))
    warn_of_marks(net, find_moving_names(net, tuning, schedule.epochs, strategy.frozen))
    # whatever a net was used for before: what the strategy copies of it must not depend on that
    net.requires_grad_(True).eval()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        tuning.apply(net)
        strategy.prepare(net)
    warn_of_marks(net, find_moving_names(net, tuning, schedule.epochs, strategy.frozen))  # by either of them


def find_moving_epochs(net: Net, tuning: Tuning, epochs: int, frozen: Collection[str]) -> list[MovingWeights]:
    """Find the weights that may move in each epoch.

    Raises:
        BadValue: nothing moves in any of them.
    """
    grid = find_moving_grid(net, tuning, epochs, frozen)
    if not any(moving.names for moving in grid):
        kept = f", and the strategy never moves {', '.join(frozen)}" if frozen else ""
        raise BadValue(f"nothing moves under the tuning {tuning.name}: every stage is frozen in every epoch{kept}")
    return grid


def check_whole(strategy: Strategy, parts: int) -> None:
    """Refuses to part batches that must stay whole.

    Args:
        parts: that a batch comes in: chunks, or processes that share it.

    Raises:
        BadValue: more than one, of a strategy that compares the images of a batch with each other.
    """
    if strategy.whole_batch and parts > 1:
        raise BadValue(
            f"the strategy {strategy.name} compares the images of a batch with each other: expected whole batches, got "
            f"{parts} parts, which would minimise something else; train it in one process, begun anew, with a "
            "batch_size that fits"
        )


def warn_of_marks(net: Net, moving: Collection[str]) -> None:
    """Says that weights marked with `requires_grad=False` move all the same, where they are among `moving`."""
    marked = sum(not parameter.requires_grad for name, parameter in net.named_parameters() if name in moving)
    if marked:
        log.warning(
            "%d tensors of weights are marked with requires_grad=False and move all the same: the plan alone says what "
            "is frozen (tuning='head', 'last-k' or a painted grid; `trains` in a tuning of your own)",
            marked,
        )


def find_moving_names(net: Net, tuning: Tuning, epochs: int, frozen: Collection[str]) -> frozenset[str]:
    """Find the names of the parameters that move in some epoch; none where the net has all of its marks still."""
    if all(parameter.requires_grad for parameter in net.parameters()):
        return frozenset()
    return frozenset[str]().union(*(moving.names for moving in find_moving_grid(net, tuning, epochs, frozen)))
