"""Heat map over an image: the image in dimmed gray, the map in one color ramp."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.figures.image_grids.thumbnails import ImageFigure, to_uint8
from workbench.figures.style import theme

BRIGHTNESS = 0.55  # factor on the image's brightness, so that the map is visible
POSITIVE_COLORS = ("#5a2a00", "#E69F00", "#FFE9A8")  # one hue from dark to light: readable in greyscale as well
NEGATIVE_COLORS = ("#00263d", "#56B4E9", "#DDF1FC")
SCALE_BAR_HEIGHT = 34  # pixels below an image grid that a scale bar needs


def overlay_heatmap(image: np.ndarray, values: np.ndarray, signed: bool = False) -> np.ndarray:
    """Overlay a map on the image at 55 % gray; return (H, W, 3) uint8.

    Args:
        image: (H, W, 3) or (H, W), uint8 or float 0..1.
        values: (H, W), scaled to -1..1; NaN is not drawn.
        signed: True to draw values below 0, in blue.
    """
    gray = to_uint8(image).astype(float) @ (0.299, 0.587, 0.114) * BRIGHTNESS
    strength = np.clip(np.nan_to_num(np.asarray(values, dtype=float)), -1 if signed else 0, 1)
    background = np.repeat(gray[:, :, None], 3, axis=2)
    colors = np.where(
        strength[:, :, None] < 0,
        interpolate_colors(-strength, NEGATIVE_COLORS),
        interpolate_colors(strength, POSITIVE_COLORS),
    )
    opacity = np.sqrt(np.abs(strength))[:, :, None] * 0.85
    return np.clip(background * (1 - opacity) + colors * opacity, 0, 255).round().astype(np.uint8)


def interpolate_colors(values: np.ndarray, stops: tuple[str, ...]) -> np.ndarray:
    """Interpolate `values` within 0..1 between the stops; return colors (..., 3) within 0..255."""
    positions = np.linspace(0, 1, len(stops))
    channels = [[int(stop[i : i + 2], 16) for stop in stops] for i in (1, 3, 5)]
    return np.stack([np.interp(np.clip(values, 0, 1), positions, channel) for channel in channels], axis=-1)


def normalize_maps(maps: Any) -> np.ndarray:
    """Normalize maps (N, H, W), each by its own scale, to -1..1; a map of zeros stays zero.

    The scale is the 99.5 % percentile of the absolute values: with the maximum, single pixels would darken all others.
    """
    maps = np.nan_to_num(np.asarray(maps, dtype=float))
    magnitude = np.abs(maps)
    scale = np.percentile(magnitude, 99.5, axis=(1, 2), keepdims=True, method="higher")
    scale = np.where(scale > 0, scale, magnitude.max(axis=(1, 2), keepdims=True))
    return np.clip(maps / np.where(scale > 0, scale, 1), -1, 1)


def add_scale_bar(figure: ImageFigure, signed: bool) -> None:
    """Draw the map's color scale at the bottom left of a figure that reserved `SCALE_BAR_HEIGHT` pixels."""
    width, height = (side * figure.dpi for side in figure.get_size_inches())
    values = np.linspace(-1 if signed else 0, 1, 160)
    strip = overlay_heatmap(np.full((1, 160), 96, np.uint8), values[None], signed)
    with theme.matplotlib_style():
        axes = figure.add_axes((1 / width, 16 / height, 160 / width, 8 / height))
        axes.imshow(strip, aspect="auto", interpolation="nearest")
        axes.set_axis_off()
        labels = ("against", "0", "for the target") if signed else ("0", "", "maximum of the image")
        positions = (0.0, 0.5, 1.0)
        for label, position, align in zip(labels, positions, ("left", "center", "right"), strict=True):
            figure.text((1 + 160 * position) / width, 13 / height, label, size=7.5, va="top", ha=align)
