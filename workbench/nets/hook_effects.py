"""Hooks on a net: those that change its answer are a part of what it is, those that only look on are not."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import torch

from workbench.nets.input_check import unchecked
from workbench.nets.measure import TURN, still
from workbench.nets.object_text import object_text

if TYPE_CHECKING:
    from workbench.nets.net import Net

KINDS = ("_forward_pre_hooks", "_forward_hooks")


def altering_hooks(net: Net) -> str:
    """Describe the hooks of a net if it answers otherwise without them; empty where there are none, or they look on."""
    named = [(name, kind, module) for name, module in net.named_modules() for kind in KINDS if getattr(module, kind)]
    if not named:
        return ""
    size, source = net.preprocessing.size, torch.Generator().manual_seed(0)
    x = torch.rand(2, 3, size, size, generator=source).to(net.mean)
    hooks = [getattr(module, kind) for _, kind, module in named]
    with TURN, unchecked(), torch.no_grad(), still(net):
        looked = net.logits(x)
        for _, kind, module in named:
            setattr(module, kind, OrderedDict())
        try:
            plain = net.logits(x)
        finally:
            for (_, kind, module), calls in zip(named, hooks, strict=True):
                setattr(module, kind, calls)
    if torch.equal(looked.nan_to_num(), plain.nan_to_num()):
        return ""
    told = [(name, kind, list(calls.values())) for (name, kind, _), calls in zip(named, hooks, strict=True)]
    return object_text(told)
