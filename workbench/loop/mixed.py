"""Mixed precision: autocast, and on a CPU a way round the two things that are slow there in half precision.

oneDNN computes what flows back through a depthwise convolution with a stride ten times slower in bf16 than in fp32: it
is computed in fp32, so that nets of the MobileNet kind gain too. What flows back through torch's fused attention takes
four times as long in bf16 as in fp32: attention is written out, and a small ViT trains twice as fast.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from workbench.loop.attention import attention
from workbench.nets.input_check import unchecked


@contextlib.contextmanager
def mixed(place: torch.device, dtype: torch.dtype | None) -> Iterator[None]:
    """Forward passes in `dtype`, where there is one; gradients of the rest follow.

    Args:
        place: the device.
        dtype: bf16 or fp16; None is the precision of the weights.
    """
    around = WayRound(dtype) if dtype is not None and place.type == "cpu" else contextlib.nullcontext()
    # a strategy may move its pixels out of their range
    with torch.autocast(place.type, dtype=dtype, enabled=dtype is not None), around, unchecked():
        yield


class WayRound(TorchFunctionMode):
    """While it lasts, strided grouped 2-D convolutions that train go through `Grouped`, attention is written out.

    Args:
        dtype: of their forward pass.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.conv2d and not kwargs and trains(args) and strided_and_grouped(args):
            x, weight, bias, *how = args
            return Grouped.apply(x, weight, bias, tuple(how), self.dtype)
        if func is F.scaled_dot_product_attention and trains(args):
            return attention(*args, **kwargs)
        return func(*args, **kwargs)


def trains(args: tuple) -> bool:
    """Whether a call of these arguments keeps gradients, under autocast."""
    wanted = any(isinstance(t, Tensor) and t.requires_grad for t in args[:3])
    return wanted and torch.is_grad_enabled() and torch.is_autocast_enabled("cpu")


def strided_and_grouped(args: tuple) -> bool:
    """Whether a convolution of these arguments is grouped, leaves places out, and has its padding in numbers."""
    told = len(args) == 7 and args[6] > 1 and not isinstance(args[4], str)
    return told and any(step > 1 for step in _pair(args[3]))


class Grouped(torch.autograd.Function):
    """A grouped convolution in a half precision; what flows back to its input, in full."""

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
        has_bias = ctx.bias is not None and ctx.needs_input_grad[2]
        to_x = to_weight = to_bias = None
        if ctx.needs_input_grad[0]:
            # of x only the shape is read: memory that nobody fills costs nothing
            of_x = grad.float(), torch.empty_like(x, dtype=torch.float32), weight.float()
            to_x = convolution_backward(ctx, *of_x, [True, False, False])[0].to(x.dtype)
        if ctx.needs_input_grad[1] or has_bias:
            of_weight = grad, x, weight.to(x.dtype)
            _, to_weight, to_bias = convolution_backward(ctx, *of_weight, [False, ctx.needs_input_grad[1], has_bias])
        return to_x, to_weight, to_bias, None, None


def convolution_backward(ctx: Any, grad: Tensor, x: Tensor, weight: Tensor, wanted: list[bool]) -> Any:
    """Gradients of the x, weight and bias of a convolution, those that are wanted."""
    stride, padding, dilation, groups = ctx.how
    sizes = None if ctx.bias is None else [len(ctx.bias)]
    shape = _pair(stride), _pair(padding), _pair(dilation), False, [0, 0], groups
    return torch.ops.aten.convolution_backward(grad, x, weight, sizes, *shape, wanted)


def _pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
