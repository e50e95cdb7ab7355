"""The rule γ of relevance propagation, as a layer that keeps its value and takes the rule's slope."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame, conv2d_same
from torch import Tensor, nn

WEIGHING = {nn.Conv2d, nn.Linear, Conv2dSame}  # the layers that the rule is for


class Rule:
    """A forward hook for convolutions, linear layers and batch norm.

    Batch norm that follows a convolution is one linear map with it: shared out alone, it would turn signs around.

    Args:
        gamma: how much contributions of the sum's own sign are favoured.
    """

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma
        self._before: tuple[Any, Tensor, Tensor] | None = None  # the last convolution, what it read and gave

    def __call__(self, module: Any, inputs: Any, output: Tensor) -> Tensor:
        """The same output with the slope of the rule."""
        if isinstance(module, nn.BatchNorm2d):
            if self._before is None or self._before[2] is not inputs[0]:
                return output
            convolution, x, _ = self._before
            weight, bias = merged(convolution, module)
            return self._ruled(convolution, x, weight, bias, output)
        bias = torch.zeros_like(module.weight.flatten(1)[:, 0]) if module.bias is None else module.bias
        ruled = self._ruled(module, inputs[0], module.weight, bias, output)
        self._before = (module, inputs[0], ruled) if isinstance(module, nn.Conv2d) else None
        return ruled

    def _ruled(self, module: Any, x: Tensor, weight: Tensor, bias: Tensor, output: Tensor) -> Tensor:
        def through(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            return applied(module, x, weight, bias)

        plain = through(x, weight, bias)
        favoured = plain
        if self.gamma:
            up, down = (weight.clamp(min=0), bias.clamp(min=0)), (weight.clamp(max=0), bias.clamp(max=0))
            high, low, none = x.clamp(min=0), x.clamp(max=0), torch.zeros_like(bias)
            speaking = through(high, *up) + through(low, down[0], none)
            against = through(high, *down) + through(low, up[0], none)
            favoured = plain + self.gamma * torch.where(plain > 0, speaking, against)
        # the favoured sum has the plain one's sign and is no smaller: the share never exceeds 1 by much
        slope = favoured * (output / torch.where(favoured.abs() < 1e-9, 1e-9, favoured)).detach()
        return slope + (output - slope).detach()


def applied(module: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """What a convolution or linear layer would give with another weight and bias."""
    if isinstance(module, nn.Linear):
        return F.linear(x, weight, bias)
    if not isinstance(module, Conv2dSame):
        return module._conv_forward(x, weight, bias)
    same: Any = module
    return conv2d_same(x, weight, bias, same.stride, same.padding, same.dilation, same.groups)


def merged(convolution: Any, norm: Any) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution and the batch norm after it, as one map."""
    scale = (norm.running_var + norm.eps).rsqrt()
    scale = scale if norm.weight is None else scale * norm.weight
    bias = -norm.running_mean if convolution.bias is None else convolution.bias - norm.running_mean
    shift = 0 if norm.bias is None else norm.bias
    return convolution.weight * scale[:, None, None, None], bias * scale + shift
