"""Images that differ in one factor."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.data.world.factors import FACTOR_NAMES, FACTORS, factor_values
from workbench.errors import BadValue
from workbench.forms import Range

__all__ = ["vary_factor"]


@check_arguments
def vary_factor(
    factor: str, seed: Seed = 0, size: Annotated[int, Range(32, 224)] = 96, **fixed_values: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Render the same image with each value of one factor.

    Args:
        factor: factor that varies.
        seed: seed of the image.
        size: image size in pixels, 32 to 224.
        fixed_values: values of other factors, such as `style="sketch"`; by default a photo without an occluder.

    Returns:
        Images (values, size, size, 3) uint8, and the values' names.

    Raises:
        UnknownName: no such factor or value.
        BadValue: a size or seed out of range.
    """
    import torch

    from workbench.data.world.factors import value_index
    from workbench.data.world.factory import SIZE_RANGE, check_integer
    from workbench.data.world.indexed_random import IndexedGenerator
    from workbench.data.world.rendering import render_scenes

    names = factor_values(factor)
    if factor in fixed_values:
        raise BadValue(f"{factor} is the factor that varies and cannot be fixed; leave it out")
    check_integer("size", size, *SIZE_RANGE)
    check_integer("seed", seed, 0, 2**32 - 1)
    index = torch.zeros(1, dtype=torch.int64)
    rng = IndexedGenerator(seed, index)
    codes = torch.cat([rng.integers(f, len(v)) for f, v in FACTORS.items()]).repeat(len(names), 1)
    chosen = {
        "style": "photo",
        "occlusion": "0 %",
        "scale": "76 %",
        "position": "middle",
        "rotation": "0°",
        **fixed_values,
    }
    for name, value in chosen.items():
        codes[:, FACTOR_NAMES.index(name)] = value_index(name, value)
    codes[:, FACTOR_NAMES.index(factor)] = torch.arange(len(names))
    return render_scenes(codes, index.repeat(len(names)), size, seed).permute(0, 2, 3, 1).numpy(), names
