"""Autocast for mixed precision, and on a CPU faster substitutes for two operations that are slow in half precision.

The gradient of a strided depthwise convolution takes oneDNN ten times longer in bf16 than in fp32: it is computed in
fp32, so that nets of the MobileNet family gain from bf16 too. The gradient of torch's fused attention takes four times
longer in bf16 than in fp32: attention is computed in separate operations, and a small ViT trains twice as fast.
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

from workbench.loop.precision.attention import compute_attention
from workbench.nets.input_check import skip_pixel_check


@contextlib.contextmanager
def autocast_forward(device: torch.device, dtype: torch.dtype | None) -> Iterator[None]:
    """Run forward passes in `dtype`, if given, within the context; gradients follow the forward operations.

    Args:
        device: device of the forward passes.
        dtype: bf16 or fp16; None is the dtype of the weights.
    """
    around = FastCPUKernels(dtype) if dtype is not None and device.type == "cpu" else contextlib.nullcontext()
    # a strategy may change pixels to values outside their range
    with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None), around, skip_pixel_check():
        yield


class FastCPUKernels(TorchFunctionMode):
    """Mode in which strided grouped 2-D convolutions use `GroupedConvFunction` and attention is computed in operations.

    Only calls that keep gradients are replaced.

    Args:
        dtype: dtype of the forward pass.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.conv2d and not kwargs and has_gradients(args) and is_strided_grouped_conv(args):
            x, weight, bias, *conv_options = args
            return GroupedConvFunction.apply(x, weight, bias, tuple(conv_options), self.dtype)
        if func is F.scaled_dot_product_attention and has_gradients(args):
            return compute_attention(*args, **kwargs)
        return func(*args, **kwargs)


def has_gradients(args: tuple) -> bool:
    """True if a call with these arguments keeps gradients, under autocast."""
    wanted = any(isinstance(t, Tensor) and t.requires_grad for t in args[:3])
    return wanted and torch.is_grad_enabled() and torch.is_autocast_enabled("cpu")


def is_strided_grouped_conv(args: tuple) -> bool:
    """True if a convolution with these arguments is grouped, with a stride above 1 and padding given in numbers."""
    is_grouped = len(args) == 7 and args[6] > 1 and not isinstance(args[4], str)
    return is_grouped and any(step > 1 for step in _to_pair(args[3]))


class GroupedConvFunction(torch.autograd.Function):
    """Grouped convolution with a forward pass in half precision and the gradient of its input in full precision."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, conv_options: tuple, dtype: torch.dtype
    ) -> Tensor:
        """Compute x (B, C, H, W) -> (B, C', H', W') in `dtype`."""
        x = x.to(dtype)
        ctx.save_for_backward(x, weight)
        ctx.conv_options, ctx.bias = conv_options, bias
        return torch.ops.aten.conv2d(x, weight.to(dtype), None if bias is None else bias.to(dtype), *conv_options)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        """Return the gradients of x, weight and bias, each in its own dtype."""
        x, weight = ctx.saved_tensors
        has_bias = ctx.bias is not None and ctx.needs_input_grad[2]
        to_x = to_weight = to_bias = None
        if ctx.needs_input_grad[0]:
            # only the shape of x is read: uninitialized memory costs nothing
            of_x = grad.float(), torch.empty_like(x, dtype=torch.float32), weight.float()
            to_x = compute_conv_gradients(ctx, *of_x, [True, False, False])[0].to(x.dtype)
        if ctx.needs_input_grad[1] or has_bias:
            of_weight = grad, x, weight.to(x.dtype)
            _, to_weight, to_bias = compute_conv_gradients(ctx, *of_weight, [False, ctx.needs_input_grad[1], has_bias])
        return to_x, to_weight, to_bias, None, None


def compute_conv_gradients(ctx: Any, grad: Tensor, x: Tensor, weight: Tensor, wanted: list[bool]) -> Any:
    """Compute the requested gradients of a convolution's x, weight and bias."""
    stride, padding, dilation, groups = ctx.conv_options
    sizes = None if ctx.bias is None else [len(ctx.bias)]
    shape = _to_pair(stride), _to_pair(padding), _to_pair(dilation), False, [0, 0], groups
    return torch.ops.aten.convolution_backward(grad, x, weight, sizes, *shape, wanted)


def _to_pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
