"""Check of the gradient flow: refuses a tuning and a strategy whose losses move no weight that they could improve.

`head` with `dann` would train a domain classifier on features that cannot change, and end as if it had worked. Whether
a loss has a gradient to a weight is read from the graph of a forward pass of a few training images through a copy of
the net, so the training itself is the same bit for bit with or without the check.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workbench.data.batches import Batches
from workbench.errors import BadValue, WorkbenchError
from workbench.formatting import choose_plural, format_quantity, join_names
from workbench.loop import device as devices
from workbench.loop import distributed
from workbench.loop.batch_feed import show_batch
from workbench.loop.freezing import freeze_all_but
from workbench.loop.updater import allow_second_derivatives
from workbench.nets.input_check import skip_pixel_check
from workbench.nets.net import Net
from workbench.plan import Schedule
from workbench.strategies import Batch, Strategy
from workbench.tunings import MovingWeights, Tuning

log = logging.getLogger("workbench")

IMAGES_PER_STREAM = 3  # images per stream: enough for batch statistics
CHECKED_PROGRESS = (0.0, 0.999)  # progress at which losses are checked: terms may differ over a run


@dataclass(frozen=True)
class LossReach:
    """Weights to which one term of a loss has a gradient.

    Attributes:
        term: name of the term; for a strategy with several updates per batch, the number of the update.
        weights: dotted names of the net's parameters to which the term has a gradient.
        value: value of the term.
    """

    term: str
    weights: frozenset[str]
    value: float


def check_gradients(
    net: Net,
    tuning: Tuning,
    strategy: Strategy,
    grid: Sequence[MovingWeights],
    batches: Batches,
    schedule: Schedule,
    device: torch.device,
) -> None:
    """Refuse a training in which a term of the loss could train the net, but moves none of its weights in any epoch.

    Terms that a strategy lists in its `probe_terms` are excluded, and so are terms that are zero, which nothing could
    improve. All processes of a training decide together.

    Args:
        grid: moving weights of each epoch.

    Raises:
        BadValue: names the terms and the stages that they would train, and a remedy.
    """
    problem = ""
    if devices.rank_and_world()[0] == 0:
        try:
            problem = explain_idle_losses(net, tuning, strategy, grid, batches, schedule, device)
        except WorkbenchError as error:
            problem = str(error)
        except Exception as error:
            # an error of the computation itself is raised by the first step
            log.debug("no trial of gradients: %r", error)
    if message := distributed.broadcast_answer("gradients", problem):
        raise BadValue(message)


def explain_idle_losses(
    net: Net,
    tuning: Tuning,
    strategy: Strategy,
    grid: Sequence[MovingWeights],
    batches: Batches,
    schedule: Schedule,
    device: torch.device,
) -> str:
    """Explain, in one sentence, why the losses would move no weight that they could improve; empty if they do."""
    batch = draw_small_batch(batches, schedule, device)
    if batch is None:
        return ""
    rates = [max(column) for column in zip(*(moving.lr_multipliers for moving in grid), strict=True)]
    moving = MovingWeights(tuple(rates), frozenset[str]().union(*(one.names for one in grid)))
    with devices.fork_rng(device):
        net_copy, strategy_copy = copy.deepcopy((net, strategy))
        freeze_all_but(net_copy, moving, norms_in_eval=schedule.batch_norm == "eval")
        strategy_copy.train()
        reached = trace_losses(net_copy, strategy_copy, batch)
        training_terms = [reach for reach in reached if reach.term not in strategy.probe_terms]
        idle = {reach.term for reach in training_terms if not reach.weights and reach.value != 0}
        if not reached or (not idle and any(reach.weights for reach in training_terms)):
            return ""
        net_copy.requires_grad_(True)  # what could be trained if all weights moved
        possible = {
            reach.term: reach.weights for reach in trace_losses(net_copy, strategy_copy, batch) if reach.weights
        }
    idle_terms = {term: possible[term] for term in sorted(idle & set(possible))}
    if not idle_terms and any(reach.weights for reach in training_terms):
        return ""
    idle_terms = idle_terms or {reach.term: frozenset() for reach in training_terms}
    return format_refusal(net, tuning, strategy, idle_terms, len(grid))


def draw_small_batch(batches: Batches, schedule: Schedule, device: torch.device) -> dict[str, Any] | None:
    """Draw the first images of the first batch, as the strategy will receive them; None if they cannot be read."""
    batch = {}
    for name in batches.stream_images:
        indices = batches.batch_indices(name, 0, 0)[:IMAGES_PER_STREAM]
        batch[name], is_readable = batches.read_images(name, indices, 0)
        if is_readable.sum() < min(2, batches.n_images):
            return None
    return show_batch(batch, device, batches.size, schedule.augment)


def trace_losses(net: Net, strategy: Strategy, batch: Batch) -> list[LossReach]:
    """Trace the weights to which each term of a strategy's loss has a gradient, at several times of a run."""
    reached: dict[str, LossReach] = {}
    for progress in CHECKED_PROGRESS:
        updates: list[tuple[Tensor, set[int]]] = []

        def update(loss: Tensor, frozen: Any = (), updates: list = updates) -> None:
            updates.append((loss, {id(parameter) for parameter in frozen}))

        # a strategy may change pixels to values outside their range
        with torch.enable_grad(), allow_second_derivatives(strategy.derivatives), skip_pixel_check():
            terms = strategy.step(net, batch, progress, update)
        if type(strategy).step is Strategy.step:
            traced = [(name, loss, set[int]()) for name, loss in terms.items()]
        else:
            traced = [
                (f"update {number}", loss, frozen_ids) for number, (loss, frozen_ids) in enumerate(updates, start=1)
            ]
        for name, loss, frozen_ids in traced:
            weights = frozenset(n for n, p in find_reached_parameters(loss, net).items() if id(p) not in frozen_ids)
            before = reached.get(name, LossReach(name, frozenset(), 0.0))
            reached[name] = LossReach(name, before.weights | weights, before.value or float(loss.detach()))
    return list(reached.values())


def find_reached_parameters(loss: Tensor, net: nn.Module) -> dict[str, nn.Parameter]:
    """Find the parameters of `net` to which `loss` has a gradient, by dotted name."""
    ids, waiting, seen = set(), [loss.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if "Checkpoint" in type(node).__name__:  # hides the operations that it will recompute
            return {name: p for name, p in net.named_parameters() if p.requires_grad}
        if (variable := getattr(node, "variable", None)) is not None:
            ids.add(id(variable))
        waiting += [further for further, _ in node.next_functions]
    return {name: parameter for name, parameter in net.named_parameters() if id(parameter) in ids}


def format_refusal(
    net: Net, tuning: Tuning, strategy: Strategy, idle_terms: Mapping[str, Collection[str]], n_epochs: int
) -> str:
    """Format the refusal: the terms, the stages that they would train, and a remedy.

    Args:
        idle_terms: by term, the parameters that it would train if they moved; empty if it reaches no weight of the net.
        n_epochs: epochs of the run.
    """
    terms = join_names(repr(term) for term in idle_terms)
    subject = f"the {choose_plural(len(idle_terms), 'term')} {terms} of the strategy {strategy.name}"
    wanted = {name for names in idle_terms.values() for name in names}
    if not wanted:
        return (
            f"expected a loss that trains the net, got {subject}, without a gradient to any of its weights; a "
            "term that trains no feature is listed in the strategy's `probe_terms`, beside one that does"
        )
    stages = [stage.name for stage in net.stages if wanted & set(stage.tensor_names)]
    listed = ", ".join(stages) if len(stages) <= 4 else f"{stages[0]}, {stages[1]} … {stages[-1]}"
    return (
        f"{subject} would train {listed}, but none of it moves in {format_quantity(n_epochs, 'epoch')} under "
        f"the tuning {tuning.name}: expected some of their weights to move, got none, so that the strategy "
        f"{strategy.name} would have no effect; use tuning='full' or 'last-k', more epochs if stages thaw later, or a "
        "strategy that works with this tuning, such as 'fine-tune'"
    )
