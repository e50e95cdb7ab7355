"""One factor turned while all others stand still: what a factor looks like."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.forms import Range
from workbench.images.world.factors import FACTORS, NAMES, values
from workbench.markers import Seed


@check_arguments
def series(
    factor: str, seed: Seed = 0, size: Annotated[int, Range(32, 224)] = 96, **fixed: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The same image with each value of one factor.

    Args:
        factor: the one that is turned.
        seed: which image it is.
        size: edge in pixels, 32 to 224.
        fixed: values of other factors, such as `style="sketch"`; by default a photo with nothing in front of it.

    Returns:
        Pictures (values, size, size, 3) uint8, and the values' names.

    Raises:
        UnknownName: no such factor or value.
        BadValue: a size or seed out of range.
    """
    import torch

    from workbench.images.world.dice import Dice
    from workbench.images.world.factors import code
    from workbench.images.world.opening import SIZES, whole
    from workbench.images.world.rendering import rendered

    names = values(factor)
    if factor in fixed:
        raise BadValue(f"{factor} is the factor that is turned: it takes each of its values, and cannot be fixed")
    whole("size", size, *SIZES)
    whole("seed", seed, 0, 2**32 - 1)
    place = torch.zeros(1, dtype=torch.int64)
    dice = Dice(seed, place)
    codes = torch.cat([dice.pick(f, len(v)) for f, v in FACTORS.items()]).repeat(len(names), 1)
    chosen = {"style": "photo", "occlusion": "0 %", "scale": "76 %", "position": "middle", "rotation": "0°", **fixed}
    for name, value in chosen.items():
        codes[:, NAMES.index(name)] = code(name, value)
    codes[:, NAMES.index(factor)] = torch.arange(len(names))
    return rendered(codes, place.repeat(len(names)), size, seed).permute(0, 2, 3, 1).numpy(), names
