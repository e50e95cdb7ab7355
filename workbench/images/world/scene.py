"""From factors to a picture: an object of one shape and texture, lit, on a background, perhaps behind a board.

Shapes: B images, S pixels an edge. Coordinates run from -1 to 1 over the picture, y downwards.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.images.world import outlines, patterns
from workbench.images.world.colours import Palette, palette
from workbench.images.world.dice import Dice
from workbench.images.world.factors import HIDDEN, NAMES, PLACES, SCALES, TURNS

BOARDS = 16  # directions that a board can come from
TILT = 0.16  # how far a turn strays from its named value, in radians


class Tables(NamedTuple):
    """The tabulated shapes, textures and backgrounds on one device."""

    outlines: Tensor
    cuts: Tensor
    textures: Tensor
    backgrounds: Tensor


class Scene(NamedTuple):
    """A picture in parts, which styles put together.

    Attributes:
        distance: (B, S, S) signed distance from the object's outline, in half image edges.
        cover: (B, S, S) share of each pixel that the object covers.
        board: (B, S, S) share of each pixel that the board covers.
        texture, ground: (B, S, S) maps of the object and the background, 0 to 1.
        shade: (B, S, S) light on the object; 1 is even.
        shine: (B, S, S) its highlight.
        shadow: (B, S, S) what the object casts on the ground, 0 to 1.
        light: (B, S, S) falling off over the picture.
        colours: of object, background and board.
    """

    distance: Tensor
    cover: Tensor
    board: Tensor
    texture: Tensor
    ground: Tensor
    shade: Tensor
    shine: Tensor
    shadow: Tensor
    light: Tensor
    colours: Palette


@functools.cache
def tables(device: torch.device) -> Tables:
    """All tables on `device`; made once, in about a second."""
    found = outlines.table(), outlines.cuts(BOARDS, HIDDEN), patterns.textures(), patterns.backgrounds()
    # laid out in the order of their axes, so that picking the maps of a batch copies whole rows
    return Tables(*(torch.from_numpy(np.ascontiguousarray(t)).to(device) for t in found))


def scene(codes: Tensor, dice: Dice, size: int, clutter: int = 0) -> Scene:
    """The parts of some pictures.

    Args:
        codes: (B, factors) int64, in the order of `factors.NAMES`.
        dice: of these images.
        size: S.
        clutter: further objects on the background.
    """
    code = dict(zip(NAMES, codes.unbind(1), strict=True))
    place = codes.device
    known = tables(place)
    edge = (torch.arange(size, device=place, dtype=torch.float32) + 0.5) * (2 / size) - 1
    x, y = edge[None, None, :], edge[None, :, None]
    u, v, scale = own_frame(x, y, code, dice)
    distance = looked_up(picked(known.outlines, code["shape"]), u / outlines.REACH, v / outlines.REACH) * scale
    cover = (0.5 - distance * (size / 2)).clamp_(0, 1)
    board = boarded(u, v, code, dice, known, scale * (size / 2))
    angle = column(code["light"] * (math.pi / 4) + (dice.between("light", -0.3, 0.3)))
    shade, shine = lit(distance, scale, angle, dice, size)
    reach = 0.3 * scale
    cast = looked_up(
        picked(known.outlines, code["shape"]),
        *(c / outlines.REACH for c in moved(u, v, angle, reach / scale, code, dice)),
    )
    shadow = torch.sigmoid(cast * -9.0)
    light = 1 + column(dice.between("falloff", 0.02, 0.2)) * (x * angle.cos() + y * angle.sin())
    texture = textured(u, v, code, dice, known)
    ground = backed(x, y, code, dice, known)
    for layer in range(clutter):
        ground = littered(ground, x, y, dice, known, layer)
    return Scene(distance, cover, board, texture, ground, shade, shine, shadow, light, palette(code["hue"], dice))


def column(values: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1)."""
    return values[:, None, None]


def turn_of(code: dict[str, Tensor], dice: Dice) -> Tensor:
    """The object's turn in radians (B, 1, 1)."""
    turns = torch.tensor(TURNS, device=dice.index.device, dtype=torch.float32) * (math.pi / 180)
    return column(turns[code["rotation"]] + dice.between("turn", -TILT, TILT))


def own_frame(x: Tensor, y: Tensor, code: dict[str, Tensor], dice: Dice) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels in the object's frame, (B, S, S) each, and the object's scale (B, 1, 1)."""
    place = dice.index.device
    at = torch.tensor(list(PLACES.values()), device=place)[code["position"]]
    at = at + (dice.roll("place", 2) - 0.5) * 0.14
    scale = torch.tensor(SCALES, device=place)[code["scale"]] * dice.between("scale", 0.95, 1.05)
    # a large object at the edge would leave the picture: it is drawn inwards, so that its place still shows
    at = at * (1.15 - 0.75 * scale[:, None]).clamp_(0.35, 1)
    scale, turn = column(scale), turn_of(code, dice)
    dx, dy = x - column(at[:, 0]), y - column(at[:, 1])
    cos, sin = turn.cos() / scale, turn.sin() / scale
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    # no two of a kind are alike: longer or wider, slanted, bent
    stretch = column(dice.between("stretch", -0.2, 0.2).exp())
    u, v = u * stretch, v / stretch
    u = u + column(dice.between("slant", -0.16, 0.16)) * v
    bend = column(dice.between("bend", 0.0, 0.09))
    return u + bend * torch.sin(2.6 * v + column(dice.between("bend-at", 0, 6.28))), v, scale


def picked(table: Tensor, kind: Tensor, variant: Tensor | None = None) -> Tensor:
    """The map of each image, (B, H, W): of `table` (kinds, H, W) or (kinds, variants, H, W)."""
    # several times faster than indexing with tensors, which copies number by number
    if variant is not None:
        table, kind = table.flatten(0, 1), kind * table.shape[1] + variant
    return table.index_select(0, kind)


def looked_up(table: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Values of each image's map (B, H, W) at (u, v) in [-1, 1]; beyond the border, the border's."""
    grid = u.new_empty((*torch.broadcast_shapes(u.shape, v.shape), 2))  # as `stack` makes it, in half the time
    grid[..., 0], grid[..., 1] = u, v
    return F.grid_sample(table[:, None], grid, mode="bilinear", padding_mode="border", align_corners=True)[:, 0]


def boarded(u: Tensor, v: Tensor, code: dict[str, Tensor], dice: Dice, known: Tables, pixels: Tensor) -> Tensor:
    """The board's share of each pixel: its edge hides the wanted share of the object, exactly but for the bend."""
    way = dice.pick("board", BOARDS)
    cut = column(known.cuts[code["shape"], way, code["occlusion"]])
    end = column(known.cuts[code["shape"], way, 0] + dice.between("board-end", 0.12, 0.4))
    angle = column(way * (2 * math.pi / BOARDS))
    along = u * angle.cos() + v * angle.sin()
    share = torch.minimum(along - cut, end - along).mul_(pixels).add_(0.5).clamp_(0, 1)
    return share * column(code["occlusion"] > 0)


def lit(distance: Tensor, scale: Tensor, angle: Tensor, dice: Dice, size: int) -> tuple[Tensor, Tensor]:
    """Light and highlight on an object that bulges towards its middle."""
    rim = scale * column(dice.between("bulge", 0.18, 0.5))
    deep = (1 + distance / rim).clamp_(0, 1)  # 0 inside, 1 at the outline
    height = rim * (1 - deep * deep).sqrt()
    half = size / 4
    dx, dy = F.pad(height, (1, 1, 1, 1), mode="replicate"), None
    dy = (dx[:, 2:, 1:-1] - dx[:, :-2, 1:-1]) * half
    dx = (dx[:, 1:-1, 2:] - dx[:, 1:-1, :-2]) * half
    length = (1 + dx * dx + dy * dy).rsqrt()
    # the lamp stands at 45 degrees above the picture, towards `angle`
    towards = (0.7 - 0.7 * (dx * angle.cos() + dy * angle.sin())) * length
    strength = column(dice.between("contrast", 0.35, 0.8))
    shade = 1 + strength * (towards - 0.72)
    shine = column(dice.between("gloss", 0.0, 0.55)) * towards.clamp(0, 1) ** 14
    return shade, shine


def moved(
    u: Tensor, v: Tensor, angle: Tensor, reach: Tensor, code: dict[str, Tensor], dice: Dice
) -> tuple[Tensor, Tensor]:
    """Where the shadow's pixels lie in the object's frame: it falls away from the lamp."""
    away = angle - turn_of(code, dice)
    return u + reach * away.cos(), v + reach * away.sin()


def textured(u: Tensor, v: Tensor, code: dict[str, Tensor], dice: Dice, known: Tables) -> Tensor:
    """The texture on the object: turned, scaled and shifted anew each time, softened or sharpened."""
    variant = dice.pick("variant", patterns.VARIANTS)
    tile = picked(known.textures, code["texture"], variant)
    turn, often = column(dice.between("grain-turn", -0.5, 0.5)), column(dice.between("grain", 0.3, 0.62))
    shift = dice.roll("grain-at", 2)
    a = often * (u * turn.cos() + v * turn.sin()) + column(shift[:, 0])
    b = often * (v * turn.cos() - u * turn.sin()) + column(shift[:, 1])
    inner = patterns.EDGE / (patterns.EDGE + 1)  # the tile's border is there for the interpolation alone
    return looked_up(tile, (2 * (a - a.floor()) - 1) * inner, (2 * (b - b.floor()) - 1) * inner)


def backed(x: Tensor, y: Tensor, code: dict[str, Tensor], dice: Dice, known: Tables) -> Tensor:
    """The background: a little turned and enlarged, mirrored half of the time."""
    variant = dice.pick("ground-variant", patterns.VARIANTS)
    turn, zoom = column(dice.between("ground-turn", -0.12, 0.12)), column(dice.between("ground-zoom", 0.6, 0.9))
    shift = (dice.roll("ground-at", 2) - 0.5) * 0.16
    side = column(torch.where(dice.coin("ground-side", 0.5), -1.0, 1.0))
    a = zoom * side * (x * turn.cos() + y * turn.sin()) + column(shift[:, 0])
    b = zoom * (y * turn.cos() - x * turn.sin()) + column(shift[:, 1])
    return looked_up(picked(known.backgrounds, code["background"], variant), a, b)


def littered(ground: Tensor, x: Tensor, y: Tensor, dice: Dice, known: Tables, layer: int) -> Tensor:
    """The background with one more object on it, of any shape and texture, in the background's own colours."""
    name = f"litter {layer}"
    shapes, textures = known.outlines.shape[0], known.textures.shape[0]
    tile = picked(
        known.textures, dice.pick(f"{name} texture", textures), dice.pick(f"{name} variant", patterns.VARIANTS)
    )
    at, turn = dice.roll(f"{name} at", 2) * 2.2 - 1.1, column(dice.between(f"{name} turn", 0, 6.28))
    scale = column(dice.between(f"{name} scale", 0.2, 0.7))
    dx, dy = x - column(at[:, 0]), y - column(at[:, 1])
    cos, sin = turn.cos() / scale, turn.sin() / scale
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    reach = outlines.REACH
    distance = looked_up(picked(known.outlines, dice.pick(f"{name} shape", shapes)), u / reach, v / reach) * scale
    cover = (0.5 - distance * (x.shape[-1] / 2)).clamp_(0, 1)
    paint = looked_up(tile, (u / 1.6).clamp(-1, 1), (v / 1.6).clamp(-1, 1))
    tone, contrast = column(dice.roll(f"{name} tone")[:, 0]), column(dice.between(f"{name} contrast", -0.8, 0.8))
    return torch.lerp(ground, (tone + contrast * (paint - 0.5)).clamp_(0, 1), cover)
