"""Images of formulas alone for pretraining: fractals, dead leaves, waves.

The label is the formula that generated the image, as in FractalDB (Kataoka et al. 2020, arXiv:2101.08515) and in
learning from noise (Baradad et al. 2021, arXiv:2106.05963). Color, position, rotation and scale are random.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.data.items import UNDECIDED, Items, Labels
from workbench.data.world import patterns, shape_distances
from workbench.data.world.colors import hsv_to_rgb
from workbench.data.world.factory import SIZE_RANGE, check_integer
from workbench.data.world.indexed_random import IndexedGenerator
from workbench.data.world.rendered_pixels import RenderedPixels
from workbench.data.world.rendering import render_by_kind
from workbench.data.world.scene import Tables, build_tables, sample_maps, select_maps, unsqueeze_hw

FAMILIES = {"julia": 32, "flame": 32, "leaves": 32, "waves": 32}
CLASSES = tuple(f"{family} {k:02d}" for family, count in FAMILIES.items() for k in range(count))
N_LEAVES = 14  # leaves per image
N_JULIA_ITERATIONS = 20  # iterations of a Julia set
WALKERS, STEPS, BURNT = 320, 26, 6  # points per flame, iterations, and iterations that are discarded
OPTION_NAMES = ("n", "size", "seed", "start")


class FormulaRenderer:
    """Renderer of the images of one set by their rows.

    Args:
        labels: (N,) indices of the classes.
        index: (N,) indices in the unlimited set.
        seed: seed of the set.
    """

    def __init__(self, labels: np.ndarray, index: np.ndarray, seed: int) -> None:
        self.labels, self.index, self.seed = labels, index, seed

    def __call__(self, rows: np.ndarray, size: int) -> np.ndarray:
        """Render images (n, 3, size, size) uint8."""
        return render_formulas(
            torch.from_numpy(self.labels[rows]), torch.from_numpy(self.index[rows]), size, self.seed
        ).numpy()

    def content_key(self, row: int) -> bytes:
        """Return seed, index in the unlimited set and formula as bytes."""
        return f"material {self.seed} {self.index[row]} {self.labels[row]}".encode()


def build_items(options: Mapping[str, Any]) -> Items:
    """Build the items of a set: all labels are decided, no image is rendered."""
    values = {"n": 2000, "size": 64, "seed": 0, "start": 0, **options}
    for name, low, high in (("n", 2, 10**8), ("size", *SIZE_RANGE), ("seed", 0, 2**32 - 1), ("start", 0, 2**40)):
        check_integer(name, values[name], low, high)
    n, start = values["n"], values["start"]
    index = np.arange(start, start + n, dtype=np.int64)
    formula = (
        (IndexedGenerator(values["seed"], torch.from_numpy(index)).stratified("formula", len(CLASSES)) * len(CLASSES))
        .long()
        .numpy()
    )
    return Items(
        name="material",
        pixel_source=RenderedPixels(FormulaRenderer(formula, index, values["seed"]), values["size"]),
        source_index=np.arange(n),
        ids=[f"material-{i:06d}" for i in index],
        labels=Labels("classes", formula, {"": CLASSES}),
        splits=np.full(n, UNDECIDED, np.int8),
        domains=np.full(n, -1, np.int16),
    )


def render_formulas(labels: Tensor, index: Tensor, size: int, seed: int = 0) -> Tensor:
    """Render images (B, 3, size, size) uint8 of the formulas (B,) at the indices (B,)."""
    families = (render_julia_set, render_flame, render_dead_leaves, render_plane_waves)

    def draw(family: int, rows: Tensor, rng: IndexedGenerator) -> Tensor:
        return families[family](labels[rows] % 32, rng, size).mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)

    return render_by_kind(labels // 32, index, size, seed, draw)


def window_coordinates(rng: IndexedGenerator, size: int, low: float, high: float) -> tuple[Tensor, Tensor]:
    """Return the coordinates of the pixels in a rotated, scaled and shifted window, (B, S, S) each."""
    edge = (torch.arange(size, device=rng.index.device, dtype=torch.float32) + 0.5) * (2 / size) - 1
    turn, scale = unsqueeze_hw(rng.uniform("turn", 0, 6.28)), unsqueeze_hw(rng.uniform("zoom", low, high))
    shift = (rng.random("shift", 2) - 0.5) * 0.8
    x, y = edge[None, None, :] + unsqueeze_hw(shift[:, 0]), edge[None, :, None] + unsqueeze_hw(shift[:, 1])
    return scale * (x * turn.cos() - y * turn.sin()), scale * (x * turn.sin() + y * turn.cos())


def colorize_map(values: Tensor, rng: IndexedGenerator) -> Tensor:
    """Color a map (B, S, S) of 0 to 1 with three random colors per image, (B, 3, S, S)."""
    ends = [
        hsv_to_rgb(
            rng.uniform(f"{n} hue", 0, 360), rng.uniform(f"{n} strong", 0, 0.9), rng.uniform(f"{n} bright", 0.05, 1)
        )
        for n in ("low", "middle", "high")
    ]
    low, middle, high = (c[:, :, None, None] for c in ends)
    values = values[:, None]
    return torch.lerp(torch.lerp(low, middle, (2 * values).clamp(0, 1)), high, (2 * values - 1).clamp(0, 1))


def render_julia_set(labels: Tensor, rng: IndexedGenerator, size: int) -> Tensor:
    """Render Julia sets: smooth escape time of z ← z² + c; one c at the border of the Mandelbrot set per class."""
    x, y = window_coordinates(rng, size, 0.5, 1.3)
    c = julia_constants(x.device)[labels]
    cx, cy = (unsqueeze_hw(c[:, i] + 0.012 * rng.normal("c", 2)[:, i]) for i in range(2))
    soon = torch.zeros_like(x)
    for _ in range(N_JULIA_ITERATIONS):
        xx, yy = x * x, y * y
        inside = ((xx + yy) < 16).to(x.dtype)
        soon += inside
        x, y = torch.lerp(x, xx - yy + cx, inside), torch.lerp(y, 2 * x * y + cy, inside)
    smooth = (soon + 1 - (x * x + y * y).clamp_min(1.001).log().clamp_min(1e-3).log2() * 0.7) / N_JULIA_ITERATIONS
    return colorize_map(torch.frac(smooth.clamp(0, 1) * unsqueeze_hw(rng.uniform("bands", 0.8, 2.2))), rng)


@functools.cache
def julia_constants(device: torch.device) -> Tensor:
    """Return c of each class, just outside the largest bulbs of the Mandelbrot set, (32, 2)."""
    t = torch.arange(32, dtype=torch.float64) * (2 * math.pi / 32) + 0.1
    cardioid = torch.stack([0.5 * t.cos() - 0.25 * (2 * t).cos(), 0.5 * t.sin() - 0.25 * (2 * t).sin()], dim=1)
    return (cardioid * 1.04).to(torch.float32).to(device)


def render_flame(labels: Tensor, rng: IndexedGenerator, size: int) -> Tensor:
    """Render iterated function systems: random walks of points by affine maps; one system per class."""
    device = rng.index.device
    systems = affine_maps(device)[labels] * (1 + 0.04 * (rng.random("wobble", 24).view(-1, 4, 6) - 0.5))
    choices = (rng.random("walk", WALKERS) * 2**20).long()
    points = rng.random("begin", 2 * WALKERS).view(-1, WALKERS, 2) - 0.5
    visited = []
    for step in range(STEPS):
        pick = (choices >> (step % 10 * 2)) & 3
        choices = (choices * 5 + 1) & (2**20 - 1) if step % 10 == 9 else choices
        chosen = torch.gather(systems, 1, pick[:, :, None].expand(-1, -1, 6))
        x, y = points.unbind(2)
        points = torch.stack(
            [
                chosen[..., 0] * x + chosen[..., 1] * y + chosen[..., 4],
                chosen[..., 2] * x + chosen[..., 3] * y + chosen[..., 5],
            ],
            2,
        )
        if step >= BURNT:
            visited.append(points)
    return colorize_map(point_density(torch.cat(visited, 1), rng, size), rng)


def point_density(points: Tensor, rng: IndexedGenerator, size: int) -> Tensor:
    """Count the points (B, P, 2) per pixel of a window that contains them, and map the counts smoothly to 0..1."""
    middle, spread = points.mean(1, keepdim=True), points.std(1, keepdim=True).clamp_min(1e-3)
    turn = rng.uniform("turn", 0, 6.28)[:, None]
    x, y = ((points - middle) / spread).clamp(-4, 4).unbind(2)
    zoom = rng.uniform("zoom", 0.35, 0.6)[:, None]
    u, v = zoom * (x * turn.cos() - y * turn.sin()), zoom * (x * turn.sin() + y * turn.cos())
    column_, row = ((c + 1) * (size / 2) for c in (u, v))
    inside = (column_ >= 0) & (column_ < size) & (row >= 0) & (row < size)
    pixel_index = (row.clamp(0, size - 1).long() * size + column_.clamp(0, size - 1).long()).masked_fill(
        ~inside, size * size
    )
    counts = torch.zeros(len(points), size * size + 1, device=points.device).scatter_add_(
        1, pixel_index, torch.ones_like(u)
    )
    counts = counts[:, :-1].view(-1, 1, size, size)
    # a part of the light is spread to the neighboring pixels
    wide = F.pad(counts, (1, 1, 1, 1))
    soft = counts + 0.35 * (wide[..., 1:-1, 2:] + wide[..., 1:-1, :-2] + wide[..., 2:, 1:-1] + wide[..., :-2, 1:-1])
    return 1 - torch.exp(soft[:, 0] * -0.9 * (size / 64) ** 2)


@functools.cache
def affine_maps(device: torch.device) -> Tensor:
    """Return four random affine maps per class, (32, 4, 6), all contractions."""
    rng = np.random.default_rng(11)
    turn, other = rng.uniform(-np.pi, np.pi, (2, 32, 4))
    long, short = rng.uniform(0.55, 0.85, (32, 4)), rng.uniform(0.2, 0.7, (32, 4))
    linear = np.stack([long * np.cos(turn), -short * np.sin(other), long * np.sin(turn), short * np.cos(other)], -1)
    return torch.from_numpy(np.concatenate([linear, rng.uniform(-0.8, 0.8, (32, 4, 2))], -1).astype(np.float32)).to(
        device
    )


def render_dead_leaves(labels: Tensor, rng: IndexedGenerator, size: int) -> Tensor:
    """Render dead leaves: overlapping objects with sizes by a power law; a class is a shape and its texture."""
    tables = build_tables(rng.index.device)
    edge = (torch.arange(size, device=labels.device, dtype=torch.float32) + 0.5) * (2 / size) - 1
    x, y = edge[None, None, :], edge[None, :, None]
    images = colorize_map(
        sample_maps(tables.backgrounds[labels % len(tables.backgrounds), 0], x.expand(len(labels), size, -1), y), rng
    )
    for layer in range(N_LEAVES):
        images = add_leaf(images, x, y, labels, rng, tables, layer)
    return images


def add_leaf(
    images: Tensor, x: Tensor, y: Tensor, labels: Tensor, rng: IndexedGenerator, tables: Tables, layer: int
) -> Tensor:
    """Add one leaf on top of the image."""
    name = f"leaf {layer}"
    position, turn = rng.random(f"{name} at", 2) * 2.4 - 1.2, unsqueeze_hw(rng.uniform(f"{name} turn", 0, 6.28))
    # the density of the leaf area falls as its inverse square; large leaves at the bottom, small ones at the top
    scale = unsqueeze_hw(0.22 * (rng.uniform(name, 0.06, 1.0) * (0.4 + layer / N_LEAVES)) ** -0.5).clamp(0.15, 0.9)
    dx, dy = x - unsqueeze_hw(position[:, 0]), y - unsqueeze_hw(position[:, 1])
    cos, sin = turn.cos() / scale, turn.sin() / scale
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    field = select_maps(tables.outlines, labels)
    distance = sample_maps(field, u / shape_distances.REACH, v / shape_distances.REACH) * scale
    cover = (0.5 - distance * (x.shape[-1] / 2)).clamp_(0, 1)
    tile = select_maps(
        tables.textures, (labels * 7 + 3) % len(tables.textures), rng.integers(f"{name} variant", patterns.VARIANTS)
    )
    grain = sample_maps(tile, (u / 1.5).clamp(-1, 1), (v / 1.5).clamp(-1, 1))
    shade = (1 + distance * 1.8).clamp(0.45, 1.0)
    hue, strong = rng.uniform(f"{name} hue", 0, 360), rng.uniform(f"{name} strong", 0, 0.9)
    first, second = (
        hsv_to_rgb(hue + 20 * i, strong, rng.uniform(f"{name} bright {i}", 0.1, 1))[:, :, None, None] for i in range(2)
    )
    return torch.lerp(images, torch.lerp(first, second, grain[:, None]) * shade[:, None], cover[:, None])


def render_plane_waves(labels: Tensor, rng: IndexedGenerator, size: int) -> Tensor:
    """Render sums of plane waves that modulate one another; the class decides number, frequency and modulation."""
    x, y = window_coordinates(rng, size, 0.8, 1.25)
    count, pitch, bend = labels % 4 + 1, 2.0 + (labels // 4 % 4) * 1.9, (labels // 16).float() * 2.4 + 0.3
    total = torch.zeros_like(x)
    for wave in range(4):
        angle = unsqueeze_hw(wave * math.pi / count + 0.25 * rng.normal(f"wave {wave}", 1)[:, 0])
        phase = unsqueeze_hw(rng.uniform(f"phase {wave}", 0, 6.28))
        ripple = torch.sin(
            unsqueeze_hw(pitch) * (x * angle.cos() + y * angle.sin()) + phase + unsqueeze_hw(bend) * total
        )
        total = total + ripple * unsqueeze_hw(wave < count)
    return colorize_map(0.5 + 0.5 * torch.sin(total * 1.7), rng)
