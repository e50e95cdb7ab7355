"""Colors of an image: two of the object's hue, two of the background, two of the occluder."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from workbench.data.world.factors import HUES
from workbench.data.world.indexed_random import IndexedGenerator


class Palette(NamedTuple):
    """Pairs of colors (B, 3) in [0, 1] between which maps are interpolated."""

    foreground: tuple[Tensor, Tensor]
    background: tuple[Tensor, Tensor]
    occluder: tuple[Tensor, Tensor]


def sample_palette(hue: Tensor, rng: IndexedGenerator) -> Palette:
    """Sample the colors of images.

    The background's colors are independent of the object's hue and never quite as bright or as dark.

    Args:
        hue: (B,) indices of the hues.
    """
    table = torch.tensor(list(HUES.values()), device=hue.device, dtype=torch.float32)[hue]
    own_hue = table[:, 0] + table[:, 1] * rng.uniform("hue", -1, 1)
    bright = rng.uniform("bright", 0.55, 0.98)
    first = hsv_to_rgb(own_hue, rng.uniform("strong", 0.62, 0.98), bright)
    # second color of the texture: same hue, paler or darker, sometimes nearly white or black
    pale = rng.bernoulli("pale", 0.55)
    second = hsv_to_rgb(
        own_hue + rng.uniform("drift", -8, 8),
        torch.where(pale, rng.uniform("pale-strong", 0.05, 0.4), rng.uniform("deep-strong", 0.5, 1.0)),
        torch.where(pale, rng.uniform("pale-bright", 0.82, 1.0), rng.uniform("deep-bright", 0.12, 0.4)),
    )
    return Palette((first, second), _sample_background_colors(bright, rng), _sample_occluder_colors(rng))


def hsv_to_rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Convert hue in degrees, saturation and value to RGB colors (B, 3)."""
    sixths = hue[:, None] / 60 + torch.tensor([5.0, 3.0, 1.0], device=hue.device)
    k = torch.remainder(sixths, 6)
    return value[:, None] * (1 - saturation[:, None] * torch.minimum(k, 4 - k).clamp(0, 1))


def _sample_background_colors(bright: Tensor, rng: IndexedGenerator) -> tuple[Tensor, Tensor]:
    dark = rng.bernoulli("ground-dark", 0.5)
    grey = rng.bernoulli("ground-grey", 0.35)
    colors = []
    for end in ("far", "near"):
        low, high = (0.1, 0.5) if end == "far" else (0.3, 0.65)
        value = torch.where(dark, rng.uniform(f"{end}-dark", low, high), rng.uniform(f"{end}-light", high, 1.0))
        strong = torch.where(grey, rng.uniform(f"{end}-grey", 0.0, 0.12), rng.uniform(f"{end}-strong", 0.15, 0.6))
        colors.append(hsv_to_rgb(rng.uniform("ground-hue", 0, 360) + rng.uniform(f"{end}-hue", -40, 40), strong, value))
    return colors[0], colors[1]


def _sample_occluder_colors(rng: IndexedGenerator) -> tuple[Tensor, Tensor]:
    hue, strong = rng.uniform("board-hue", 0, 360), rng.uniform("board-strong", 0.05, 0.45)
    value = rng.uniform("board-bright", 0.25, 0.85)
    return hsv_to_rgb(hue, strong, value), hsv_to_rgb(hue, strong, value * 0.72)
