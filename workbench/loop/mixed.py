"""Mixed precision: autocast, and on a CPU the backward pass of grouped convolutions in full precision.

oneDNN computes the gradients of depthwise convolutions in bf16 up to three times slower than in fp32; everything
else in bf16 gains. So they go forward in bf16 and come back in fp32: nets of the MobileNet kind gain too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode


@contextlib.contextmanager
def mixed(place: torch.device, dtype: torch.dtype | None) -> Iterator[None]:
    """Forward passes in `dtype`, where there is one; gradients of the rest follow.

    Args:
        place: the device.
        dtype: bf16 or fp16; None is the precision of the weights.
    """
    grouped = GroupedInFull(dtype) if dtype is not None and place.type == "cpu" else contextlib.nullcontext()
    with torch.autocast(place.type, dtype=dtype, enabled=dtype is not None), grouped:
        yield


class GroupedInFull(TorchFunctionMode):
    """While it lasts, grouped 2-D convolutions that train go through `Grouped`.

    Args:
        dtype: of their forward pass.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is torch.conv2d and not kwargs and len(args) == 7 and args[6] > 1 and trains(args):
            x, weight, bias, *how = args
            return Grouped.apply(x, weight, bias, tuple(how), self.dtype)
        return func(*args, **(kwargs or {}))


def trains(args: tuple) -> bool:
    """Whether a convolution of these arguments keeps gradients, and its padding is given in numbers."""
    wanted = any(isinstance(t, Tensor) and t.requires_grad for t in args[:3])
    return wanted and torch.is_grad_enabled() and torch.is_autocast_enabled("cpu") and not isinstance(args[4], str)


class Grouped(torch.autograd.Function):
    """A grouped convolution, forward in a half precision and backward in full."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, how: tuple, dtype: torch.dtype) -> Tensor:
        """x (B, C, H, W) -> (B, C', H', W') in `dtype`."""
        x = x.to(dtype)
        ctx.save_for_backward(x, weight)
        ctx.how, ctx.bias = how, bias
        return torch.ops.aten.conv2d(x, weight.to(dtype), None if bias is None else bias.to(dtype), *how)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        """The gradients of x, weight and bias, each in its own precision."""
        x, weight = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.how
        wanted = [*ctx.needs_input_grad[:2], ctx.bias is not None and ctx.needs_input_grad[2]]
        found = torch.ops.aten.convolution_backward(
            grad.float(),
            x.float(),
            weight.float(),
            None if ctx.bias is None else [len(ctx.bias)],
            _pair(stride),
            _pair(padding),
            _pair(dilation),
            False,
            [0, 0],
            groups,
            wanted,
        )
        return *found, None, None


def _pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
