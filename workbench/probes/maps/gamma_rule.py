"""Rule γ of relevance propagation, as a layer with the same value and the slope of the rule."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame, conv2d_same
from torch import Tensor, nn

WEIGHTED_LAYERS = {nn.Conv2d, nn.Linear, Conv2dSame}  # layers that the rule applies to


class GammaRule:
    """Forward hook for convolutions, linear layers and batch norm.

    Batch norm after a convolution is treated as one linear map with it: by itself, it would reverse signs of relevance.

    Args:
        gamma: extra weight of contributions with the sign of the sum.
    """

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma
        self._previous_conv: tuple[Any, Tensor, Tensor] | None = None  # the last convolution, its input and its output

    def __call__(self, module: Any, inputs: Any, output: Tensor) -> Tensor:
        """Return the same output with the slope of the rule."""
        if isinstance(module, nn.BatchNorm2d):
            if self._previous_conv is None or self._previous_conv[2] is not inputs[0]:
                return output
            convolution, x, _ = self._previous_conv
            weight, bias = fuse_batch_norm(convolution, module)
            return self._apply_rule(convolution, x, weight, bias, output)
        bias = torch.zeros_like(module.weight.flatten(1)[:, 0]) if module.bias is None else module.bias
        ruled = self._apply_rule(module, inputs[0], module.weight, bias, output)
        self._previous_conv = (module, inputs[0], ruled) if isinstance(module, nn.Conv2d) else None
        return ruled

    def _apply_rule(self, module: Any, x: Tensor, weight: Tensor, bias: Tensor, output: Tensor) -> Tensor:
        def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            return forward_with_weights(module, x, weight, bias)

        plain = forward(x, weight, bias)
        favoured = plain
        if self.gamma:
            positive, negative = (weight.clamp(min=0), bias.clamp(min=0)), (weight.clamp(max=0), bias.clamp(max=0))
            high, low, none = x.clamp(min=0), x.clamp(max=0), torch.zeros_like(bias)
            supporting = forward(high, *positive) + forward(low, negative[0], none)
            opposing = forward(high, *negative) + forward(low, positive[0], none)
            favoured = plain + self.gamma * torch.where(plain > 0, supporting, opposing)
        # the favoured sum has the sign of the plain sum and is no smaller: the ratio never exceeds 1 by much
        slope = favoured * (output / torch.where(favoured.abs() < 1e-9, 1e-9, favoured)).detach()
        return slope + (output - slope).detach()


def forward_with_weights(module: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Compute a convolution or linear layer with another weight and bias."""
    if isinstance(module, nn.Linear):
        return F.linear(x, weight, bias)
    if not isinstance(module, Conv2dSame):
        return module._conv_forward(x, weight, bias)
    same: Any = module
    return conv2d_same(x, weight, bias, same.stride, same.padding, same.dilation, same.groups)


def fuse_batch_norm(convolution: Any, norm: Any) -> tuple[Tensor, Tensor]:
    """Fuse a convolution and the batch norm after it into one weight and bias."""
    scale = (norm.running_var + norm.eps).rsqrt()
    scale = scale if norm.weight is None else scale * norm.weight
    bias = -norm.running_mean if convolution.bias is None else convolution.bias - norm.running_mean
    shift = 0 if norm.bias is None else norm.bias
    return convolution.weight * scale[:, None, None, None], bias * scale + shift
