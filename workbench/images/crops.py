"""From stored squares to what a net sees: the centre, or a random view that its key decides."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.arguments import check_arguments
from workbench.errors import BadValue, UnknownName

KINDS = ("none", "flip", "crop")
SCALE = (0.35, 1.0)
RATIO = (3 / 4, 4 / 3)


@check_arguments
def centre(x: Tensor, size: int) -> Tensor:
    """The centre crop, x (B, C, S, S) -> (B, C, size, size), of the same type.

    Raises:
        BadValue: the squares are smaller than `size`.
    """
    edge = x.shape[-1]
    if edge < size:
        raise BadValue(f"the squares are {edge} pixels wide, less than the {size} asked for")
    start = (edge - size) // 2
    return x[..., start : start + size, start : start + size]


@check_arguments
def augment(x: Tensor, size: int, kind: str, keys: Tensor) -> Tensor:
    """Random views, x (B, C, S, S) uint8 -> (B, C, size, size) float32 in [0, 1].

    A view is a pure function of its image and its key: the same on every device, in any order, after a resume.

    Args:
        x: stored squares.
        size: edge of a view, in pixels.
        kind: none (the centre), flip (the centre, mirrored every second time), or crop (a part of 35 to 100 % of
            the area with sides 3:4 to 4:3, resized, and mirrored every second time).
        keys: (B,) int64, one a view.

    Raises:
        UnknownName: another kind.
    """
    if kind not in KINDS:
        raise UnknownName.of("augmentation", kind, KINDS)
    if kind == "crop":
        return _cropped(x, size, keys)
    middle = centre(x, size)
    if kind == "flip":
        mirrored = (uniform(keys, 0) < 0.5).to(x.device)
        middle = torch.where(mirrored[:, None, None, None], middle.flip(-1), middle)
    return middle.float().div_(255)


def uniform(keys: Tensor, draw: int) -> Tensor:
    """(B,) float32 numbers in [0, 1), the `draw`-th of each key (B,) int64.

    SplitMix64 (Steele et al. 2014) on whole numbers, so that every device finds the same.
    """
    z = keys.to("cpu", torch.int64) * 8 + draw
    z = z * _signed(0x9E3779B97F4A7C15) + _signed(0xD1B54A32D192ED03)
    z = (z ^ _shifted(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shifted(z, 27)) * _signed(0x94D049BB133111EB)
    return _shifted(z ^ _shifted(z, 31), 40).to(torch.float32) / 2**24


def _cropped(x: Tensor, size: int, keys: Tensor) -> Tensor:
    area = SCALE[0] + (SCALE[1] - SCALE[0]) * uniform(keys, 1)
    low, high = math.log(RATIO[0]), math.log(RATIO[1])
    ratio = torch.exp(low + (high - low) * uniform(keys, 2))
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    mirror = 1 - 2 * (uniform(keys, 0) < 0.5).float()
    # an upright crop needs one line of places a side, not an affine map of every pixel
    line = (torch.arange(size) * 2 + 1) / size - 1
    across = (mirror * width)[:, None] * line + ((2 * uniform(keys, 3) - 1) * (1 - width))[:, None]
    down = height[:, None] * line + ((2 * uniform(keys, 4) - 1) * (1 - height))[:, None]
    grid = torch.empty(len(x), size, size, 2, device=x.device)
    grid[..., 0] = across.to(x.device)[:, None, :]
    grid[..., 1] = down.to(x.device)[:, :, None]
    view = F.grid_sample(x.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return view.mul_(1 / 255).clamp_(0, 1)


def _shifted(z: Tensor, bits: int) -> Tensor:
    """A right shift that fills with zeros, which torch's does not for signed numbers."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number
