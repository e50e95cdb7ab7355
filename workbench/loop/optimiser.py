"""The optimiser: parameter groups fixed at the start, rates set at every step."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from workbench.loop.distributed import gather, total
from workbench.nets import Net
from workbench.plan import Schedule

ALWAYS = "strategy"  # the group of a strategy's own parameters, which move throughout


def optimiser(
    net: Net, strategy: nn.Module, schedule: Schedule, decays: bool = True, moving: Collection[str] | None = None
) -> torch.optim.Optimizer:
    """An optimiser with two groups a stage (decayed or not) and one for the strategy's own parameters.

    Groups cover every parameter that moves in some epoch, whatever is frozen at the start: a thawed stage needs no
    new group, and a resumed run finds the same ones.

    Args:
        moving: dotted names of those parameters; None for all.
    """
    groups: list[dict[str, Any]] = []
    decay = schedule.weight_decay if decays else 0.0
    parameters = dict(net.named_parameters())
    spared = spared_names(net)
    for stage in net.stages:
        own = {n: parameters[n] for n in stage.tensors if n in parameters and (moving is None or n in moving)}
        plain = [p for name, p in own.items() if p.ndim > 1 and name not in spared]
        rest = [p for name, p in own.items() if p.ndim <= 1 or name in spared]
        groups += [{"params": plain, "stage": stage.name, "weight_decay": decay}] if plain else []
        groups += [{"params": rest, "stage": stage.name, "weight_decay": 0.0}] if rest else []
    judges = [p for p in strategy.parameters() if p.requires_grad]
    if judges:
        groups.append({"params": judges, "stage": ALWAYS, "weight_decay": decay})
    if schedule.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=0.0, momentum=0.9, nesterov=True)
    # on a CPU one kernel for everything takes a third of the time; elsewhere torch chooses
    fused = all(p.device.type == "cpu" for p in parameters.values()) or None
    return torch.optim.AdamW(groups, lr=0.0, fused=fused)


def spared_names(net: Net) -> set[str]:
    """Parameters that the architecture itself exempts from weight decay: tokens and position tables."""
    ask = getattr(net.backbone, "no_weight_decay", None)
    names: Any = ask() if callable(ask) else ()
    return {f"backbone.{name}" for name in names}


def shape(schedule: Schedule, progress: float) -> float:
    """The course of the rate over a run: a linear rise over the warm-up, then cosine to zero, or constant.

    Args:
        progress: share of the updates that are over, from 0 to below 1.
    """
    if progress < schedule.warmup:
        return progress / schedule.warmup
    if schedule.shape == "constant":
        return 1.0
    rest = (progress - schedule.warmup) / (1 - schedule.warmup)
    return 0.5 * (1 + math.cos(math.pi * rest))


def set_rates(optimizer: torch.optim.Optimizer, rates: dict[str, float], lr: float) -> None:
    """Writes every group's rate: the base rate `lr` times its stage's multiplier."""
    for group in optimizer.param_groups:
        group["lr"] = lr * rates.get(group["stage"], 1.0)


class Stepper:
    """What a strategy calls to update: gradients in full precision, gathered over chunks and processes.

    Args:
        chunks: in how many parts the batch comes; the weights change with the last.

    Attributes:
        shared: whether the gradients of the present batch were added to those of other processes.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, clip: float, device: torch.device) -> None:
        self.optimizer, self.clip, self.device = optimizer, clip, device
        self.share, self.last, self.updates, self.shared = 1.0, True, 0, False

    def begin(self, share: float, last: bool) -> None:
        """Announces a chunk: its share of the batch, and whether the weights change after it."""
        self.share, self.last = share, last

    def __call__(self, loss: Tensor, still: Iterable[nn.Parameter] = ()) -> None:
        """Adds the gradients of `loss`; after the last chunk, steps."""
        # backward runs in the precision of each forward operation; autocast around it is for forward passes only
        if loss.requires_grad:  # else nothing that the loss follows from moves in this epoch
            with torch.autocast(self.device.type, enabled=False):
                (loss.float() * self.share).backward()
        if self.last:
            self.apply(still)

    def apply(self, still: Iterable[nn.Parameter] = ()) -> None:
        """Clips the gradients gathered so far and steps."""
        held = list(still)
        for parameter in held:
            parameter.grad = None
        moving = self._averaged()
        if self.clip:
            nn.utils.clip_grad_norm_(moving, self.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.updates += 1

    def _averaged(self) -> list[nn.Parameter]:
        """The parameters that move in this update, their gradients averaged over the processes of the run."""
        known = [p for group in self.optimizer.param_groups for p in group["params"]]
        if not dist.is_initialized():
            return [p for p in known if p.grad is not None]
        self.shared = True
        return average(known)


def average(known: list[nn.Parameter]) -> list[nn.Parameter]:
    """Averages gradients over all processes; a weight that moves on some of them has a gradient of 0 on the others.

    Args:
        known: all parameters that may have a gradient, in one order.

    Returns:
        Those that have one on any process.
    """
    own = [p.grad is not None for p in known]
    flat = flattened(known, own)  # before the others are asked: memory may run out here, and only here
    anywhere = [any(has) for has in zip(*gather("gradients", own), strict=True)]
    moving = [p for p, has in zip(known, anywhere, strict=True) if has]
    if not moving:
        return []
    if anywhere != own:
        flat = flattened(known, anywhere)
    flat = total(flat).div_(dist.get_world_size())
    for p, gradient in zip(moving, flat.split([p.numel() for p in moving]), strict=True):
        p.grad = gradient.view_as(p)
    return moving


def flattened(parameters: list[nn.Parameter], wanted: list[bool]) -> Tensor:
    """The gradients of the parameters that are wanted, one after another; 0 where there is none."""
    chosen = [p for p, has in zip(parameters, wanted, strict=True) if has]
    if not chosen:
        return torch.zeros(0)
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in chosen])
