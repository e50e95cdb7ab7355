"""Views of decoded squares: the centre crop, or a random view determined by a key."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, UnknownName

AUGMENTATIONS = ("none", "flip", "crop")
SCALE = (0.35, 1.0)
RATIO = (3 / 4, 4 / 3)


@check_arguments
def center_crop(x: Tensor, size: int) -> Tensor:
    """Crop the centre, x (B, C, S, S) -> (B, C, size, size) of the same type.

    Raises:
        BadValue: the squares are smaller than `size`.
    """
    edge = x.shape[-1]
    if edge < size:
        raise BadValue(f"the squares are {edge} pixels wide, less than the {size} asked for")
    start = (edge - size) // 2
    return x[..., start : start + size, start : start + size]


@check_arguments
def augment_images(x: Tensor, size: int, kind: str, keys: Tensor) -> Tensor:
    """Compute random views, x (B, C, S, S) uint8 -> (B, C, size, size) float32 in [0, 1].

    A view is a pure function of its image and its key: the same on every device, in any order, after a resume.

    Args:
        x: decoded squares.
        size: edge of a view, in pixels.
        kind: none (centre crop), flip (centre crop, mirrored with probability 0.5), or crop (35 to 100 % of the area
            with an aspect ratio of 3:4 to 4:3, resized, and mirrored with probability 0.5).
        keys: (B,) int64, one per view.

    Raises:
        UnknownName: unknown kind.
    """
    if kind not in AUGMENTATIONS:
        raise UnknownName.of("augmentation", kind, AUGMENTATIONS)
    if kind == "crop":
        return _random_resized_crop(x, size, keys)
    cropped = center_crop(x, size)
    if kind == "flip":
        mirrored = (draw_uniform(keys, 0) < 0.5).to(x.device)
        cropped = torch.where(mirrored[:, None, None, None], cropped.flip(-1), cropped)
    return cropped.float().div_(255)


def draw_uniform(keys: Tensor, index: int) -> Tensor:
    """Draw float32 numbers in [0, 1), the `index`-th of each key, keys (B,) int64 -> (B,).

    SplitMix64 (Steele et al. 2014) in integer arithmetic, so that every device computes the same.
    """
    z = keys.to("cpu", torch.int64) * 8 + index
    z = z * _to_signed_64(0x9E3779B97F4A7C15) + _to_signed_64(0xD1B54A32D192ED03)
    z = (z ^ _shift_right_unsigned(z, 30)) * _to_signed_64(0xBF58476D1CE4E5B9)
    z = (z ^ _shift_right_unsigned(z, 27)) * _to_signed_64(0x94D049BB133111EB)
    return _shift_right_unsigned(z ^ _shift_right_unsigned(z, 31), 40).to(torch.float32) / 2**24


def _random_resized_crop(x: Tensor, size: int, keys: Tensor) -> Tensor:
    area = SCALE[0] + (SCALE[1] - SCALE[0]) * draw_uniform(keys, 1)
    low, high = math.log(RATIO[0]), math.log(RATIO[1])
    ratio = torch.exp(low + (high - low) * draw_uniform(keys, 2))
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    mirror = 1 - 2 * (draw_uniform(keys, 0) < 0.5).float()
    # an axis-aligned crop needs one line of coordinates per axis, not an affine map of every pixel
    line = (torch.arange(size) * 2 + 1) / size - 1
    across = (mirror * width)[:, None] * line + ((2 * draw_uniform(keys, 3) - 1) * (1 - width))[:, None]
    down = height[:, None] * line + ((2 * draw_uniform(keys, 4) - 1) * (1 - height))[:, None]
    grid = torch.empty(len(x), size, size, 2, device=x.device)
    grid[..., 0] = across.to(x.device)[:, None, :]
    grid[..., 1] = down.to(x.device)[:, :, None]
    view = F.grid_sample(x.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return view.mul_(1 / 255).clamp_(0, 1)


def _shift_right_unsigned(z: Tensor, bits: int) -> Tensor:
    """Shift right with zero fill; torch's shift of signed integers keeps the sign."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def _to_signed_64(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number
