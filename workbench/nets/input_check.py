"""Check what a person hands to a net: pixels (B, 3, H, W) from 0 to 1, and the way out where it is something else.

The loop and whoever else computes with a net's own pictures skips the check: their pixels are right already, or they
leave the range on purpose, as those do that a probe optimises.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadValue, WorkbenchError

BEYOND = 0.2  # resizing with a bicubic or Lanczos kernel swings a little over both ends
RANGE = "pixels are uint8 from 0 to 255 or floats from 0 to 1"

_unchecked: ContextVar[bool] = ContextVar("unchecked", default=False)


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Let pixels through as they are for a while, in this thread."""
    token = _unchecked.set(True)
    try:
        yield
    finally:
        _unchecked.reset(token)


def is_unchecked() -> bool:
    """Whether pixels pass as they are: inside `unchecked`, and where a program is traced, which has no values yet."""
    return _unchecked.get() or torch.compiler.is_compiling() or torch.jit.is_tracing()


def check_pixels(x: Any, device: torch.device) -> None:
    """Refuse what no net can read, and what it would read as other pictures than were meant.

    Args:
        x: what a person calls pixels; (B, 3, H, W) passes.
        device: that the net is on.

    Raises:
        BadValue: no tensor, another shape, device or type, or values that are no pixels.
    """
    if not isinstance(x, Tensor):
        raise BadValue(f"a net reads a tensor of pixels (B, 3, H, W); got {_kind(x)}; {_to_tensor(x)}")
    _check_shape(x)
    if x.dtype != torch.uint8 and not x.is_floating_point():
        raise BadValue(f"{RANGE}; got {x.dtype}; x.to(torch.uint8) where they count from 0 to 255")
    if x.device != device:
        raise BadValue(f"the net is on {device} and its pixels on {x.device}; hand in x.to({str(device)!r})")
    if x.dtype != torch.uint8 and x.numel() and x.device.type != "meta":
        low, high = (float(end) for end in x.detach().aminmax())
        if not (low >= -BEYOND and high <= 1 + BEYOND):
            raise BadValue(_range_sentence(low, high))


@contextlib.contextmanager
def explained(x: Tensor, name: str, size: int) -> Iterator[None]:
    """Name the size as the reason where a net fails at pixels of another one than it was made for.

    Raises:
        BadValue: the net cannot take images of this size.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError, ValueError, IndexError, ZeroDivisionError) as error:
        if isinstance(error, WorkbenchError) or tuple(x.shape[-2:]) == (size, size):
            raise
        height, width = x.shape[-2:]
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        way = f"torch.nn.functional.interpolate(x, ({size}, {size}), mode='bilinear', antialias=True)"
        raise BadValue(
            f"{name} reads images of {size} × {size} px and cannot take these of {height} × {width} ({first}); hand in "
            f"{way}, or open it for another size with wb.load(name, size=…)"
        ) from error


def _check_shape(x: Tensor) -> None:
    shape = tuple(x.shape)
    wanted = f"a net reads pixels (B, 3, H, W); got {shape}"
    if x.ndim == 4 and shape[1] == 3:
        return
    if x.ndim == 3 and 3 in (shape[0], shape[2]):
        way = "x[None]" if shape[0] == 3 else "x.permute(2, 0, 1)[None]"
        raise BadValue(f"{wanted}, a single image: hand in {way}")
    if x.ndim == 4 and shape[3] == 3:
        raise BadValue(f"{wanted}, colors last: hand in x.permute(0, 3, 1, 2)")
    if x.ndim == 4 and shape[1] == 1:
        raise BadValue(f"{wanted}, one channel: hand in x.expand(-1, 3, -1, -1), the same grey in all three")
    if x.ndim == 4 and shape[1] == 4:
        raise BadValue(f"{wanted}, four channels: hand in x[:, :3], without the opacity")
    raise BadValue(f"{wanted}: a batch of color images, such as torch.rand(2, 3, 224, 224)")


def _range_sentence(low: float, high: float) -> str:
    if low != low or high != high:
        return f"{RANGE}; some are not a number (NaN): torch.nan_to_num(x) makes them 0"
    got = f"{RANGE}; got {low:.3g} to {high:.3g}"
    if low >= -BEYOND and 16 < high <= 255:
        return f"{got}: hand in x / 255, or x.to(torch.uint8)"
    return f"{got}, as after a normalization: a net normalizes by itself, so leave that step out"


def _kind(x: Any) -> str:
    kind = type(x)
    shape = getattr(x, "shape", None)
    named = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]} {kind.__name__}"
    return f"{named} {tuple(shape)}" if isinstance(shape, tuple) else named


def _to_tensor(x: Any) -> str:
    """The way from some other object to a tensor."""
    kind = f"{type(x).__module__}.{type(x).__name__}"
    if kind.startswith("PIL."):
        return "torchvision.transforms.v2.functional.pil_to_tensor(image.convert('RGB'))[None] makes one"
    if kind.startswith("numpy."):
        turned = ".permute(2, 0, 1)[None]" if getattr(x, "ndim", 0) == 3 and x.shape[-1] == 3 else ""
        turned = turned or (".permute(0, 3, 1, 2)" if getattr(x, "ndim", 0) == 4 and x.shape[-1] == 3 else "")
        return f"torch.from_numpy(x){turned} makes one"
    if kind.startswith("workbench."):
        return "wb.evaluate(net, images) and wb.features(net, images) read a set of images"
    if isinstance(x, (list, tuple)):
        return "torch.stack(x) makes one of several images"
    return "wb.images(folder) opens pictures, which wb.evaluate(net, images) and wb.features(net, images) read"
