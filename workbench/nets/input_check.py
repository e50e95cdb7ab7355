"""Check of a net's input: pixels (B, 3, H, W) from 0 to 1, and the conversion to suggest for anything else.

The training loop and other internal callers skip the check: their pixels are right already, or leave the range on
purpose, like pixels that a probe optimizes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadValue, WorkbenchError

RANGE_TOLERANCE = 0.2  # resizing with a bicubic or Lanczos kernel overshoots a little at both ends
RANGE_TEXT = "pixels are uint8 from 0 to 255 or floats from 0 to 1"

_is_check_skipped: ContextVar[bool] = ContextVar("is_pixel_check_skipped", default=False)


@contextlib.contextmanager
def skip_pixel_check() -> Iterator[None]:
    """Skip the pixel check inside the block, in this thread."""
    token = _is_check_skipped.set(True)
    try:
        yield
    finally:
        _is_check_skipped.reset(token)


def is_pixel_check_skipped() -> bool:
    """Return whether the check is skipped: inside `skip_pixel_check`, and during tracing, when there are no values."""
    return _is_check_skipped.get() or torch.compiler.is_compiling() or torch.jit.is_tracing()


def check_pixels(x: Any, device: torch.device) -> None:
    """Check pixels given by the user; refuse tensors that no net can read or would misread.

    Args:
        x: input given as pixels; (B, 3, H, W) passes.
        device: device of the net.

    Raises:
        BadValue: no tensor, another shape, device or type, or values outside the range of pixels.
    """
    if not isinstance(x, Tensor):
        raise BadValue(
            f"a net reads a tensor of pixels (B, 3, H, W); got {_describe_input(x)}; {_suggest_conversion(x)}"
        )
    _check_shape(x)
    if x.dtype != torch.uint8 and not x.is_floating_point():
        raise BadValue(f"{RANGE_TEXT}; got {x.dtype}; use x.to(torch.uint8) if its values are 0 to 255")
    if x.device != device:
        raise BadValue(f"the net is on {device} and its pixels on {x.device}; pass x.to({str(device)!r})")
    if x.dtype != torch.uint8 and x.numel() and x.device.type != "meta":
        low, high = (float(end) for end in x.detach().aminmax())
        if not (low >= -RANGE_TOLERANCE and high <= 1 + RANGE_TOLERANCE):
            raise BadValue(_describe_range_error(low, high))


@contextlib.contextmanager
def explain_size_errors(x: Tensor, name: str, image_size: int) -> Iterator[None]:
    """Translate a net's failure on pixels of an unsupported size into an error that names the size.

    Raises:
        BadValue: the net cannot take images of this size.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError, ValueError, IndexError, ZeroDivisionError) as error:
        if isinstance(error, WorkbenchError) or tuple(x.shape[-2:]) == (image_size, image_size):
            raise
        height, width = x.shape[-2:]
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        fix = f"torch.nn.functional.interpolate(x, ({image_size}, {image_size}), mode='bilinear', antialias=True)"
        raise BadValue(
            f"{name} reads images of {image_size} × {image_size} px and cannot take these of {height} × {width} "
            f"({first_line}); pass {fix}, or load it for another size with wb.load_net(name, size=…)"
        ) from error


def _check_shape(x: Tensor) -> None:
    shape = tuple(x.shape)
    sentence = f"a net reads pixels (B, 3, H, W); got {shape}"
    if x.ndim == 4 and shape[1] == 3:
        return
    if x.ndim == 3 and 3 in (shape[0], shape[2]):
        fix = "x[None]" if shape[0] == 3 else "x.permute(2, 0, 1)[None]"
        raise BadValue(f"{sentence}, a single image: pass {fix}")
    if x.ndim == 4 and shape[3] == 3:
        raise BadValue(f"{sentence}, channels last: pass x.permute(0, 3, 1, 2)")
    if x.ndim == 4 and shape[1] == 1:
        raise BadValue(f"{sentence}, one channel: pass x.expand(-1, 3, -1, -1), which repeats it")
    if x.ndim == 4 and shape[1] == 4:
        raise BadValue(f"{sentence}, four channels: pass x[:, :3], without the alpha channel")
    raise BadValue(f"{sentence}: a batch of color images, such as torch.rand(2, 3, 224, 224)")


def _describe_range_error(low: float, high: float) -> str:
    if low != low or high != high:
        return f"{RANGE_TEXT}; some are not a number (NaN): torch.nan_to_num(x) makes them 0"
    got = f"{RANGE_TEXT}; got {low:.3g} to {high:.3g}"
    if low >= -RANGE_TOLERANCE and 16 < high <= 255:
        return f"{got}: pass x / 255, or x.to(torch.uint8)"
    return f"{got}, as after a normalization: a net normalizes by itself, so leave that step out"


def _describe_input(x: Any) -> str:
    kind = type(x)
    shape = getattr(x, "shape", None)
    named = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]} {kind.__name__}"
    return f"{named} {tuple(shape)}" if isinstance(shape, tuple) else named


def _suggest_conversion(x: Any) -> str:
    """Suggest the conversion from another type of object to a tensor."""
    kind = f"{type(x).__module__}.{type(x).__name__}"
    if kind.startswith("PIL."):
        return "torchvision.transforms.v2.functional.pil_to_tensor(image.convert('RGB'))[None] makes one"
    if kind.startswith("numpy."):
        turned = ".permute(2, 0, 1)[None]" if getattr(x, "ndim", 0) == 3 and x.shape[-1] == 3 else ""
        turned = turned or (".permute(0, 3, 1, 2)" if getattr(x, "ndim", 0) == 4 and x.shape[-1] == 3 else "")
        return f"torch.from_numpy(x){turned} makes one"
    if kind.startswith("workbench."):
        return "wb.evaluate(net, images) and wb.extract_features(net, images) take a set of images"
    if isinstance(x, (list, tuple)):
        return "torch.stack(x) makes one of several images"
    return "wb.load_images(folder) opens images for wb.evaluate(net, images) and wb.extract_features(net, images)"
