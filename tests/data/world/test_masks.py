"""The object's own pixels."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadData, BadValue


@pytest.fixture(scope="module")
def images():
    return wb.load_images("world", n=240, label="shape", size=64, seed=3)


@pytest.fixture(scope="module")
def masks(images):
    return wb.world.object_masks(images, 64)


def test_the_mask_lies_where_the_object_was_put_and_is_as_large(images, masks):
    frame = images.frame
    free = (frame["occlusion"] == "0 %").to_numpy()
    across = (masks * np.arange(64)).sum((1, 2)) / masks.sum((1, 2)).clip(1)
    down = (masks * np.arange(64)[:, None]).sum((1, 2)) / masks.sum((1, 2)).clip(1)
    at = {name: (frame["position"] == name).to_numpy() & free for name in ("left", "right", "top", "bottom")}
    assert across[at["left"]].mean() + 4 < 32 < across[at["right"]].mean() - 4
    assert down[at["top"]].mean() + 4 < 32 < down[at["bottom"]].mean() - 4
    size = masks.mean((1, 2))
    large, small = (size[(frame["scale"] == scale).to_numpy() & free].mean() for scale in ("95 %", "40 %"))
    assert large > 2 * small


def test_the_pixels_change_at_its_edge(images, masks):
    x = images.view(64, crop_pct=1.0).load_batch(range(len(images)))[0].float().mean(1).numpy()
    flat = (images.frame["occlusion"] == "0 %").to_numpy()
    step = np.abs(np.diff(x[flat], axis=2))
    edge = masks[flat, :, 1:] != masks[flat, :, :-1]
    assert step[edge].mean() > 2 * step[~edge].mean()


def test_a_board_hides(images, masks):
    size = masks.mean((1, 2))
    hidden, free = (size[(images.frame["occlusion"] == share).to_numpy()].mean() for share in ("70 %", "0 %"))
    assert hidden < 0.5 * free


def test_a_part_and_a_crop(images, masks):
    assert np.array_equal(wb.world.object_masks(images.subset(rows=[7, 3]), 64), masks[[7, 3]])
    assert np.array_equal(wb.world.object_masks(images, 56, crop_pct=0.875), masks[:, 4:60, 4:60])


def test_refusals(toy):
    with pytest.raises(BadData, match="toy|arrays|only"):
        wb.world.object_masks(toy, 32)
    with pytest.raises(BadValue, match="32 to 224 px"):
        wb.world.object_masks(wb.load_images("world", n=10, label="hue"), 16)
