"""Preparation before the first step: net, tuning, strategy and batches are checked and set up for each other."""

from __future__ import annotations

import logging
from collections.abc import Collection

import torch

from workbench.data.batches import Batches
from workbench.errors import BadValue
from workbench.formatting import join_names
from workbench.loop.freezing import has_batch_norm
from workbench.nets.net import Net
from workbench.plan import Schedule
from workbench.strategies import LabelSpec, Strategy
from workbench.tunings import MovingWeights, Tuning, find_moving_weights_by_epoch

log = logging.getLogger("workbench")


def prepare_training(
    net: Net, tuning: Tuning, strategy: Strategy, batches: Batches, schedule: Schedule, seed: int
) -> None:
    """Apply the tuning's grafts and initialize the strategy, with separate random numbers; refuse what cannot train.

    Raises:
        BadValue: labels that the strategy cannot read, other classes, a batch that may not be split, or batch norm over
            single images.
    """
    images = batches.images
    if images.kind not in strategy.label_kinds:
        raise BadValue(
            f"the strategy {strategy.name} reads {join_names(strategy.label_kinds, 'or')}; these images hold "
            f"{images.kind}"
        )
    if net.classes is not None and tuple(net.classes) != tuple(images.classes):
        raise BadValue(
            f"the net has {len(net.classes)} classes, {images.name} has {len(images.classes)}, not all the "
            "same; give the net a head for them: wb.load_net(name, classes=images.classes)"
        )
    if min(schedule.batch_size, batches.n_images) < 2 and has_batch_norm(net) and schedule.batch_norm == "train":
        raise BadValue("batch norm needs at least two images per batch: raise batch_size, or set batch_norm='eval'")
    check_whole_batches(strategy, batches.world_size)
    strategy.label_spec = LabelSpec(images.kind, tuple((name, len(classes)) for name, classes in images.tasks.items()))
    warn_of_requires_grad(net, find_moving_names(net, tuning, schedule.epochs, strategy.frozen))
    # the strategy may copy the net: its copy must not depend on the net's earlier use
    net.requires_grad_(True).eval()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        tuning.apply(net)
        strategy.prepare(net)
    # set by tuning or strategy
    warn_of_requires_grad(net, find_moving_names(net, tuning, schedule.epochs, strategy.frozen))


def require_moving_weights(net: Net, tuning: Tuning, epochs: int, frozen: Collection[str]) -> list[MovingWeights]:
    """Find the weights that may move in each epoch, and require that there are any.

    Raises:
        BadValue: no weight moves in any epoch.
    """
    grid = find_moving_weights_by_epoch(net, tuning, epochs, frozen)
    if not any(moving.names for moving in grid):
        excluded = f", and the strategy never moves {', '.join(frozen)}" if frozen else ""
        raise BadValue(
            f"no weight moves under the tuning {tuning.name}: every stage is frozen in every epoch{excluded}"
        )
    return grid


def check_whole_batches(strategy: Strategy, n_parts: int) -> None:
    """Refuse to split the batches of a strategy that needs whole ones.

    Args:
        n_parts: number of parts of a batch: chunks, or processes that share it.

    Raises:
        BadValue: more than one part, for a strategy that compares the images of a batch with each other.
    """
    if strategy.whole_batch and n_parts > 1:
        raise BadValue(
            f"the strategy {strategy.name} compares the images of a batch with each other: expected whole batches, got "
            f"{n_parts} parts, which would minimize something else; train it in one process, restarted, with a "
            "batch_size that fits"
        )


def warn_of_requires_grad(net: Net, moving_names: Collection[str]) -> None:
    """Warn that weights with `requires_grad=False` move nevertheless, if they are among `moving_names`."""
    marked = sum(not parameter.requires_grad for name, parameter in net.named_parameters() if name in moving_names)
    if marked:
        log.warning(
            "%d weight tensors have requires_grad=False but will move nevertheless: only the plan determines what "
            "is frozen (tuning='head', 'last-k' or a painted grid; `trains` in a tuning of your own)",
            marked,
        )


def find_moving_names(net: Net, tuning: Tuning, epochs: int, frozen: Collection[str]) -> frozenset[str]:
    """Find the names of the parameters that move in some epoch; empty if no parameter has `requires_grad=False`."""
    if all(parameter.requires_grad for parameter in net.parameters()):
        return frozenset()
    return frozenset[str]().union(
        *(moving.names for moving in find_moving_weights_by_epoch(net, tuning, epochs, frozen))
    )
