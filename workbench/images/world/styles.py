"""The eight styles: how a scene is put on paper, film or screen. Each is a domain of the world.

Shapes: B images, S pixels an edge; pictures (B, 3, S, S) in about [0, 1].
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.images.world import patterns
from workbench.images.world.dice import Dice
from workbench.images.world.factors import STYLES
from workbench.images.world.scene import Scene, column

Painter = Callable[[Scene, Dice], Tensor]
GRAIN = 512  # edge of the table of noise


def photo(scene: Scene, dice: Dice) -> Tensor:
    """Lit from a side, with a shadow, a highlight, and the grain of a sensor."""
    ground = between(scene.colours.ground, scene.ground)
    ground = ground * (scene.light * (1 - 0.55 * scene.shadow))[:, None]
    front = between(scene.colours.front, scene.texture) * (scene.shade * scene.light)[:, None] + scene.shine[:, None]
    board = between(scene.colours.board, scene.ground) * scene.light[:, None]
    out = over(over(ground, front, scene.cover), board, scene.board)
    return out + column(dice.between("noise", 0.0, 0.05))[:, None] * grain(scene, dice)[:, None]


def flat(scene: Scene, dice: Dice) -> Tensor:
    """Even colours with hard borders, as of cut paper."""
    ground = between(scene.colours.ground, stepped(scene.ground, 3))
    front = between(scene.colours.front, stepped(scene.texture, 2))
    board = scene.colours.board[0][:, :, None, None].expand_as(front)
    return over(over(ground, front, scene.cover), board, scene.board)


def sketch(scene: Scene, dice: Dice) -> Tensor:
    """Outlines and a little hatching in soft pencil on paper."""
    size = scene.cover.shape[-1]
    width = column(dice.between("pencil", 0.9, 1.9)) * (2 / size) * (size / 64) ** 0.6
    outline = (1.5 - scene.distance.abs() / width).clamp_(0, 1)
    inside = scene.cover * column(dice.between("detail", 0.1, 0.8)) * edges(scene.texture)
    behind = (1 - scene.cover) * column(dice.between("behind", 0.0, 0.4)) * edges(scene.ground)
    ink = torch.maximum(torch.maximum(outline, inside), behind)
    ink = ink + 0.3 * scene.cover * (0.8 - scene.shade).clamp_(0, 1)
    ink = ink * (1 - scene.board) + edges(scene.board) * 0.9
    paper = column(dice.between("paper", 0.88, 1.0))
    tone = paper * (1 - column(dice.between("press", 0.6, 0.95)) * ink.clamp_(0, 1))
    tone = tone + 0.025 * grain(scene, dice)
    warm = dice.roll("warm", 3) * torch.tensor([0.0, 0.03, 0.09], device=tone.device)
    return tone[:, None] - warm[:, :, None, None]


def pastel(scene: Scene, dice: Dice) -> Tensor:
    """Pale paint in strokes, over rough paper."""
    size = scene.cover.shape[-1]
    strokes = windows(dabs(scene.cover.device), dice, "dab", size)
    ground = between(scene.colours.ground, (scene.ground + 0.35 * strokes).clamp(0, 1))
    front = between(scene.colours.front, (0.6 * scene.texture + 0.3 * strokes).clamp(0, 1))
    front = front * (1 + 0.6 * (scene.shade - 1) + 0.25 * strokes)[:, None]
    board = between(scene.colours.board, (scene.ground + strokes).clamp(0, 1))
    # the brush does not keep to the line
    cover = (scene.cover + 1.2 * strokes * scene.cover * (1 - scene.cover) * 4).clamp(0, 1)
    out = over(over(ground, front, cover), board, scene.board)
    return (0.36 + 0.64 * out) * (1 + 0.035 * grain(scene, dice)[:, None])


def inverted(scene: Scene, dice: Dice) -> Tensor:
    """The negative of a photo."""
    return 1 - photo(scene, dice)


def low_light(scene: Scene, dice: Dice) -> Tensor:
    """A photo at night: dark, flat, noisy, bluish."""
    exposed = photo(scene, dice).clamp(0, 1) * column(dice.between("exposure", 0.2, 0.45))[:, None]
    tint = torch.tensor([0.85, 0.95, 1.15], device=exposed.device)[:, None, None]
    noise = 0.022 * grain(scene, dice)[:, None] + 0.012 * windows(
        noise_table(exposed.device), dice, "colour", exposed.shape[-1], 3
    )
    return exposed * tint + 0.02 + noise


def blurred(scene: Scene, dice: Dice) -> Tensor:
    """A photo out of focus."""
    return smoothed(photo(scene, dice), 0.027)


def pixelated(scene: Scene, dice: Dice) -> Tensor:
    """A photo in coarse squares."""
    out = photo(scene, dice)
    small = F.adaptive_avg_pool2d(out, 16)
    return F.interpolate(small, size=out.shape[-2:], mode="nearest")


PAINTERS: dict[str, Painter] = {
    "photo": photo,
    "flat": flat,
    "sketch": sketch,
    "pastel": pastel,
    "inverted": inverted,
    "low-light": low_light,
    "blurred": blurred,
    "pixelated": pixelated,
}
assert tuple(PAINTERS) == STYLES


def painted(scene: Scene, dice: Dice, style: int) -> Tensor:
    """Pictures (B, 3, S, S) of one style, uint8."""
    return PAINTERS[STYLES[style]](scene, dice).mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)


def between(pair: tuple[Tensor, Tensor], share: Tensor) -> Tensor:
    """Colours from the first (share 0) to the second (share 1), (B, 3, S, S)."""
    first, second = (c[:, :, None, None] for c in pair)
    return torch.lerp(first, second, share[:, None])


def over(below: Tensor, above: Tensor, cover: Tensor) -> Tensor:
    """`above` where it covers, `below` elsewhere."""
    return torch.lerp(below, above, cover[:, None])


def stepped(x: Tensor, steps: int) -> Tensor:
    """A map in so many even tones."""
    return (x * steps).floor_().clamp_(max=steps - 1) / max(steps - 1, 1)


def edges(x: Tensor) -> Tensor:
    """How fast a map changes from pixel to pixel, 0 to 1."""
    wide = F.pad(x[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    dx, dy = wide[:, 1:-1, 2:] - wide[:, 1:-1, :-2], wide[:, 2:, 1:-1] - wide[:, :-2, 1:-1]
    return (1.6 * (dx * dx + dy * dy).sqrt()).clamp_(0, 1)


def smoothed(x: Tensor, deviation: float) -> Tensor:
    """A Gaussian blur, its deviation as a share of the picture's edge."""
    pixels = deviation * x.shape[-1]
    reach = max(1, round(2.5 * pixels))
    taps = torch.arange(-reach, reach + 1, device=x.device, dtype=torch.float32)
    weight = torch.exp(-0.5 * (taps / pixels) ** 2)
    weight = weight / weight.sum()
    # sums of shifted pictures: a convolution may add in another order in another batch
    wide = F.pad(x, (reach, reach, 0, 0), mode="replicate")
    rows = added([wide[..., i : i + x.shape[-1]] for i in range(2 * reach + 1)], weight)
    tall = F.pad(rows, (0, 0, reach, reach), mode="replicate")
    return added([tall[..., i : i + x.shape[-1], :] for i in range(2 * reach + 1)], weight)


def added(parts: list[Tensor], weights: Tensor) -> Tensor:
    """The weighted sum of pictures."""
    total = parts[0] * weights[0]
    for part, weight in zip(parts[1:], weights[1:].tolist(), strict=True):
        total.add_(part, alpha=weight)
    return total


def grain(scene: Scene, dice: Dice) -> Tensor:
    """Fine noise (B, S, S) of deviation 1."""
    return windows(noise_table(scene.cover.device), dice, "grain-window", scene.cover.shape[-1])


def windows(table: Tensor, dice: Dice, stream: str, size: int, channels: int = 0) -> Tensor:
    """A window of the table for each image, at a place of its own: (B, size, size), or (B, channels, size, size)."""
    count = max(channels, 1)
    at = (dice.roll(stream, 2 * count) * (table.shape[-1] - size)).long()
    spread = table.unfold(0, size, 1).unfold(1, size, 1)  # a view: every window there is
    found = spread[at[:, :count], at[:, count:]]
    return found if channels else found[:, 0]


@functools.cache
def noise_table(device: torch.device) -> Tensor:
    """White noise of deviation 1."""
    table = np.random.default_rng(3).normal(size=(GRAIN, GRAIN)).astype(np.float32)
    return torch.from_numpy(table).to(device)


@functools.cache
def dabs(device: torch.device) -> Tensor:
    """Brush strokes: noise smeared along a slope, from -0.5 to 0.5."""
    tile = np.tile(patterns.cloud(np.random.default_rng(4), 1.0, 5.0), (4, 4))
    long = np.mean([np.roll(tile, (i, 2 * i), (0, 1)) for i in range(5)], axis=0) - 0.5
    return torch.from_numpy((2.2 * long).clip(-0.5, 0.5).astype(np.float32)).to(device)
