"""Pictures of the world by index: the same pixels alone and in any batch."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.images.world.dice import Dice
from workbench.images.world.factors import NAMES
from workbench.images.world.scene import scene
from workbench.images.world.styles import painted

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
    out = torch.empty((len(codes), 3, size, size), dtype=torch.uint8, device=codes.device)
    style = codes[:, NAMES.index("style")]
    together = max(1, AT_ONCE // size**2) if codes.device.type == "cpu" else len(codes)
    for kind in torch.unique(style).tolist():
        rows = torch.nonzero(style == kind)[:, 0]
        for part in rows.split(together):
            dice = Dice(seed, index[part])
            out[part] = painted(scene(codes[part], dice, size, clutter), dice, int(kind))
    return out
