"""Scenes from factors: an object of one shape and texture, lit, on a background, perhaps occluded.

Shapes: B images, S pixels per side. Coordinates run from -1 to 1 over the image, y downwards.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.data.world import patterns, shape_distances
from workbench.data.world.colors import Palette, sample_palette
from workbench.data.world.factors import FACTOR_NAMES, OCCLUSIONS, POSITIONS, ROTATIONS, SCALES
from workbench.data.world.indexed_random import IndexedGenerator

N_OCCLUDER_DIRECTIONS = 16  # directions from which an occluder can enter
ROTATION_JITTER = 0.16  # maximum deviation of a rotation from its named value, in radians


class Tables(NamedTuple):
    """Tabulated shapes, textures and backgrounds on one device."""

    outlines: Tensor
    occlusion_cuts: Tensor
    textures: Tensor
    backgrounds: Tensor


class Scene(NamedTuple):
    """Layers of an image, composed by the styles.

    Attributes:
        distance: (B, S, S) signed distance from the object's outline, in half image sides.
        coverage: (B, S, S) share of each pixel that the object covers.
        occluder: (B, S, S) share of each pixel that the occluder covers.
        texture, background: (B, S, S) maps of the object and the background, 0 to 1.
        shade: (B, S, S) light on the object; 1 is even.
        highlight: (B, S, S) specular highlight on the object.
        shadow: (B, S, S) shadow of the object on the background, 0 to 1.
        light: (B, S, S) light that decreases over the image.
        colors: colors of object, background and occluder.
    """

    distance: Tensor
    coverage: Tensor
    occluder: Tensor
    texture: Tensor
    background: Tensor
    shade: Tensor
    highlight: Tensor
    shadow: Tensor
    light: Tensor
    colors: Palette


@functools.cache
def build_tables(device: torch.device) -> Tables:
    """Build all tables on `device`; cached after the first call, which takes about a second."""
    arrays = (
        shape_distances.distance_table(),
        shape_distances.occlusion_cuts(N_OCCLUDER_DIRECTIONS, OCCLUSIONS),
        patterns.texture_tiles(),
        patterns.background_maps(),
    )
    # contiguous, so that selecting the maps of a batch copies whole rows
    return Tables(*(torch.from_numpy(np.ascontiguousarray(t)).to(device) for t in arrays))


def compose_scene(codes: Tensor, rng: IndexedGenerator, size: int, clutter: int = 0) -> Scene:
    """Compose the layers of images.

    Args:
        codes: (B, factors) int64, in the order of `factors.FACTOR_NAMES`.
        rng: random generator of these images.
        size: S.
        clutter: number of additional objects on the background.
    """
    code = dict(zip(FACTOR_NAMES, codes.unbind(1), strict=True))
    device = codes.device
    tables = build_tables(device)
    edge = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) * (2 / size) - 1
    x, y = edge[None, None, :], edge[None, :, None]
    u, v, scale = to_object_frame(x, y, code, rng)
    distance = (
        sample_maps(select_maps(tables.outlines, code["shape"]), u / shape_distances.REACH, v / shape_distances.REACH)
        * scale
    )
    cover = (0.5 - distance * (size / 2)).clamp_(0, 1)
    board = occluder_coverage(u, v, code, rng, tables, scale * (size / 2))
    angle = unsqueeze_hw(code["light"] * (math.pi / 4) + (rng.uniform("light", -0.3, 0.3)))
    shade, shine = shade_object(distance, scale, angle, rng, size)
    reach = 0.3 * scale
    cast = sample_maps(
        select_maps(tables.outlines, code["shape"]),
        *(c / shape_distances.REACH for c in shadow_coordinates(u, v, angle, reach / scale, code, rng)),
    )
    shadow = torch.sigmoid(cast * -9.0)
    light = 1 + unsqueeze_hw(rng.uniform("falloff", 0.02, 0.2)) * (x * angle.cos() + y * angle.sin())
    texture = sample_texture(u, v, code, rng, tables)
    ground = sample_background(x, y, code, rng, tables)
    for layer in range(clutter):
        ground = add_clutter(ground, x, y, rng, tables, layer)
    return Scene(distance, cover, board, texture, ground, shade, shine, shadow, light, sample_palette(code["hue"], rng))


def unsqueeze_hw(values: Tensor) -> Tensor:
    """Unsqueeze (B,) -> (B, 1, 1)."""
    return values[:, None, None]


def object_rotation(code: dict[str, Tensor], rng: IndexedGenerator) -> Tensor:
    """Return the object's rotation in radians (B, 1, 1)."""
    turns = torch.tensor(ROTATIONS, device=rng.index.device, dtype=torch.float32) * (math.pi / 180)
    return unsqueeze_hw(turns[code["rotation"]] + rng.uniform("turn", -ROTATION_JITTER, ROTATION_JITTER))


def to_object_frame(
    x: Tensor, y: Tensor, code: dict[str, Tensor], rng: IndexedGenerator
) -> tuple[Tensor, Tensor, Tensor]:
    """Transform pixels to the object's coordinates, (B, S, S) each; return also the object's scale (B, 1, 1)."""
    device = rng.index.device
    position = torch.tensor(list(POSITIONS.values()), device=device)[code["position"]]
    position = position + (rng.random("place", 2) - 0.5) * 0.14
    scale = torch.tensor(SCALES, device=device)[code["scale"]] * rng.uniform("scale", 0.95, 1.05)
    # a large object at the edge would leave the image: it is moved inwards, so that its position is still visible
    position = position * (1.15 - 0.75 * scale[:, None]).clamp_(0.35, 1)
    scale, turn = unsqueeze_hw(scale), object_rotation(code, rng)
    dx, dy = x - unsqueeze_hw(position[:, 0]), y - unsqueeze_hw(position[:, 1])
    cos, sin = turn.cos() / scale, turn.sin() / scale
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    # every object is stretched, slanted and bent at random
    stretch = unsqueeze_hw(rng.uniform("stretch", -0.2, 0.2).exp())
    u, v = u * stretch, v / stretch
    u = u + unsqueeze_hw(rng.uniform("slant", -0.16, 0.16)) * v
    bend = unsqueeze_hw(rng.uniform("bend", 0.0, 0.09))
    return u + bend * torch.sin(2.6 * v + unsqueeze_hw(rng.uniform("bend-at", 0, 6.28))), v, scale


def select_maps(table: Tensor, kind: Tensor, variant: Tensor | None = None) -> Tensor:
    """Select the map of each image, (B, H, W), from `table` (kinds, H, W) or (kinds, variants, H, W)."""
    # several times faster than indexing with tensors, which copies element by element
    if variant is not None:
        table, kind = table.flatten(0, 1), kind * table.shape[1] + variant
    return table.index_select(0, kind)


def sample_maps(table: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Sample each image's map (B, H, W) at (u, v) in [-1, 1] with bilinear interpolation and border padding."""
    grid = u.new_empty((*torch.broadcast_shapes(u.shape, v.shape), 2))  # equal to `stack`, in half the time
    grid[..., 0], grid[..., 1] = u, v
    return F.grid_sample(table[:, None], grid, mode="bilinear", padding_mode="border", align_corners=True)[:, 0]


def occluder_coverage(
    u: Tensor, v: Tensor, code: dict[str, Tensor], rng: IndexedGenerator, tables: Tables, pixels_per_unit: Tensor
) -> Tensor:
    """Compute the occluder's share of each pixel: it hides the given share of the object, exactly but for the bend."""
    way = rng.integers("board", N_OCCLUDER_DIRECTIONS)
    cut = unsqueeze_hw(tables.occlusion_cuts[code["shape"], way, code["occlusion"]])
    end = unsqueeze_hw(tables.occlusion_cuts[code["shape"], way, 0] + rng.uniform("board-end", 0.12, 0.4))
    angle = unsqueeze_hw(way * (2 * math.pi / N_OCCLUDER_DIRECTIONS))
    along = u * angle.cos() + v * angle.sin()
    share = torch.minimum(along - cut, end - along).mul_(pixels_per_unit).add_(0.5).clamp_(0, 1)
    return share * unsqueeze_hw(code["occlusion"] > 0)


def shade_object(
    distance: Tensor, scale: Tensor, angle: Tensor, rng: IndexedGenerator, size: int
) -> tuple[Tensor, Tensor]:
    """Compute shade and highlight of an object that bulges towards its middle."""
    rim = scale * unsqueeze_hw(rng.uniform("bulge", 0.18, 0.5))
    deep = (1 + distance / rim).clamp_(0, 1)  # 0 inside, 1 at the outline
    height = rim * (1 - deep * deep).sqrt()
    half = size / 4
    dx, dy = F.pad(height, (1, 1, 1, 1), mode="replicate"), None
    dy = (dx[:, 2:, 1:-1] - dx[:, :-2, 1:-1]) * half
    dx = (dx[:, 1:-1, 2:] - dx[:, 1:-1, :-2]) * half
    length = (1 + dx * dx + dy * dy).rsqrt()
    # the lamp is at 45 degrees above the image, in direction `angle`
    towards = (0.7 - 0.7 * (dx * angle.cos() + dy * angle.sin())) * length
    strength = unsqueeze_hw(rng.uniform("contrast", 0.35, 0.8))
    shade = 1 + strength * (towards - 0.72)
    shine = unsqueeze_hw(rng.uniform("gloss", 0.0, 0.55)) * towards.clamp(0, 1) ** 14
    return shade, shine


def shadow_coordinates(
    u: Tensor, v: Tensor, angle: Tensor, length: Tensor, code: dict[str, Tensor], rng: IndexedGenerator
) -> tuple[Tensor, Tensor]:
    """Return the object coordinates of the shadow's pixels; the shadow falls away from the lamp."""
    away = angle - object_rotation(code, rng)
    return u + length * away.cos(), v + length * away.sin()


def sample_texture(u: Tensor, v: Tensor, code: dict[str, Tensor], rng: IndexedGenerator, tables: Tables) -> Tensor:
    """Sample the object's texture at random rotation, scale and shift."""
    variant = rng.integers("variant", patterns.VARIANTS)
    tile = select_maps(tables.textures, code["texture"], variant)
    turn, often = unsqueeze_hw(rng.uniform("grain-turn", -0.5, 0.5)), unsqueeze_hw(rng.uniform("grain", 0.3, 0.62))
    shift = rng.random("grain-at", 2)
    a = often * (u * turn.cos() + v * turn.sin()) + unsqueeze_hw(shift[:, 0])
    b = often * (v * turn.cos() - u * turn.sin()) + unsqueeze_hw(shift[:, 1])
    inner = patterns.EDGE / (patterns.EDGE + 1)  # the tile's border is used for interpolation only
    return sample_maps(tile, (2 * (a - a.floor()) - 1) * inner, (2 * (b - b.floor()) - 1) * inner)


def sample_background(x: Tensor, y: Tensor, code: dict[str, Tensor], rng: IndexedGenerator, tables: Tables) -> Tensor:
    """Sample the background, slightly rotated and enlarged, and mirrored half of the time."""
    variant = rng.integers("ground-variant", patterns.VARIANTS)
    turn, zoom = (
        unsqueeze_hw(rng.uniform("ground-turn", -0.12, 0.12)),
        unsqueeze_hw(rng.uniform("ground-zoom", 0.6, 0.9)),
    )
    shift = (rng.random("ground-at", 2) - 0.5) * 0.16
    side = unsqueeze_hw(torch.where(rng.bernoulli("ground-side", 0.5), -1.0, 1.0))
    a = zoom * side * (x * turn.cos() + y * turn.sin()) + unsqueeze_hw(shift[:, 0])
    b = zoom * (y * turn.cos() - x * turn.sin()) + unsqueeze_hw(shift[:, 1])
    return sample_maps(select_maps(tables.backgrounds, code["background"], variant), a, b)


def add_clutter(background: Tensor, x: Tensor, y: Tensor, rng: IndexedGenerator, tables: Tables, layer: int) -> Tensor:
    """Add one object of random shape and texture to the background, in the background's own colors."""
    name = f"litter {layer}"
    shapes, textures = tables.outlines.shape[0], tables.textures.shape[0]
    tile = select_maps(
        tables.textures, rng.integers(f"{name} texture", textures), rng.integers(f"{name} variant", patterns.VARIANTS)
    )
    position, turn = rng.random(f"{name} at", 2) * 2.2 - 1.1, unsqueeze_hw(rng.uniform(f"{name} turn", 0, 6.28))
    scale = unsqueeze_hw(rng.uniform(f"{name} scale", 0.2, 0.7))
    dx, dy = x - unsqueeze_hw(position[:, 0]), y - unsqueeze_hw(position[:, 1])
    cos, sin = turn.cos() / scale, turn.sin() / scale
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    reach = shape_distances.REACH
    distance = (
        sample_maps(select_maps(tables.outlines, rng.integers(f"{name} shape", shapes)), u / reach, v / reach) * scale
    )
    cover = (0.5 - distance * (x.shape[-1] / 2)).clamp_(0, 1)
    paint = sample_maps(tile, (u / 1.6).clamp(-1, 1), (v / 1.6).clamp(-1, 1))
    tone, contrast = (
        unsqueeze_hw(rng.random(f"{name} tone")[:, 0]),
        unsqueeze_hw(rng.uniform(f"{name} contrast", -0.8, 0.8)),
    )
    return torch.lerp(background, (tone + contrast * (paint - 0.5)).clamp_(0, 1), cover)
