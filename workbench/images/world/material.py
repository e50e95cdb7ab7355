"""Pictures made by formulas alone, to learn general features from: fractals, dead leaves, waves.

The label is the formula that drew the picture, as in FractalDB (Kataoka et al. 2020, arXiv:2101.08515) and in
learning from noise (Baradad et al. 2021, arXiv:2106.05963). Colours, place, turn and scale are free.
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

from workbench.images.items import UNDECIDED, Items, Labels
from workbench.images.world import outlines, patterns
from workbench.images.world.colours import hsv
from workbench.images.world.dice import Dice
from workbench.images.world.opening import SIZES, whole
from workbench.images.world.origin import Drawn
from workbench.images.world.rendering import drawn
from workbench.images.world.scene import Tables, column, looked_up, picked, tables

FAMILIES = {"julia": 32, "flame": 32, "leaves": 32, "waves": 32}
CLASSES = tuple(f"{family} {k:02d}" for family, count in FAMILIES.items() for k in range(count))
LAYERS = 14  # leaves of a pile
TURNS = 20  # iterations of a Julia set
WALKERS, STEPS, BURNT = 320, 26, 6  # points that walk a flame, and steps until they are on it
ASKED = ("n", "size", "seed", "start")


class MaterialPainter:
    """Draws the pictures of one opened set by their rows.

    Args:
        formula: (N,) numbers of the classes.
        index: (N,) places in the endless set.
        seed: of the set.
    """

    def __init__(self, formula: np.ndarray, index: np.ndarray, seed: int) -> None:
        self.formula, self.index, self.seed = formula, index, seed

    def __call__(self, places: np.ndarray, size: int) -> np.ndarray:
        """Squares (n, 3, size, size) uint8."""
        return rendered(
            torch.from_numpy(self.formula[places]), torch.from_numpy(self.index[places]), size, self.seed
        ).numpy()

    def recipe(self, place: int) -> bytes:
        """Seed, place in the endless set and formula."""
        return f"material {self.seed} {self.index[place]} {self.formula[place]}".encode()


def items_of(given: Mapping[str, Any]) -> Items:
    """The rows of a set: everything is decided, nothing is drawn."""
    wanted = {"n": 2000, "size": 64, "seed": 0, "start": 0, **given}
    for name, low, high in (("n", 2, 10**8), ("size", *SIZES), ("seed", 0, 2**32 - 1), ("start", 0, 2**40)):
        whole(name, wanted[name], low, high)
    n, start = wanted["n"], wanted["start"]
    index = np.arange(start, start + n, dtype=np.int64)
    formula = (
        (Dice(wanted["seed"], torch.from_numpy(index)).deal("formula", len(CLASSES)) * len(CLASSES)).long().numpy()
    )
    return Items(
        name="material",
        origin=Drawn(MaterialPainter(formula, index, wanted["seed"]), wanted["size"]),
        at=np.arange(n),
        ids=[f"material-{i:06d}" for i in index],
        labels=Labels("classes", formula, {"": CLASSES}),
        splits=np.full(n, UNDECIDED, np.int8),
        domains=np.full(n, -1, np.int16),
    )


def rendered(formula: Tensor, index: Tensor, size: int, seed: int = 0) -> Tensor:
    """Pictures (B, 3, size, size) uint8 of the formulas (B,) at the places (B,)."""
    families = (julia, flame, leaves, waves)

    def draw(family: int, rows: Tensor, dice: Dice) -> Tensor:
        return families[family](formula[rows] % 32, dice, size).mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)

    return drawn(formula // 32, index, size, seed, draw)


def frame(dice: Dice, size: int, low: float, high: float) -> tuple[Tensor, Tensor]:
    """Pixels of a turned, scaled and shifted window, (B, S, S) each."""
    edge = (torch.arange(size, device=dice.index.device, dtype=torch.float32) + 0.5) * (2 / size) - 1
    turn, scale = column(dice.between("turn", 0, 6.28)), column(dice.between("zoom", low, high))
    shift = (dice.roll("shift", 2) - 0.5) * 0.8
    x, y = edge[None, None, :] + column(shift[:, 0]), edge[None, :, None] + column(shift[:, 1])
    return scale * (x * turn.cos() - y * turn.sin()), scale * (x * turn.sin() + y * turn.cos())


def coloured(share: Tensor, dice: Dice) -> Tensor:
    """A map (B, S, S) of 0 to 1 in three colours of the picture's own, (B, 3, S, S)."""
    ends = [
        hsv(dice.between(f"{n} hue", 0, 360), dice.between(f"{n} strong", 0, 0.9), dice.between(f"{n} bright", 0.05, 1))
        for n in ("low", "middle", "high")
    ]
    low, middle, high = (c[:, :, None, None] for c in ends)
    share = share[:, None]
    return torch.lerp(torch.lerp(low, middle, (2 * share).clamp(0, 1)), high, (2 * share - 1).clamp(0, 1))


def julia(which: Tensor, dice: Dice, size: int) -> Tensor:
    """Julia sets: how soon z ← z² + c escapes, smoothly counted; one c on the Mandelbrot set's border a class."""
    x, y = frame(dice, size, 0.5, 1.3)
    c = constants(x.device)[which]
    cx, cy = (column(c[:, i] + 0.012 * dice.normal("c", 2)[:, i]) for i in range(2))
    soon = torch.zeros_like(x)
    for _ in range(TURNS):
        xx, yy = x * x, y * y
        inside = ((xx + yy) < 16).to(x.dtype)
        soon += inside
        x, y = torch.lerp(x, xx - yy + cx, inside), torch.lerp(y, 2 * x * y + cy, inside)
    smooth = (soon + 1 - (x * x + y * y).clamp_min(1.001).log().clamp_min(1e-3).log2() * 0.7) / TURNS
    return coloured(torch.frac(smooth.clamp(0, 1) * column(dice.between("bands", 0.8, 2.2))), dice)


@functools.cache
def constants(device: torch.device) -> Tensor:
    """A c for each class, just outside the Mandelbrot set's largest bulbs, (32, 2)."""
    t = torch.arange(32, dtype=torch.float64) * (2 * math.pi / 32) + 0.1
    cardioid = torch.stack([0.5 * t.cos() - 0.25 * (2 * t).cos(), 0.5 * t.sin() - 0.25 * (2 * t).sin()], dim=1)
    return (cardioid * 1.04).to(torch.float32).to(device)


def flame(which: Tensor, dice: Dice, size: int) -> Tensor:
    """Iterated function systems: points that walk by randomly chosen affine maps; one system a class."""
    place = dice.index.device
    systems = maps(place)[which] * (1 + 0.04 * (dice.roll("wobble", 24).view(-1, 4, 6) - 0.5))
    choices = (dice.roll("walk", WALKERS) * 2**20).long()
    points = dice.roll("begin", 2 * WALKERS).view(-1, WALKERS, 2) - 0.5
    seen = []
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
            seen.append(points)
    return coloured(scattered(torch.cat(seen, 1), dice, size), dice)


def scattered(points: Tensor, dice: Dice, size: int) -> Tensor:
    """How many points (B, P, 2) fall on each pixel of a window that holds them, on a soft scale of 0 to 1."""
    middle, spread = points.mean(1, keepdim=True), points.std(1, keepdim=True).clamp_min(1e-3)
    turn = dice.between("turn", 0, 6.28)[:, None]
    x, y = ((points - middle) / spread).clamp(-4, 4).unbind(2)
    zoom = dice.between("zoom", 0.35, 0.6)[:, None]
    u, v = zoom * (x * turn.cos() - y * turn.sin()), zoom * (x * turn.sin() + y * turn.cos())
    column_, row = ((c + 1) * (size / 2) for c in (u, v))
    inside = (column_ >= 0) & (column_ < size) & (row >= 0) & (row < size)
    at = (row.clamp(0, size - 1).long() * size + column_.clamp(0, size - 1).long()).masked_fill(~inside, size * size)
    counts = torch.zeros(len(points), size * size + 1, device=points.device).scatter_add_(1, at, torch.ones_like(u))
    counts = counts[:, :-1].view(-1, 1, size, size)
    # a little light falls on the neighbours
    wide = F.pad(counts, (1, 1, 1, 1))
    soft = counts + 0.35 * (wide[..., 1:-1, 2:] + wide[..., 1:-1, :-2] + wide[..., 2:, 1:-1] + wide[..., :-2, 1:-1])
    return 1 - torch.exp(soft[:, 0] * -0.9 * (size / 64) ** 2)


@functools.cache
def maps(device: torch.device) -> Tensor:
    """Four affine maps a class, (32, 4, 6): contractions, as different from class to class as chance makes them."""
    random = np.random.default_rng(11)
    turn, other = random.uniform(-np.pi, np.pi, (2, 32, 4))
    long, short = random.uniform(0.55, 0.85, (32, 4)), random.uniform(0.2, 0.7, (32, 4))
    linear = np.stack([long * np.cos(turn), -short * np.sin(other), long * np.sin(turn), short * np.cos(other)], -1)
    return torch.from_numpy(np.concatenate([linear, random.uniform(-0.8, 0.8, (32, 4, 2))], -1).astype(np.float32)).to(
        device
    )


def leaves(which: Tensor, dice: Dice, size: int) -> Tensor:
    """Dead leaves: things over things, their sizes by a power law; a class is the kind of thing and its texture."""
    known = tables(dice.index.device)
    edge = (torch.arange(size, device=which.device, dtype=torch.float32) + 0.5) * (2 / size) - 1
    x, y = edge[None, None, :], edge[None, :, None]
    out = coloured(
        looked_up(known.backgrounds[which % len(known.backgrounds), 0], x.expand(len(which), size, -1), y), dice
    )
    for layer in range(LAYERS):
        out = dropped(out, x, y, which, dice, known, layer)
    return out


def dropped(out: Tensor, x: Tensor, y: Tensor, which: Tensor, dice: Dice, known: Tables, layer: int) -> Tensor:
    """The pile with one more leaf on it."""
    name = f"leaf {layer}"
    at, turn = dice.roll(f"{name} at", 2) * 2.4 - 1.2, column(dice.between(f"{name} turn", 0, 6.28))
    # area falls as its inverse square, from large at the bottom to small on top
    scale = column(0.22 * (dice.between(name, 0.06, 1.0) * (0.4 + layer / LAYERS)) ** -0.5).clamp(0.15, 0.9)
    dx, dy = x - column(at[:, 0]), y - column(at[:, 1])
    cos, sin = turn.cos() / scale, turn.sin() / scale
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    field = picked(known.outlines, which)
    distance = looked_up(field, u / outlines.REACH, v / outlines.REACH) * scale
    cover = (0.5 - distance * (x.shape[-1] / 2)).clamp_(0, 1)
    tile = picked(
        known.textures, (which * 7 + 3) % len(known.textures), dice.pick(f"{name} variant", patterns.VARIANTS)
    )
    grain = looked_up(tile, (u / 1.5).clamp(-1, 1), (v / 1.5).clamp(-1, 1))
    shade = (1 + distance * 1.8).clamp(0.45, 1.0)
    hue, strong = dice.between(f"{name} hue", 0, 360), dice.between(f"{name} strong", 0, 0.9)
    first, second = (
        hsv(hue + 20 * i, strong, dice.between(f"{name} bright {i}", 0.1, 1))[:, :, None, None] for i in range(2)
    )
    return torch.lerp(out, torch.lerp(first, second, grain[:, None]) * shade[:, None], cover[:, None])


def waves(which: Tensor, dice: Dice, size: int) -> Tensor:
    """Sums of plane waves, bent by one another; their number, pitch and bend are the class's."""
    x, y = frame(dice, size, 0.8, 1.25)
    count, pitch, bend = which % 4 + 1, 2.0 + (which // 4 % 4) * 1.9, (which // 16).float() * 2.4 + 0.3
    total = torch.zeros_like(x)
    for wave in range(4):
        angle = column(wave * math.pi / count + 0.25 * dice.normal(f"wave {wave}", 1)[:, 0])
        phase = column(dice.between(f"phase {wave}", 0, 6.28))
        ripple = torch.sin(column(pitch) * (x * angle.cos() + y * angle.sin()) + phase + column(bend) * total)
        total = total + ripple * column(wave < count)
    return coloured(0.5 + 0.5 * torch.sin(total * 1.7), dice)
