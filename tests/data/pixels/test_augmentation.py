"""Views are a function of their key."""

from __future__ import annotations

import pytest
import torch

from workbench.data.pixels.augmentation import augment_images, center_crop, draw_uniform
from workbench.errors import BadValue, UnknownName

X = torch.randint(0, 256, (6, 3, 40, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
KEYS = torch.arange(6) * 1_000_003


def test_uniform_numbers_are_uniform_and_independent():
    keys = torch.arange(50_000)
    draws = torch.stack([draw_uniform(keys, d) for d in range(5)])
    assert ((draws >= 0) & (draws < 1)).all()
    assert (draws.mean(1) - 0.5).abs().max() < 0.01 and (draws.var(1) - 1 / 12).abs().max() < 0.002
    assert (torch.corrcoef(draws) - torch.eye(5)).abs().max() < 0.02
    neighbours = torch.corrcoef(torch.stack([draws[0, :-1], draws[0, 1:]]))[0, 1]
    assert neighbours.abs() < 0.02


def test_uniform_numbers_are_splitmix():
    """Against the reference in whole numbers without end."""
    mask, key = 2**64 - 1, -5
    z = ((key * 8 + 3) * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    assert draw_uniform(torch.tensor([key]), 3).item() == ((z ^ (z >> 31)) >> 40) / 2**24


@pytest.mark.parametrize("kind", ["none", "flip", "crop"])
def test_a_view_depends_on_image_and_key_alone(kind):
    state = torch.random.get_rng_state()
    whole = augment_images(X, 32, kind, KEYS)
    assert whole.shape == (6, 3, 32, 32) and whole.dtype == torch.float32
    assert whole.min() >= 0 and whole.max() <= 1
    order = torch.tensor([4, 0, 2])
    assert torch.equal(augment_images(X[order], 32, kind, KEYS[order]), whole[order])
    assert torch.equal(torch.random.get_rng_state(), state)


def test_none_is_the_centre():
    assert torch.equal(augment_images(X, 32, "none", KEYS), X[..., 4:36, 4:36] / 255)
    assert torch.equal(center_crop(X, 40), X)


def test_flip_mirrors_about_half():
    keys = torch.arange(1000)
    x = torch.zeros(1000, 1, 4, 4, dtype=torch.uint8)
    x[..., 0] = 255
    mirrored = augment_images(x, 4, "flip", keys)[:, 0, 0, 3]
    assert set(mirrored.tolist()) == {0.0, 1.0} and 0.45 < mirrored.mean() < 0.55


def test_crop_shows_a_part_of_the_image():
    """On a picture of its own coordinates, every crop's corners tell which part it is."""
    n, edge = 2000, 64
    line = torch.linspace(0, 255, edge).round().to(torch.uint8)
    x = torch.stack([line[None, :].expand(edge, edge), line[:, None].expand(edge, edge)])[None].expand(n, -1, -1, -1)
    view = augment_images(x, 16, "crop", torch.arange(n)) * 16 / 15
    width = (view[:, 0, 8, 15] - view[:, 0, 8, 0]).abs()
    height = view[:, 1, 15, 8] - view[:, 1, 0, 8]
    area = width * height
    assert area.min() > 0.3 and area.max() < 1.05 and 0.6 < area.mean() < 0.7
    assert (height > 0).all() and 0.45 < (view[:, 0, 8, 15] < view[:, 0, 8, 0]).float().mean() < 0.55
    ratio = width / height
    assert ratio.min() > 0.70 and ratio.max() < 1.42 and ratio.std() > 0.1


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(BadValue, match="40 pixels wide, less than the 48"):
        augment_images(X, 48, "none", KEYS)
    with pytest.raises(UnknownName, match="flip"):
        augment_images(X, 32, "flipp", KEYS)
