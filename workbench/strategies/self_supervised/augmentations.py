"""Random augmentations of a batch for contrastive learning: resized crops, flips and color jitter.

Everything is drawn from torch's generator, which the loop seeds at every step.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

ASPECT_RATIOS = (3 / 4, 4 / 3)
LUMA_WEIGHTS = (0.299, 0.587, 0.114)


def crop_randomly(x: Tensor, min_area: float) -> Tensor:
    """Crop a random part of each image, resize it to the whole and flip half of them, (B, C, H, W) -> (B, C, H, W).

    Args:
        min_area: smallest fraction of the area, in (0, 1]; aspect ratios are 3:4 to 4:3.
    """
    count, device = len(x), x.device
    area = min_area + (1 - min_area) * torch.rand(count, device=device)
    low, high = map(math.log, ASPECT_RATIOS)
    ratio = torch.exp(low + (high - low) * torch.rand(count, device=device))
    size = torch.stack([area * ratio, area / ratio]).sqrt().clamp(max=1)  # width and height, (2, B)
    middle = (2 * torch.rand(2, count, device=device) - 1) * (1 - size)
    mirror = 1 - 2 * (torch.rand(count, device=device) < 0.5).float()
    zeros = torch.zeros_like(mirror)
    rows = [torch.stack([size[0] * mirror, zeros, middle[0]], 1), torch.stack([zeros, size[1], middle[1]], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid.to(x.dtype), mode="bilinear", padding_mode="border", align_corners=False)


def jitter_colors(x: Tensor, strength: float, gray: float) -> Tensor:
    """Change brightness, contrast, saturation and hue of each image at random, (B, 3, H, W) -> (B, 3, H, W) in [0, 1].

    Each of the four is linear in the colors, so that all of them are one matrix per image.

    Args:
        strength: 0 leaves the colors; brightness, contrast and saturation change by up to 0.8 of it, hue by up to 0.2
            of a turn times it.
        gray: fraction of the images that lose all color.
    """
    count, device = len(x), x.device
    change = 1 + 0.8 * strength * (2 * torch.rand(3, count, 1, 1, device=device) - 1)
    brightness, contrast, saturation = change.clamp(min=0)
    saturation = torch.where(torch.rand(count, 1, 1, device=device) < gray, 0.0, saturation)
    turn = 0.2 * 2 * math.pi * strength * (2 * torch.rand(count, device=device) - 1)
    luma = torch.tensor(LUMA_WEIGHTS, device=device)
    to_gray = luma.expand(3, 3)
    color_matrix = (to_gray + saturation * (torch.eye(3, device=device) - to_gray)) @ hue_rotation(turn)
    mean = torch.einsum("bchw,c->b", x.float(), luma)[:, None, None] / x[0, 0].numel()
    flat = x.flatten(2).float()
    return (brightness * (contrast * (color_matrix @ flat) + (1 - contrast) * mean)).clamp(0, 1).view_as(x)


def hue_rotation(angle: Tensor) -> Tensor:
    """Return rotations of the color space about its gray axis, angles (B,) in radians -> (B, 3, 3)."""
    axis = torch.full((3,), 3**-0.5, device=angle.device)
    x, y, z = axis
    cross = torch.stack([angle.new_tensor([0, -z, y]), angle.new_tensor([z, 0, -x]), angle.new_tensor([-y, x, 0])])
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return cos * torch.eye(3, device=angle.device) + sin * cross + (1 - cos) * torch.outer(axis, axis)
