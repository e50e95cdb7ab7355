"""What a channel answers to: activation maps, and the crops of a data set that excite it most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue
from workbench.nets.grids import Grid
from workbench.probes.pictures import Pictures
from workbench.probes.places import chosen_grid, listening
from workbench.probes.quiet import quiet

if TYPE_CHECKING:
    from workbench.nets import Net

TOGETHER = 64  # pictures a pass
MOST = 1_000_000_000  # bytes of maps held at once
HELD = 0.95  # share of a unit's gradient that the box around its field holds, along each edge


@dataclass(frozen=True)
class ActivationMaps:
    """What every channel of a stage says of N pictures.

    Attributes:
        stage: its name.
        maps: (N, C, h, w) float32.
        pictures: (N, S, S, 3) uint8, as the net was shown them.
        ids: (N,) their names.
    """

    stage: str
    maps: np.ndarray
    pictures: np.ndarray
    ids: np.ndarray


@dataclass(frozen=True)
class Exciting:
    """The places in a data set that excite one channel most, strongest first.

    Attributes:
        stage: its name.
        channel: the channel.
        crops: what the unit sees of each picture, (h, w, 3) uint8.
        pictures: (n, S, S, 3) uint8, the whole pictures.
        boxes: (n, 4) int: top, left, bottom, right of each crop in its picture.
        frame: id, row (place in the images), true (where known), and value of the channel there.
    """

    stage: str
    channel: int
    crops: list[np.ndarray]
    pictures: np.ndarray
    boxes: np.ndarray
    frame: pd.DataFrame


@check_arguments
def activations(net: Net, images: Any, layer: str | None = None) -> ActivationMaps:
    """The activation maps of some images at a stage; of transformers, those of the places.

    Args:
        images: as `saliency` takes them.
        layer: a stage; the last with places that the head listens to if left out.

    Raises:
        UnknownName: no such stage.
        BadValue: a stage without places.
        BadData: no images, or more than their maps can be held of.
    """
    grid, shown = chosen_grid(net, layer), Pictures.of(net, images)
    numbers = int(np.prod(grid.stage.shape or ()))
    if len(shown) * numbers * 4 > MOST:
        few = MOST // numbers // 4
        raise BadData(f"the maps of {len(shown):,} images at {grid.stage.name} do not fit into memory: take {few:,}")
    maps = [grid.map(out).cpu().numpy() for _, out in _said(net, shown, grid)]
    return ActivationMaps(grid.stage.name, np.concatenate(maps), shown.squares, shown.ids)


@check_arguments
def exciting(net: Net, images: Any, layer: str, channel: int, n: int = 9) -> Exciting:
    """The images, and the crops of them, that excite a channel most.

    Of each image its strongest place counts. What that place sees is traced: the box that holds 95 % of the gradient
    of its value to the pixels, along each edge.

    Zeiler & Fergus 2013, arXiv:1311.2901; Luo et al. 2016, arXiv:1701.04128 (the effective receptive field).

    Args:
        images: as `saliency` takes them.
        layer: a stage with places.
        channel: number of the channel.
        n: how many images, 1 to 100.

    Raises:
        UnknownName: no such stage.
        BadValue: a stage without places, or a channel or number out of range.
        BadData: no images.
    """
    grid = chosen_grid(net, layer)
    channels = grid.channels
    if isinstance(channel, bool) or not isinstance(channel, (int, np.integer)) or not 0 <= channel < channels:
        raise BadValue(f"{layer} has {channels} channels, numbered 0 to {channels - 1}; got {channel!r}")
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= 100:
        raise BadValue(f"n is a number of images from 1 to 100; got {n!r}")
    shown = Pictures.of(net, images)
    flat = np.concatenate([grid.map(out)[:, channel].flatten(1).cpu().numpy() for _, out in _said(net, shown, grid)])
    best = np.argsort(-flat.max(1), kind="stable")[:n]
    at = flat[best].argmax(1)
    boxes = np.array(
        [field(net, grid, shown.pixels(slice(row, row + 1)), channel, int(p)) for row, p in zip(best, at, strict=True)]
    )
    squares = shown.squares[best]
    crops = [square[a:c, b:d] for square, (a, b, c, d) in zip(squares, boxes, strict=True)]
    columns: dict[str, Any] = {"id": shown.ids[best], "row": shown.rows[best]}
    if shown.labels is not None:
        columns["true"] = [shown.labels[row] for row in best]
    frame = pd.DataFrame({**columns, "value": flat[best].max(1)})
    return Exciting(grid.stage.name, int(channel), crops, squares, boxes, frame)


def field(net: Net, grid: Grid, x: Tensor, channel: int, place: int) -> tuple[int, int, int, int]:
    """What one unit sees of a picture x (1, 3, S, S): top, left, bottom, right; all of it where it sees nothing."""
    with quiet(net), torch.enable_grad(), listening(net, grid, graph="pixels") as heard:
        x = x.to(next(net.parameters()).device).requires_grad_(True)
        net(x)
        assert heard.out is not None
        unit = grid.map(heard.out)[0, channel].flatten()[place]
        found = torch.autograd.grad(unit, x, allow_unused=True)[0] if unit.requires_grad else None
    size = x.shape[-1]
    if found is None or not found.any():
        return 0, 0, size, size
    spread = found[0].abs().sum(0)
    (top, bottom), (left, right) = (_held(spread.sum(axis).cpu().numpy()) for axis in (1, 0))
    return top, left, bottom, right


def _held(mass: np.ndarray) -> tuple[int, int]:
    """The range of places that leaves the same small share of the mass on either side."""
    share = np.cumsum(mass.astype(float)) / mass.sum(dtype=float)
    out = (1 - HELD) / 2
    low, high = int(np.searchsorted(share, out)), int(np.searchsorted(share, 1 - out)) + 1
    return low, max(min(high, len(mass)), low + 1)


@torch.no_grad()
def _said(net: Net, shown: Pictures, grid: Grid) -> Any:
    """What the stage says, by batches of the pictures: (rows, output)."""
    with quiet(net), listening(net, grid, graph=None) as heard:
        place = next(net.parameters()).device
        for start in range(0, len(shown), TOGETHER):
            part = slice(start, start + TOGETHER)
            net(shown.pixels(part).to(place))
            assert heard.out is not None
            yield part, heard.out
