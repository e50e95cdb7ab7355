"""Filters of a convolution: images of them, dead filters and duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from torch import nn

from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, UnknownName

if TYPE_CHECKING:
    from workbench.nets.net import Net

__all__ = ["Filters", "filters"]

DEAD_NORM_RATIO = 1e-2  # share of the median norm below which a filter counts as dead
TWIN_COSINE = 0.97  # cosine above which two filters count as twins
MIN_COLOR_ENERGY = 0.12  # share of a filter's energy in colour up to which it counts as grey, without a hue
SORT_KEYS = ("hue", "frequency", "norm", "index")


@dataclass(frozen=True)
class Filters:
    """Filters of one convolution.

    Attributes:
        module: its dotted name.
        stage: the stage that contains it.
        kernels: (F, C, h, w) float32; for a first layer, scaled to pixels from 0 to 1.
        frame: one row per filter: norm, hue (degrees, NaN for grey), frequency (cycles per pixel), dead, twin (an
            earlier filter of nearly the same direction, or -1).
    """

    module: str
    stage: str
    kernels: np.ndarray
    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.kernels)

    @property
    def is_first_layer(self) -> bool:
        """True if the convolution reads pixels, so that its filters have colours."""
        return self.kernels.shape[1] == 3

    @property
    def images(self) -> np.ndarray:
        """Filters as images in 0..1, grey for zero, scaled to each filter's largest weight: (F, h, w, 3) or (F, h, w).

        If the number of channels is not 3, the channel with the largest energy.
        """
        scale = np.abs(self.kernels).max(axis=(1, 2, 3), keepdims=True)
        images = 0.5 + self.kernels / (2 * np.where(scale > 0, scale, 1))
        if self.is_first_layer:
            return images.transpose(0, 2, 3, 1)
        strongest = np.square(self.kernels).sum((2, 3)).argmax(1)
        return images[np.arange(len(images)), strongest]

    @check_arguments
    def order(self, by: str = "hue") -> np.ndarray:
        """Return the filters' indices sorted by hue (grey ones first), frequency, norm (largest first) or index.

        Raises:
            UnknownName: no such order.
        """
        if by not in SORT_KEYS:
            raise UnknownName.of("order of filters", by, SORT_KEYS)
        if by == "index":
            return np.arange(len(self))
        keys = self.frame["hue"].fillna(-1) * 1000 + self.frame["frequency"] if by == "hue" else self.frame[by]
        return np.argsort(-keys.to_numpy() if by == "norm" else keys.to_numpy(), kind="stable")


@check_arguments
def filters(net: Net, layer: str | None = None) -> Filters:
    """Return the filters of a convolution.

    Args:
        layer: a stage, meaning its first convolution with a kernel wider than 1, or a module's dotted name; the
            convolution that reads the pixels if left out.

    Raises:
        UnknownName: no such stage or module.
        BadValue: no convolution there.
    """
    name, module = _find_convolution(net, layer)
    kernels = module.weight.detach().float().cpu().numpy()
    if kernels.shape[1] == 3:
        kernels = kernels / net.std.cpu().numpy()
    stages = {m: stage.name for stage in net.stages for m in stage.module_names}
    return Filters(name, stages.get(name, ""), kernels, _describe_filters(kernels))


def _find_convolution(net: Net, layer: str | None) -> tuple[str, Any]:
    modules = dict(net.named_modules())
    convolutions = {name: module for name, module in modules.items() if isinstance(module, nn.Conv2d)}
    if layer is None:
        first = next((name for name, module in convolutions.items() if module.weight.shape[1] == 3), None)
        if first is None:
            raise BadValue("no convolution of this net reads pixels: choose another one with layer=…")
        return first, convolutions[first]
    stages = {stage.name: stage.module_names for stage in net.stages}
    if layer in stages:
        inside = [name for name in stages[layer] if name in convolutions]
        spatial = [name for name in inside if convolutions[name].weight.shape[-1] > 1]
        if not inside:
            raise BadValue(f"the stage {layer} has no convolution, and so no filters")
        return (spatial or inside)[0], convolutions[(spatial or inside)[0]]
    names = [name for name in (layer, f"backbone.{layer}") if name in modules]
    if not names:
        raise UnknownName.of("stage or module of this net", layer, [*stages, *convolutions])
    if names[0] not in convolutions:
        raise BadValue(f"{names[0]} is a {type(modules[names[0]]).__name__}; expected a convolution")
    return names[0], convolutions[names[0]]


def _describe_filters(kernels: np.ndarray) -> pd.DataFrame:
    flat = kernels.reshape(len(kernels), -1)
    norm = np.linalg.norm(flat, axis=1)
    dead = norm < DEAD_NORM_RATIO * np.median(norm)
    return pd.DataFrame(
        {
            "norm": norm,
            "hue": filter_hues(kernels) if kernels.shape[1] == 3 else np.nan,
            "frequency": filter_frequencies(kernels),
            "dead": dead,
            "twin": _find_twins(flat / np.where(norm > 0, norm, 1)[:, None], dead),
        }
    )


def filter_hues(kernels: np.ndarray) -> np.ndarray:
    """Return the hue of each filter's strongest colour in degrees (F,); NaN if it is nearly grey."""
    hues = np.full(len(kernels), np.nan)
    for row, kernel in enumerate(kernels.reshape(len(kernels), 3, -1).astype(float)):
        directions, sizes, patterns = np.linalg.svd(kernel, full_matrices=False)
        # of the two signs, the one at the position with the largest weight
        color = directions[:, 0] * np.sign(patterns[0][np.abs(patterns[0]).argmax()] or 1)
        chroma = color - color.mean()
        if sizes[0] > 0 and np.square(chroma).sum() > MIN_COLOR_ENERGY:
            red, green, blue = chroma
            hues[row] = np.degrees(np.arctan2(np.sqrt(3) / 2 * (green - blue), red - (green + blue) / 2)) % 360
    return hues


def filter_frequencies(kernels: np.ndarray) -> np.ndarray:
    """Return each filter's mean spatial frequency (F,) by its power spectrum, in cycles per pixel, 0 to about 0.7."""
    spectrum = np.square(np.abs(np.fft.fft2(kernels.astype(float), s=(32, 32)))).sum(1)
    across = np.fft.fftfreq(32)
    radius = np.hypot(across[:, None], across[None])
    total = spectrum.sum((1, 2))
    return (spectrum * radius).sum((1, 2)) / np.where(total > 0, total, 1)


def _find_twins(directions: np.ndarray, dead: np.ndarray) -> np.ndarray:
    is_similar = (directions @ directions.T > TWIN_COSINE) & ~dead[:, None] & ~dead[None]
    is_earlier = np.tril(is_similar, -1)
    return np.where(is_earlier.any(1), is_earlier.argmax(1), -1)
