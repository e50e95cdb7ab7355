"""Optimizer with fixed parameter groups; learning rates are set at every step."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from workbench.loop.distributed import all_reduce_sum, gather_answers
from workbench.nets.net import Net
from workbench.plan import Schedule

STRATEGY_GROUP = "strategy"  # group of a strategy's own parameters, which move in all epochs


def make_optimizer(
    net: Net,
    strategy: nn.Module,
    schedule: Schedule,
    uses_weight_decay: bool = True,
    moving_names: Collection[str] | None = None,
) -> torch.optim.Optimizer:
    """Make an optimizer with two groups per stage (with and without decay) and one for the strategy's own parameters.

    Groups cover every parameter that moves in some epoch, whatever is frozen at the start: an unfrozen stage needs no
    new group, and a resumed run has the same groups.

    Args:
        moving_names: dotted names of those parameters; None for all.
    """
    groups: list[dict[str, Any]] = []
    decay = schedule.weight_decay if uses_weight_decay else 0.0
    parameters = dict(net.named_parameters())
    no_decay_names = find_no_decay_names(net)
    for stage in net.stages:
        own = {
            n: parameters[n]
            for n in stage.tensor_names
            if n in parameters and (moving_names is None or n in moving_names)
        }
        plain = [p for name, p in own.items() if p.ndim > 1 and name not in no_decay_names]
        rest = [p for name, p in own.items() if p.ndim <= 1 or name in no_decay_names]
        groups += [{"params": plain, "stage": stage.name, "weight_decay": decay}] if plain else []
        groups += [{"params": rest, "stage": stage.name, "weight_decay": 0.0}] if rest else []
    strategy_parameters = [p for p in strategy.parameters() if p.requires_grad]
    if strategy_parameters:
        groups.append({"params": strategy_parameters, "stage": STRATEGY_GROUP, "weight_decay": decay})
    if schedule.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=0.0, momentum=0.9, nesterov=True)
    # on a CPU the fused kernel takes a third of the time; elsewhere torch chooses
    fused = all(p.device.type == "cpu" for p in parameters.values()) or None
    return torch.optim.AdamW(groups, lr=0.0, fused=fused)


def find_no_decay_names(net: Net) -> set[str]:
    """Find the parameters that the architecture exempts from weight decay: tokens and position embeddings."""
    get_names = getattr(net.backbone, "no_weight_decay", None)
    names: Any = get_names() if callable(get_names) else ()
    return {f"backbone.{name}" for name in names}


def lr_schedule_factor(schedule: Schedule, progress: float) -> float:
    """Return the factor of the learning rate: a linear rise over the warm-up, then cosine decay to zero, or constant.

    Args:
        progress: fraction of the updates done, from 0 to below 1.
    """
    if progress < schedule.warmup:
        return progress / schedule.warmup
    if schedule.lr_schedule == "constant":
        return 1.0
    rest = (progress - schedule.warmup) / (1 - schedule.warmup)
    return 0.5 * (1 + math.cos(math.pi * rest))


def set_learning_rates(optimizer: torch.optim.Optimizer, lr_multipliers: dict[str, float], lr: float) -> None:
    """Set the learning rate of every group: the learning rate `lr` times the multiplier of its stage."""
    for group in optimizer.param_groups:
        group["lr"] = lr * lr_multipliers.get(group["stage"], 1.0)


class GradientStepper:
    """Update as a strategy calls it: gradients in full precision, accumulated over chunks and averaged over processes.

    Attributes:
        fraction: fraction of the batch in the present chunk.
        is_last_chunk: whether the weights change after the present chunk.
        n_updates: updates so far.
        is_reduced: whether the gradients of the present batch were averaged over processes already.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, clip_grad: float, device: torch.device) -> None:
        self.optimizer, self.clip_grad, self.device = optimizer, clip_grad, device
        self.fraction, self.is_last_chunk, self.n_updates, self.is_reduced = 1.0, True, 0, False

    def begin_chunk(self, fraction: float, is_last_chunk: bool) -> None:
        """Begin a chunk: its fraction of the batch, and whether the weights change after it."""
        self.fraction, self.is_last_chunk = fraction, is_last_chunk

    def __call__(self, loss: Tensor, frozen: Iterable[nn.Parameter] = ()) -> None:
        """Accumulate the gradients of `loss`; after the last chunk, update the weights."""
        # backward runs in the precision of each forward operation; autocast is for forward passes only
        if loss.requires_grad:  # else no weight behind the loss moves in this epoch
            with torch.autocast(self.device.type, enabled=False):
                (loss.float() * self.fraction).backward()
        if self.is_last_chunk:
            self.apply_gradients(frozen)

    def apply_gradients(self, frozen: Iterable[nn.Parameter] = ()) -> None:
        """Clip the accumulated gradients and update the weights."""
        frozen_parameters = list(frozen)
        for parameter in frozen_parameters:
            parameter.grad = None
        moving = self._average_gradients()
        if self.clip_grad:
            nn.utils.clip_grad_norm_(moving, self.clip_grad)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.n_updates += 1

    def _average_gradients(self) -> list[nn.Parameter]:
        """Return the parameters of this update, with their gradients averaged over the processes of the run."""
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        if not dist.is_initialized():
            return [p for p in parameters if p.grad is not None]
        self.is_reduced = True
        return average_gradients(parameters)


def average_gradients(parameters: list[nn.Parameter]) -> list[nn.Parameter]:
    """Average gradients over all processes; where a weight has no gradient on some of them, it counts as 0 there.

    Args:
        parameters: all parameters that may have a gradient, in one order.

    Returns:
        Those that have a gradient on any process.
    """
    own = [p.grad is not None for p in parameters]
    flat = flatten_gradients(parameters, own)  # before the exchange: memory may run out here, and only here
    anywhere = [any(has) for has in zip(*gather_answers("gradients", own), strict=True)]
    moving = [p for p, has in zip(parameters, anywhere, strict=True) if has]
    if not moving:
        return []
    if anywhere != own:
        flat = flatten_gradients(parameters, anywhere)
    flat = all_reduce_sum(flat).div_(dist.get_world_size())
    for p, gradient in zip(moving, flat.split([p.numel() for p in moving]), strict=True):
        p.grad = gradient.view_as(p)
    return moving


def flatten_gradients(parameters: list[nn.Parameter], wanted: list[bool]) -> Tensor:
    """Flatten the gradients of the selected parameters into one tensor; 0 where there is none."""
    chosen = [p for p, has in zip(parameters, wanted, strict=True) if has]
    if not chosen:
        return torch.zeros(0)
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in chosen])
