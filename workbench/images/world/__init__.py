"""A procedural world: images rendered from known factors, as domains that can be dialled apart.

`wb.images("world", ...)` opens its images, `wb.images("material", ...)` pictures made by formulas alone, and
`wb.world.pair(...)` a source and a target a known distance apart. `wb.world.series(...)` turns one factor,
`wb.world.object_masks(...)` says where the objects are.
"""

from __future__ import annotations

from workbench.images.world.dials import Dials
from workbench.images.world.factors import FACTORS
from workbench.images.world.masks import object_masks
from workbench.images.world.pair import Pair, pair
from workbench.images.world.series import series

__all__ = ["FACTORS", "Dials", "Pair", "object_masks", "pair", "series"]
