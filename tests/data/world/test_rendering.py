"""Pictures by index."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.data.world import styles
from workbench.data.world.factors import FACTOR_NAMES, FACTORS, HUES, LIGHTS, OCCLUSIONS, POSITIONS, ROTATIONS, SCALES
from workbench.data.world.indexed_random import IndexedGenerator
from workbench.data.world.rendering import render_scenes
from workbench.data.world.scene import compose_scene

INDEX = torch.arange(96)


def codes(**fixed: str) -> torch.Tensor:
    """Factors thrown at random, but for those that are fixed."""
    dice = IndexedGenerator(1, INDEX)
    columns = [dice.integers(f, len(v)) for f, v in FACTORS.items()]
    for factor, value in fixed.items():
        columns[FACTOR_NAMES.index(factor)] = torch.full_like(INDEX, FACTORS[factor].index(value))
    return torch.stack(columns, dim=1)


def test_an_image_alone_has_the_same_pixels_as_in_any_batch():
    whole = render_scenes(codes(), INDEX, 48, seed=7)
    for rows in ([5], [90, 3, 41], list(range(64, 96))):
        assert torch.equal(render_scenes(codes()[rows], INDEX[rows], 48, seed=7), whole[rows])
    assert not torch.equal(render_scenes(codes(), INDEX, 48, seed=8), whole)


@pytest.mark.parametrize("size", [32, 51, 224])
def test_any_size(size: int):
    x = render_scenes(codes()[:4], INDEX[:4], size)
    assert x.shape == (4, 3, size, size) and x.dtype == torch.uint8
    # the same pictures, finer: averaged down they agree, but for grain
    small = render_scenes(codes(style="flat")[:4], INDEX[:4], 32).float()
    large = render_scenes(codes(style="flat")[:4], INDEX[:4], 224).float()
    assert (torch.nn.functional.avg_pool2d(large, 7) - small).abs().mean() < 6


@pytest.mark.parametrize("factor", FACTOR_NAMES)
def test_every_value_of_a_factor_can_be_seen(factor: str):
    free = {"style": "photo", "occlusion": "0 %", "scale": "95 %"}
    free.pop(factor, None)
    if factor == "position":
        free["scale"] = "53 %"
    means = []
    for value in FACTORS[factor]:
        fixed = {**free, factor: value}
        means.append(render_scenes(codes(**fixed)[:24], INDEX[:24], 32).float())
    # against the same images with the neighbouring value
    changed = [(a - b).abs().mean().item() for a, b in zip(means, [*means[1:], means[0]], strict=True)]
    assert min(changed) > 1.0


def test_there_are_at_least_eight_values_of_each_and_eight_styles():
    assert all(len(v) >= 8 for v in FACTORS.values())
    assert len(styles.PAINTERS) == len(FACTORS["style"]) == 8
    assert (len(SCALES), len(ROTATIONS), len(LIGHTS), len(POSITIONS), len(HUES)) == (8, 8, 8, 9, 10)


def test_hue_is_the_hue_of_the_object():
    import colorsys

    for name in ("red", "green", "blue", "yellow"):
        chosen = codes(hue=name, style="flat", texture="plain", occlusion="0 %", scale="85 %")
        parts = compose_scene(chosen, IndexedGenerator(0, INDEX), 32)
        x = render_scenes(chosen, INDEX, 32).float() / 255
        inside = (parts.coverage > 0.99)[:, None].expand_as(x)
        middle = x.transpose(0, 1)[:, inside[:, 0]]
        hues = np.array([colorsys.rgb_to_hsv(*p)[0] * 360 for p in middle.T[::37].tolist()])
        away = np.abs((hues - HUES[name][0] + 180) % 360 - 180)
        assert np.quantile(away, 0.9) < HUES[name][1] + 10


@pytest.mark.parametrize("share", ["0 %", "30 %", "70 %"])
def test_the_board_hides_what_it_says(share: str):
    parts = compose_scene(codes(occlusion=share, position="middle", scale="60 %"), IndexedGenerator(0, INDEX), 96)
    hidden = (parts.coverage * parts.occluder).sum((1, 2)) / parts.coverage.sum((1, 2))
    # bending and slanting the shape moves the share a little
    assert float(hidden.mean()) == pytest.approx(float(share.split()[0]) / 100, abs=0.05)
    assert OCCLUSIONS[0] == 0


def test_light_comes_from_where_it_says():
    for name, (dx, dy) in {"east": (1, 0), "south": (0, 1), "west": (-1, 0), "north": (0, -1)}.items():
        chosen = codes(shape="disc", light=name, position="middle", occlusion="0 %", scale="85 %", rotation="0°")
        parts = compose_scene(chosen, IndexedGenerator(0, INDEX), 48)
        edge = torch.linspace(-1, 1, 48)
        weight = parts.coverage * (parts.shade - 1)
        across = (weight * edge[None, None, :]).sum((1, 2)), (weight * edge[None, :, None]).sum((1, 2))
        assert float((dx * across[0] + dy * across[1]).mean()) > 0


def test_styles_are_what_they_are_called():
    kinds = {name: render_scenes(codes(style=name), INDEX, 64).float() / 255 for name in FACTORS["style"]}
    colour = {n: (x.amax(1) - x.amin(1)).mean().item() for n, x in kinds.items()}
    light = {n: x.mean().item() for n, x in kinds.items()}
    fine = {n: (x[..., 1:] - x[..., :-1]).abs().mean().item() for n, x in kinds.items()}
    assert colour["sketch"] < 0.12 < colour["flat"]
    assert light["low-light"] < 0.25 < light["photo"] and light["sketch"] > 0.7
    assert fine["blurred"] < 0.6 * fine["photo"]
    blocks = kinds["pixelated"].unflatten(-1, (16, 4)).unflatten(2, (16, 4))
    assert float(blocks.std((3, 5)).max()) < 1e-6
    photo = render_scenes(codes(style="photo"), INDEX, 64).float() / 255
    assert (kinds["inverted"] - (1 - photo)).abs().mean() < 0.02
