"""A layer's filters: what the first ones look like, which are dead, which occur twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from torch import nn

from workbench.arguments import check_arguments
from workbench.errors import BadValue, UnknownName

if TYPE_CHECKING:
    from workbench.nets import Net

DEAD = 1e-2  # of the median norm: such a filter passes on next to nothing
TWIN = 0.97  # cosine from which two filters count as one
GREY = 0.12  # share of a filter's energy in colour below which it has no hue
ORDERS = ("hue", "frequency", "norm", "index")


@dataclass(frozen=True)
class Filters:
    """The filters of one convolution.

    Attributes:
        module: its dotted name.
        stage: the stage that it lies in.
        kernels: (F, C, h, w) float32; of a first layer as it acts on pixels from 0 to 1.
        frame: a row a filter: norm, hue (degrees, NaN for grey), frequency (cycles a pixel), dead, twin (an earlier
            filter of nearly the same direction, or -1).
    """

    module: str
    stage: str
    kernels: np.ndarray
    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.kernels)

    @property
    def first(self) -> bool:
        """Whether it reads pixels, so that its filters have colours."""
        return self.kernels.shape[1] == 3

    @property
    def pictures(self) -> np.ndarray:
        """The filters as images from 0 to 1, grey for zero, each by its own largest weight: (F, h, w, 3) or (F, h, w).

        Of a filter over other than three channels, the strongest slice.
        """
        most = np.abs(self.kernels).max(axis=(1, 2, 3), keepdims=True)
        shown = 0.5 + self.kernels / (2 * np.where(most > 0, most, 1))
        if self.first:
            return shown.transpose(0, 2, 3, 1)
        strongest = np.square(self.kernels).sum((2, 3)).argmax(1)
        return shown[np.arange(len(shown)), strongest]

    @check_arguments
    def order(self, by: str = "hue") -> np.ndarray:
        """The filters' numbers, sorted: those without a hue first, then by hue; or by frequency, norm, or as they come.

        Raises:
            UnknownName: no such order.
        """
        if by not in ORDERS:
            raise UnknownName.of("order of filters", by, ORDERS)
        if by == "index":
            return np.arange(len(self))
        keys = self.frame["hue"].fillna(-1) * 1000 + self.frame["frequency"] if by == "hue" else self.frame[by]
        return np.argsort(-keys.to_numpy() if by == "norm" else keys.to_numpy(), kind="stable")


@check_arguments
def filters(net: Net, layer: str | None = None) -> Filters:
    """The filters of a convolution.

    Args:
        layer: a stage, of which the first convolution wider than one place is meant, or a module's dotted name; the
            convolution that reads the pixels if left out.

    Raises:
        UnknownName: no such stage or module.
        BadValue: no convolution there.
    """
    name, module = _found(net, layer)
    kernels = module.weight.detach().float().cpu().numpy()
    if kernels.shape[1] == 3:
        kernels = kernels / net.std.cpu().numpy()
    stages = {m: stage.name for stage in net.stages for m in stage.modules}
    return Filters(name, stages.get(name, ""), kernels, _described(kernels))


def _found(net: Net, layer: str | None) -> tuple[str, Any]:
    held = dict(net.named_modules())
    convolutions = {name: module for name, module in held.items() if isinstance(module, nn.Conv2d)}
    if layer is None:
        first = next((name for name, module in convolutions.items() if module.weight.shape[1] == 3), None)
        if first is None:
            raise BadValue("no convolution of this net reads pixels: name a layer that has filters")
        return first, convolutions[first]
    stages = {stage.name: stage.modules for stage in net.stages}
    if layer in stages:
        inside = [name for name in stages[layer] if name in convolutions]
        wide = [name for name in inside if convolutions[name].weight.shape[-1] > 1]
        if not inside:
            raise BadValue(f"the stage {layer} holds no convolution: its weights are no filters over places")
        return (wide or inside)[0], convolutions[(wide or inside)[0]]
    names = [name for name in (layer, f"backbone.{layer}") if name in held]
    if not names:
        raise UnknownName.of("stage or module of this net", layer, [*stages, *convolutions])
    if names[0] not in convolutions:
        raise BadValue(f"{names[0]} is a {type(held[names[0]]).__name__}; filters are those of a convolution")
    return names[0], convolutions[names[0]]


def _described(kernels: np.ndarray) -> pd.DataFrame:
    flat = kernels.reshape(len(kernels), -1)
    norm = np.linalg.norm(flat, axis=1)
    dead = norm < DEAD * np.median(norm)
    return pd.DataFrame(
        {
            "norm": norm,
            "hue": hues(kernels) if kernels.shape[1] == 3 else np.nan,
            "frequency": frequencies(kernels),
            "dead": dead,
            "twin": _twins(flat / np.where(norm > 0, norm, 1)[:, None], dead),
        }
    )


def hues(kernels: np.ndarray) -> np.ndarray:
    """The hue of each filter's strongest colour in degrees (F,); NaN where it is nearly grey."""
    found = np.full(len(kernels), np.nan)
    for row, kernel in enumerate(kernels.reshape(len(kernels), 3, -1).astype(float)):
        colours, sizes, places = np.linalg.svd(kernel, full_matrices=False)
        # of a colour and its opposite, the one that is seen where the filter is strongest
        colour = colours[:, 0] * np.sign(places[0][np.abs(places[0]).argmax()] or 1)
        bright = colour - colour.mean()
        if sizes[0] > 0 and np.square(bright).sum() > GREY:
            red, green, blue = bright
            found[row] = np.degrees(np.arctan2(np.sqrt(3) / 2 * (green - blue), red - (green + blue) / 2)) % 360
    return found


def frequencies(kernels: np.ndarray) -> np.ndarray:
    """How fast each filter changes over places, (F,) in cycles a pixel, 0 to about 0.7: the mean of its spectrum."""
    spectrum = np.square(np.abs(np.fft.fft2(kernels.astype(float), s=(32, 32)))).sum(1)
    across = np.fft.fftfreq(32)
    radius = np.hypot(across[:, None], across[None])
    total = spectrum.sum((1, 2))
    return (spectrum * radius).sum((1, 2)) / np.where(total > 0, total, 1)


def _twins(directions: np.ndarray, dead: np.ndarray) -> np.ndarray:
    alike = (directions @ directions.T > TWIN) & ~dead[:, None] & ~dead[None]
    earlier = np.tril(alike, -1)
    return np.where(earlier.any(1), earlier.argmax(1), -1)
