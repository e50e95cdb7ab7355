"""Random numbers that an image's index alone decides: the same on every machine, in any order, in any batch.

A number is a hash of (seed, index, stream): splitmix64, in int64 arithmetic that wraps alike on CPU and GPU.
"""

from __future__ import annotations

import math
import zlib

import torch
from torch import Tensor

_GAMMA, _MIX1, _MIX2 = (v - 2**64 for v in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_TOP = 2**53


class Dice:
    """The random numbers of some images.

    Args:
        seed: of the world, 0 to 2³² - 1.
        index: (B,) int64, the images' places in the endless world.
    """

    def __init__(self, seed: int, index: Tensor) -> None:
        self.seed, self.index = seed, index
        self._base = mixed(index * _GAMMA + mixed(torch.tensor(seed, device=index.device) + 1))

    def roll(self, stream: str, count: int = 1) -> Tensor:
        """Uniform numbers in [0, 1), (B, count), that `stream` sets apart from all others."""
        word = zlib.crc32(stream.encode())
        steps = torch.arange(word, word + count, device=self.index.device) * _GAMMA
        bits = mixed(self._base[:, None] + mixed(steps))
        return ((bits >> 11) & (_TOP - 1)).to(torch.float64).div_(_TOP).to(torch.float32)

    def between(self, stream: str, low: float, high: float) -> Tensor:
        """Uniform numbers from `low` to `high`, (B,)."""
        return self.roll(stream)[:, 0] * (high - low) + low

    def pick(self, stream: str, count: int) -> Tensor:
        """Whole numbers from 0 to `count` - 1, (B,) int64."""
        return (self.roll(stream)[:, 0] * count).long().clamp_(max=count - 1)

    def deal(self, stream: str, count: int) -> Tensor:
        """Uniform numbers in [0, 1), (B,), dealt evenly: one from each `count`th in every `count` images on end."""
        block = Dice(self.seed, self.index // count)
        place = (
            block.roll(f"{stream}, dealt", count).argsort(stable=True, dim=1).gather(1, (self.index % count)[:, None])
        )
        return (place[:, 0] + self.roll(stream)[:, 0].double()) / count

    def coin(self, stream: str, chance: float) -> Tensor:
        """True with the given chance, (B,) bool."""
        return self.roll(stream)[:, 0] < chance

    def normal(self, stream: str, count: int) -> Tensor:
        """Standard normal numbers, (B, count), by Box and Muller's rule."""
        u = self.roll(stream, 2 * count)
        return (-2 * (1 - u[:, :count]).log()).sqrt() * (2 * math.pi * u[:, count:]).cos()


class Share(Dice):
    """The random numbers of a run of images, each stream rolled once for all that the whole has.

    Args:
        whole: of all the images.
        rows: the run.
        rolled: what was rolled so far; all shares of one whole are given the same.
    """

    def __init__(self, whole: Dice, rows: slice, rolled: dict[tuple[str, int], Tensor]) -> None:
        self.seed, self.index = whole.seed, whole.index[rows]
        self._whole, self._rows, self._rolled = whole, rows, rolled

    def roll(self, stream: str, count: int = 1) -> Tensor:
        """As of the whole; a view of it, not to be changed in place."""
        if (stream, count) not in self._rolled:
            self._rolled[stream, count] = self._whole.roll(stream, count)
        return self._rolled[stream, count][self._rows]


def mixed(z: Tensor) -> Tensor:
    """Every bit of the result depends on every bit of `z`."""
    z = (z ^ _shifted(z, 30)) * _MIX1
    z = (z ^ _shifted(z, 27)) * _MIX2
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, by: int) -> Tensor:
    # torch shifts signed numbers with their sign; the hash wants zeros from the left
    return (z >> by) & (2 ** (64 - by) - 1)
