"""Masks of the objects in images of the world, known from the rendering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue
from workbench.forms import Range

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

__all__ = ["object_masks"]

BATCH_SIZE = 64  # images per batch


@check_arguments
def object_masks(
    images: Images, size: Annotated[int, Range(1, 224)], crop_pct: Annotated[float, Range(1e-3, 1.0)] = 1.0
) -> np.ndarray:
    """Compute the mask of the visible part of each image's object.

    Args:
        images: images of the world, or a subset of them.
        size: size of the net's input in pixels: `net.preprocessing.size`.
        crop_pct: share of the image that the net's center crop keeps, in (0, 1]: `net.preprocessing.crop_pct`.

    Returns:
        (N, size, size) bool, in the order of the images.

    Raises:
        BadData: images that are not of the world, or whose pixels were changed afterwards.
        BadValue: a size out of range.
    """
    import torch

    from workbench.data.pixels.augmentation import center_crop
    from workbench.data.world.factory import SIZE_RANGE, SceneRenderer
    from workbench.data.world.indexed_random import IndexedGenerator
    from workbench.data.world.scene import compose_scene

    items, rows = images.items, images.rows
    renderer = getattr(items.pixel_source, "renderer", None)
    if not isinstance(renderer, SceneRenderer):
        raise BadData(f'only wb.load_images("world", …) knows where its objects are; {items.name} does not')
    if any(items.shifts):
        raise BadData(
            "expected unmodified images of the world, got images changed afterwards; "
            "take the masks of the images before the change"
        )
    rendered_size = max(size, round(size / crop_pct)) if 0 < crop_pct <= 1 else 0
    if not SIZE_RANGE[0] <= rendered_size <= SIZE_RANGE[1]:
        raise BadValue(
            f"the world is rendered at {SIZE_RANGE[0]} to {SIZE_RANGE[1]} px; got size {size} and crop_pct {crop_pct}"
        )
    masks = np.empty((len(rows), size, size), bool)
    for start in range(0, len(rows), BATCH_SIZE):
        index = items.source_index[rows[start : start + BATCH_SIZE]]
        codes = torch.from_numpy(renderer.codes[index].astype(np.int64))
        scene = compose_scene(
            codes,
            IndexedGenerator(renderer.seed, torch.from_numpy(renderer.index[index])),
            rendered_size,
            renderer.clutter,
        )
        visible = scene.coverage * (1 - scene.occluder)
        masks[start : start + BATCH_SIZE] = (center_crop(visible[:, None], size)[:, 0] > 0.5).numpy()
    return masks
