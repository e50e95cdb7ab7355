"""Random views of a batch for contrastive learning: a part, mirrored, in other colours.

Everything is drawn from torch's generator, which the loop seeds at every step.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

RATIO = (3 / 4, 4 / 3)
LUMA = (0.299, 0.587, 0.114)


def cropped(x: Tensor, smallest: float) -> Tensor:
    """A random part of each image, resized to the whole and mirrored half the time, (B, C, H, W) -> (B, C, H, W).

    Args:
        smallest: least share of the area, in (0, 1]; sides are 3:4 to 4:3.
    """
    count, place = len(x), x.device
    area = smallest + (1 - smallest) * torch.rand(count, device=place)
    low, high = map(math.log, RATIO)
    ratio = torch.exp(low + (high - low) * torch.rand(count, device=place))
    size = torch.stack([area * ratio, area / ratio]).sqrt().clamp(max=1)  # width and height, (2, B)
    middle = (2 * torch.rand(2, count, device=place) - 1) * (1 - size)
    mirror = 1 - 2 * (torch.rand(count, device=place) < 0.5).float()
    still = torch.zeros_like(mirror)
    rows = [torch.stack([size[0] * mirror, still, middle[0]], 1), torch.stack([still, size[1], middle[1]], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid.to(x.dtype), mode="bilinear", padding_mode="border", align_corners=False)


def coloured(x: Tensor, strength: float, grey: float) -> Tensor:
    """Other brightness, contrast, saturation and hue for each image, (B, 3, H, W) -> (B, 3, H, W) in [0, 1].

    Each of the four is linear in the colours, so that all of them are one matrix an image.

    Args:
        strength: 0 leaves the colours; brightness, contrast and saturation change by up to 0.8 of it, hue by up
            to 0.2 of a turn times it.
        grey: share of the images that lose all colour.
    """
    count, place = len(x), x.device
    change = 1 + 0.8 * strength * (2 * torch.rand(3, count, 1, 1, device=place) - 1)
    brightness, contrast, saturation = change.clamp(min=0)
    saturation = torch.where(torch.rand(count, 1, 1, device=place) < grey, 0.0, saturation)
    turn = 0.2 * 2 * math.pi * strength * (2 * torch.rand(count, device=place) - 1)
    luma = torch.tensor(LUMA, device=place)
    to_grey = luma.expand(3, 3)
    colours = (to_grey + saturation * (torch.eye(3, device=place) - to_grey)) @ turned(turn)
    mean = torch.einsum("bchw,c->b", x.float(), luma)[:, None, None] / x[0, 0].numel()
    flat = x.flatten(2).float()
    return (brightness * (contrast * (colours @ flat) + (1 - contrast) * mean)).clamp(0, 1).view_as(x)


def turned(angle: Tensor) -> Tensor:
    """Rotations of the colour space about its grey axis, angles (B,) in radians -> (B, 3, 3)."""
    axis = torch.full((3,), 3**-0.5, device=angle.device)
    x, y, z = axis
    cross = torch.stack([angle.new_tensor([0, -z, y]), angle.new_tensor([z, 0, -x]), angle.new_tensor([-y, x, 0])])
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return cos * torch.eye(3, device=angle.device) + sin * cross + (1 - cos) * torch.outer(axis, axis)
