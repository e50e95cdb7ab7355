"""A map over its picture: the picture grey and dim, the map in one ramp."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import style
from .image_grid import Sheet, as_uint8

DIM = 0.55  # of the picture's lightness, so that the map stands out
GLOW = ("#5a2a00", "#E69F00", "#FFE9A8")  # one hue from dark to light: reads in greyscale as well
COLD = ("#00263d", "#56B4E9", "#DDF1FC")
BAR = 34  # pixels under a grid that a scale bar takes


def overlaid(picture: np.ndarray, values: np.ndarray, signed: bool = False) -> np.ndarray:
    """The picture at 55 % grey with a map over it, (H, W, 3) uint8.

    Args:
        picture: (H, W, 3) or (H, W), uint8 or float 0..1.
        values: (H, W), scaled to -1..1; NaN shows nothing.
        signed: whether what is below 0 is shown, in blue.
    """
    grey = as_uint8(picture).astype(float) @ (0.299, 0.587, 0.114) * DIM
    strength = np.clip(np.nan_to_num(np.asarray(values, dtype=float)), -1 if signed else 0, 1)
    under = np.repeat(grey[:, :, None], 3, axis=2)
    over = np.where(strength[:, :, None] < 0, ramp(-strength, COLD), ramp(strength, GLOW))
    share = np.sqrt(np.abs(strength))[:, :, None] * 0.85
    return np.clip(under * (1 - share) + over * share, 0, 255).round().astype(np.uint8)


def ramp(values: np.ndarray, stops: tuple[str, ...]) -> np.ndarray:
    """Colours (..., 3) within 0..255 of values within 0..1."""
    at = np.linspace(0, 1, len(stops))
    channels = [[int(stop[i : i + 2], 16) for stop in stops] for i in (1, 3, 5)]
    return np.stack([np.interp(np.clip(values, 0, 1), at, channel) for channel in channels], axis=-1)


def scaled(maps: Any) -> np.ndarray:
    """Maps (N, H, W), each divided by its own scale, -1 to 1; a map of zeros stays so.

    The scale is exceeded by one pixel in 200: single pixels would leave all others in the dark.
    """
    maps = np.nan_to_num(np.asarray(maps, dtype=float))
    size = np.abs(maps)
    most = np.percentile(size, 99.5, axis=(1, 2), keepdims=True, method="higher")
    most = np.where(most > 0, most, size.max(axis=(1, 2), keepdims=True))
    return np.clip(maps / np.where(most > 0, most, 1), -1, 1)


def scale_bar(sheet: Sheet, signed: bool) -> None:
    """The map's own scale, at the bottom left of a sheet that kept `BAR` pixels free."""
    width, height = (side * sheet.dpi for side in sheet.get_size_inches())
    values = np.linspace(-1 if signed else 0, 1, 160)
    strip = overlaid(np.full((1, 160), 96, np.uint8), values[None], signed)
    with style.matplotlib_style():
        axes = sheet.add_axes((1 / width, 16 / height, 160 / width, 8 / height))
        axes.imshow(strip, aspect="auto", interpolation="nearest")
        axes.set_axis_off()
        words = ("against", "0", "for the target") if signed else ("0", "", "most in its picture")
        places = (0.0, 0.5, 1.0)
        for word, place, align in zip(words, places, ("left", "center", "right"), strict=True):
            sheet.text((1 + 160 * place) / width, 13 / height, word, size=7.5, va="top", ha=align)
