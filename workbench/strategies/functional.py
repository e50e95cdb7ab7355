"""Pure loss terms that two or more strategies share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import BadData
from workbench.strategies.base import LabelSpec, Losses

if TYPE_CHECKING:
    from workbench.nets.net import Net


def supervised_losses(logits: Tensor, y: Tensor | None, label_spec: LabelSpec, smoothing: float = 0.0) -> Losses:
    """Compute the supervised terms for any kind of labels, by name.

    Args:
        logits: (B, K).
        y: class indices (B,), 0/1 tags (B, K), or one class index per task (B, T).
        label_spec: kind of the labels, and the tasks' sizes.
        smoothing: label smoothing, from 0 to below 1.

    Raises:
        BadData: there are no labels.
    """
    if y is None:
        raise BadData("expected labels, got none: a supervised term needs the labelled stream")
    if label_spec.kind == "tags":
        soft = y * (1 - smoothing) + smoothing / 2
        return {"task": F.binary_cross_entropy_with_logits(logits, soft)}
    if label_spec.kind == "tasks":
        parts = logits.split([size for _, size in label_spec.sizes], dim=1)
        named = zip(label_spec.sizes, parts, y.unbind(1), strict=True)
        return {name: F.cross_entropy(part, labels, label_smoothing=smoothing) for (name, _), part, labels in named}
    return {"task": F.cross_entropy(logits, y, label_smoothing=smoothing)}


def online_probe_loss(net: Net, features: Tensor, y: Tensor | None, label_spec: LabelSpec) -> Tensor:
    """Compute the supervised loss of the head on detached features (B, D), averaged over all tasks: an online probe."""
    return torch.stack(list(supervised_losses(net.head(features.detach()), y, label_spec).values())).mean()


class _GradientReversal(torch.autograd.Function):
    """Identity in forward; multiplication of the gradient by -strength in backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return -ctx.strength * gradient, None


def reverse_gradient(x: Tensor, strength: float) -> Tensor:
    """Return `x` unchanged, with its gradient multiplied by -`strength` (Ganin et al. 2016)."""
    return _GradientReversal.apply(x, strength)  # type: ignore[no-any-return]
