"""A short trial of gradients: a tuning and a strategy whose losses move nothing that they could improve are refused.

`head` with `dann` would train a domain classifier on features that cannot change, and end as if it had worked. Whether
a loss reaches a weight is read from the graph of a forward pass, over a few training images, of a copy of the net: the
training itself is the same bit for bit, with the trial or without.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadValue, WorkbenchError
from workbench.images.batches import Batches
from workbench.loop import device as devices
from workbench.loop import distributed
from workbench.loop.feed import shown
from workbench.loop.phase import set_phase
from workbench.loop.updater import differentiable
from workbench.nets import Net
from workbench.nets.input_check import unchecked
from workbench.plan import Schedule
from workbench.strategies import Batch, Strategy
from workbench.tunings import MovingWeights, Tuning

log = logging.getLogger("workbench")

FEW = 3  # images of each stream: enough for statistics of a batch
WHEN = (0.0, 0.999)  # progress at which losses are looked at: terms may come and go


@dataclass(frozen=True)
class Reach:
    """What one term of a loss reaches.

    Attributes:
        term: its name; of a strategy that updates several times a batch, which update it is.
        weights: dotted names of the net's parameters that it has a gradient to.
        value: of the term.
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
    place: torch.device,
) -> None:
    """Refuse a training in which a term of the loss could train the net, but moves none of its weights in any epoch.

    Terms that a strategy names in its `probes` are left out, and so are terms that are zero: there is nothing to
    improve. All processes of a training decide together.

    Args:
        grid: what moves in each epoch.

    Raises:
        BadValue: the terms, the stages that they would train, and what to do.
    """
    problem = ""
    if devices.rank_and_world()[0] == 0:
        try:
            problem = find_problem(net, tuning, strategy, grid, batches, schedule, place)
        except WorkbenchError as error:
            problem = str(error)
        except Exception as error:
            # what does not compute at all is for the first step to tell
            log.debug("no trial of gradients: %r", error)
    if said := distributed.first("gradients", problem):
        raise BadValue(said)


def find_problem(
    net: Net,
    tuning: Tuning,
    strategy: Strategy,
    grid: Sequence[MovingWeights],
    batches: Batches,
    schedule: Schedule,
    place: torch.device,
) -> str:
    """Why the losses would move nothing that they could improve, in a sentence; empty where they do."""
    batch = draw_few(batches, schedule, place)
    if batch is None:
        return ""
    rates = [max(column) for column in zip(*(moving.rates for moving in grid), strict=True)]
    moving = MovingWeights(tuple(rates), frozenset[str]().union(*(one.names for one in grid)))
    with devices.forked(place):
        double, twin = copy.deepcopy((net, strategy))
        set_phase(double, moving, norms_still=schedule.batch_norm == "still")
        twin.train()
        found = trace_losses(double, twin, batch)
        serving = [reach for reach in found if reach.term not in strategy.probes]
        idle = {reach.term for reach in serving if not reach.weights and reach.value != 0}
        if not found or (not idle and any(reach.weights for reach in serving)):
            return ""
        double.requires_grad_(True)  # what could be trained, if everything moved
        possible = {reach.term: reach.weights for reach in trace_losses(double, twin, batch) if reach.weights}
    lost = {term: possible[term] for term in sorted(idle & set(possible))}
    if not lost and any(reach.weights for reach in serving):
        return ""
    lost = lost or {reach.term: frozenset() for reach in serving}
    return describe_idle(net, tuning, strategy, lost, len(grid))


def draw_few(batches: Batches, schedule: Schedule, place: torch.device) -> dict[str, Any] | None:
    """The first images of the first batch, as the strategy will see them; None where they cannot be read."""
    drawn = {}
    for name in batches.parts:
        places = batches.places(name, 0, 0)[:FEW]
        drawn[name], kept = batches.read(name, places, 0)
        if kept.sum() < min(2, batches.count):
            return None
    return shown(drawn, place, batches.size, schedule.augment)


def trace_losses(net: Net, strategy: Strategy, batch: Batch) -> list[Reach]:
    """Trace which weights each term of a strategy's loss has a gradient to, at any time of a run."""
    found: dict[str, Reach] = {}
    for progress in WHEN:
        updates: list[tuple[Tensor, set[int]]] = []

        def update(loss: Tensor, still: Any = (), updates: list = updates) -> None:
            updates.append((loss, {id(parameter) for parameter in still}))

        # a strategy may move its pixels out of their range
        with torch.enable_grad(), differentiable(strategy.derivatives), unchecked():
            terms = strategy.step(net, batch, progress, update)
        if type(strategy).step is Strategy.step:
            traced = [(name, loss, set[int]()) for name, loss in terms.items()]
        else:
            traced = [(f"update {number}", loss, still) for number, (loss, still) in enumerate(updates, start=1)]
        for name, loss, still in traced:
            weights = frozenset(n for n, p in find_reached(loss, net).items() if id(p) not in still)
            before = found.get(name, Reach(name, frozenset(), 0.0))
            found[name] = Reach(name, before.weights | weights, before.value or float(loss.detach()))
    return list(found.values())


def find_reached(loss: Tensor, net: nn.Module) -> dict[str, nn.Parameter]:
    """Find the parameters of `net` that `loss` has a gradient to, by dotted name."""
    ids, waiting, seen = set(), [loss.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if "Checkpoint" in type(node).__name__:  # hides what it will compute again
            return {name: p for name, p in net.named_parameters() if p.requires_grad}
        if (variable := getattr(node, "variable", None)) is not None:
            ids.add(id(variable))
        waiting += [further for further, _ in node.next_functions]
    return {name: parameter for name, parameter in net.named_parameters() if id(parameter) in ids}


def describe_idle(
    net: Net, tuning: Tuning, strategy: Strategy, lost: Mapping[str, Collection[str]], epochs: int
) -> str:
    """The refusal: which terms, which stages they would train, what to do.

    Args:
        lost: by term, the parameters that it would train if they moved; none where it reaches no weight of the net.
        epochs: of the run.
    """
    terms = " and ".join(repr(term) for term in lost)
    several = len(lost) > 1
    begun = f"the term{'s' if several else ''} {terms} of the strategy {strategy.name}"
    wanted = {name for names in lost.values() for name in names}
    if not wanted:
        return (
            f"expected a loss that trains the net, got {begun}, without a gradient to any of its weights; a "
            "term that only watches is named in the strategy's `probes`, beside one that trains"
        )
    stages = [stage.name for stage in net.stages if wanted & set(stage.tensors)]
    told = ", ".join(stages) if len(stages) <= 4 else f"{stages[0]}, {stages[1]} … {stages[-1]}"
    return (
        f"{begun} would train {told}, of which nothing moves in {epochs} epoch{'s' if epochs > 1 else ''} under the "
        f"tuning {tuning.name}: expected some of their weights to move, got none, so that nothing would be learnt of "
        f"what {strategy.name} is for; take tuning='full' or 'last-k', more epochs where stages thaw later, or a "
        "strategy that this tuning serves, such as 'fine-tune'"
    )
