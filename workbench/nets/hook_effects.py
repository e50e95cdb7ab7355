"""Hooks on a net: those that change its output belong to its identity, those that only observe do not."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import torch

from workbench.nets.input_check import skip_pixel_check
from workbench.nets.object_text import describe_object
from workbench.nets.shape_inference import NET_LOCK, eval_mode

if TYPE_CHECKING:
    from workbench.nets.net import Net

HOOK_KINDS = ("_forward_pre_hooks", "_forward_hooks")


def describe_altering_hooks(net: Net) -> str:
    """Describe a net's hooks if its output differs without them; empty without hooks or where they only observe."""
    named = [
        (name, kind, module) for name, module in net.named_modules() for kind in HOOK_KINDS if getattr(module, kind)
    ]
    if not named:
        return ""
    size, rng = net.preprocessing.size, torch.Generator().manual_seed(0)
    x = torch.rand(2, 3, size, size, generator=rng).to(net.mean)
    hooks = [getattr(module, kind) for _, kind, module in named]
    with NET_LOCK, skip_pixel_check(), torch.no_grad(), eval_mode(net):
        hooked = net.logits(x)
        for _, kind, module in named:
            setattr(module, kind, OrderedDict())
        try:
            plain = net.logits(x)
        finally:
            for (_, kind, module), calls in zip(named, hooks, strict=True):
                setattr(module, kind, calls)
    if torch.equal(hooked.nan_to_num(), plain.nan_to_num()):
        return ""
    hooks_by_module = [(name, kind, list(calls.values())) for (name, kind, _), calls in zip(named, hooks, strict=True)]
    return describe_object(hooks_by_module)
