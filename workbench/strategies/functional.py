"""Pure terms that two or more strategies share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import BadData
from workbench.strategies.base import Losses, Target

if TYPE_CHECKING:
    from workbench.nets import Net


def supervised(logits: Tensor, y: Tensor | None, target: Target, smoothing: float = 0.0) -> Losses:
    """The supervised terms for any kind of labels, by name.

    Args:
        logits: (B, K).
        y: class indices (B,), 0/1 tags (B, K), or one class index a task (B, T).
        target: which of the three, and the tasks' sizes.
        smoothing: label smoothing, from 0 to below 1.

    Raises:
        BadData: there are no labels.
    """
    if y is None:
        raise BadData("these images bring no labels; a supervised term reads the labelled stream")
    if target.kind == "tags":
        soft = y * (1 - smoothing) + smoothing / 2
        return {"task": F.binary_cross_entropy_with_logits(logits, soft)}
    if target.kind == "tasks":
        parts = logits.split([size for _, size in target.sizes], dim=1)
        named = zip(target.sizes, parts, y.unbind(1), strict=True)
        return {name: F.cross_entropy(part, labels, label_smoothing=smoothing) for (name, _), part, labels in named}
    return {"task": F.cross_entropy(logits, y, label_smoothing=smoothing)}


def probe(net: Net, features: Tensor, y: Tensor | None, target: Target) -> Tensor:
    """The supervised loss of the head on features (B, D) that it cannot change, over all tasks: an online probe."""
    return torch.stack(list(supervised(net.head(features.detach()), y, target).values())).mean()


class _Reverse(torch.autograd.Function):
    """Identity forward; the gradient times -strength backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return -ctx.strength * gradient, None


def reverse_gradient(x: Tensor, strength: float) -> Tensor:
    """`x` itself, whose gradient is turned round and scaled by `strength` (Ganin et al. 2016)."""
    return _Reverse.apply(x, strength)  # type: ignore[no-any-return]
