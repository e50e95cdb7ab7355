"""Pictures of the world by index: the same pixels alone and in any batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from workbench.images.world.dice import Dice, Share
from workbench.images.world.factors import NAMES
from workbench.images.world.scene import scene
from workbench.images.world.styles import painted

Draw = Callable[[int, Tensor, Dice], Tensor]
AT_ONCE = 32 * 64 * 64  # pixels a channel that are worked on together: what fits a processor's cache


def rendered(codes: Tensor, index: Tensor, size: int, seed: int = 0, clutter: int = 0) -> Tensor:
    """Pictures (B, 3, size, size) uint8.

    Args:
        codes: (B, factors) int64 on the device that is to draw, in the order of `factors.NAMES`.
        index: (B,) int64, the images' places in the endless world.
        size: pixels an edge, 32 to 224.
        seed: of the world.
        clutter: further objects on the background.
    """

    def draw(style: int, rows: Tensor, dice: Dice) -> Tensor:
        return painted(scene(codes[rows], dice, size, clutter), dice, style)

    return drawn(codes[:, NAMES.index("style")], index, size, seed, draw)


def drawn(kinds: Tensor, index: Tensor, size: int, seed: int, draw: Draw) -> Tensor:
    """Pictures (B, 3, size, size) uint8, drawn by kind in parts that fit the processor's cache.

    Args:
        kinds: (B,) int64; the pictures of one kind are drawn together.
        index, size, seed: as for `rendered`.
        draw: kind, rows and their dice -> those pictures.
    """
    if not len(kinds):
        return torch.empty((0, 3, size, size), dtype=torch.uint8, device=kinds.device)
    order = kinds.argsort(stable=True)
    whole, rolled, out = Dice(seed, index[order]), {}, []
    together = max(1, AT_ONCE // size**2) if kinds.device.type == "cpu" else len(kinds)
    stop = 0
    for kind, count in zip(*(t.tolist() for t in torch.unique(kinds, return_counts=True)), strict=True):
        start, stop = stop, stop + count
        for first in range(start, stop, together):
            part = slice(first, min(first + together, stop))
            out.append(draw(kind, order[part], Share(whole, part, rolled)))
    return torch.cat(out).index_select(0, order.argsort())
