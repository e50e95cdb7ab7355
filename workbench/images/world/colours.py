"""Colours of a picture: two of the object's hue, two of the background, two of the board."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from workbench.images.world.dice import Dice
from workbench.images.world.factors import HUES


class Palette(NamedTuple):
    """Pairs of colours (B, 3) in [0, 1] that maps run between."""

    front: tuple[Tensor, Tensor]
    ground: tuple[Tensor, Tensor]
    board: tuple[Tensor, Tensor]


def palette(hue: Tensor, dice: Dice) -> Palette:
    """The colours of some pictures; the background's are free of the object's hue and never quite as light or dark.

    Args:
        hue: (B,) numbers of the hues.
    """
    table = torch.tensor(list(HUES.values()), device=hue.device, dtype=torch.float32)[hue]
    own = table[:, 0] + table[:, 1] * dice.between("hue", -1, 1)
    bright = dice.between("bright", 0.55, 0.98)
    front = hsv(own, dice.between("strong", 0.62, 0.98), bright)
    # the texture's second colour: of the same hue, paler or darker, sometimes nearly white or black
    pale = dice.coin("pale", 0.55)
    second = hsv(
        own + dice.between("drift", -8, 8),
        torch.where(pale, dice.between("pale-strong", 0.05, 0.4), dice.between("deep-strong", 0.5, 1.0)),
        torch.where(pale, dice.between("pale-bright", 0.82, 1.0), dice.between("deep-bright", 0.12, 0.4)),
    )
    return Palette((front, second), _ground(bright, dice), _board(dice))


def hsv(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Colours (B, 3) from hue in degrees, saturation and value."""
    sixths = hue[:, None] / 60 + torch.tensor([5.0, 3.0, 1.0], device=hue.device)
    k = torch.remainder(sixths, 6)
    return value[:, None] * (1 - saturation[:, None] * torch.minimum(k, 4 - k).clamp(0, 1))


def _ground(bright: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    dark = dice.coin("ground-dark", 0.5)
    grey = dice.coin("ground-grey", 0.35)
    colours = []
    for end in ("far", "near"):
        low, high = (0.1, 0.5) if end == "far" else (0.3, 0.65)
        value = torch.where(dark, dice.between(f"{end}-dark", low, high), dice.between(f"{end}-light", high, 1.0))
        strong = torch.where(grey, dice.between(f"{end}-grey", 0.0, 0.12), dice.between(f"{end}-strong", 0.15, 0.6))
        colours.append(hsv(dice.between("ground-hue", 0, 360) + dice.between(f"{end}-hue", -40, 40), strong, value))
    return colours[0], colours[1]


def _board(dice: Dice) -> tuple[Tensor, Tensor]:
    hue, strong = dice.between("board-hue", 0, 360), dice.between("board-strong", 0.05, 0.45)
    value = dice.between("board-bright", 0.25, 0.85)
    return hsv(hue, strong, value), hsv(hue, strong, value * 0.72)
