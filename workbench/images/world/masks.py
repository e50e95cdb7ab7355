"""Where the object is in pictures of the world: known, because the world was drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue
from workbench.forms import Range

if TYPE_CHECKING:
    from workbench.images import Images

TOGETHER = 64  # pictures worked on together


@check_arguments
def object_masks(
    images: Images, size: Annotated[int, Range(1, 224)], crop_pct: Annotated[float, Range(1e-3, 1.0)] = 1.0
) -> np.ndarray:
    """Which pixels of each picture show its object, what a board hides left out.

    Args:
        images: of the world, or a part of them.
        size: edge of the squares that a net sees, in pixels: `net.preprocessing.size`.
        crop_pct: share of the picture that it sees, in (0, 1]: `net.preprocessing.crop_pct`.

    Returns:
        (N, size, size) bool, in the order of the images.

    Raises:
        BadData: images that are not of the world, or whose pixels were changed afterwards.
        BadValue: a size out of range.
    """
    import torch

    from workbench.images.crops import centre
    from workbench.images.world.dice import Dice
    from workbench.images.world.opening import SIZES, ScenePainter
    from workbench.images.world.scene import scene

    items, rows = images._items, images._rows
    painter = getattr(items.origin, "painter", None)
    if not isinstance(painter, ScenePainter):
        raise BadData(f'only wb.images("world", …) knows where its objects are; {items.name} does not')
    if any(items.shifts):
        raise BadData("the pictures were shifted after they were drawn: ask for the masks of the images before that")
    stored = max(size, round(size / crop_pct)) if 0 < crop_pct <= 1 else 0
    if not SIZES[0] <= stored <= SIZES[1]:
        raise BadValue(f"the world is drawn at {SIZES[0]} to {SIZES[1]} px; got size {size} and crop_pct {crop_pct}")
    masks = np.empty((len(rows), size, size), bool)
    for start in range(0, len(rows), TOGETHER):
        at = items.at[rows[start : start + TOGETHER]]
        codes = torch.from_numpy(painter.codes[at].astype(np.int64))
        drawn = scene(codes, Dice(painter.seed, torch.from_numpy(painter.index[at])), stored, painter.clutter)
        shown = drawn.cover * (1 - drawn.board)
        masks[start : start + TOGETHER] = (centre(shown[:, None], size)[:, 0] > 0.5).numpy()
    return masks
