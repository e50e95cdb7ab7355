"""Counter-based random numbers, a function of an image's index alone: equal on every machine, in any order and batch.

A number is a hash of (seed, index, stream): splitmix64, in int64 arithmetic with the same wraparound on CPU and GPU.
"""

from __future__ import annotations

import math
import zlib

import torch
from torch import Tensor

_GAMMA, _MIX1, _MIX2 = (v - 2**64 for v in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_MANTISSA_RANGE = 2**53


class IndexedGenerator:
    """Random generator of a batch of images.

    Args:
        seed: seed of the world, 0 to 2³² - 1.
        index: (B,) int64, the images' indices in the unlimited world.
    """

    def __init__(self, seed: int, index: Tensor) -> None:
        self.seed, self.index = seed, index
        self._base = mix_bits(index * _GAMMA + mix_bits(torch.tensor(seed, device=index.device) + 1))

    def random(self, stream: str, count: int = 1) -> Tensor:
        """Return uniform numbers in [0, 1), (B, count), independent of those of other streams."""
        word = zlib.crc32(stream.encode())
        steps = torch.arange(word, word + count, device=self.index.device) * _GAMMA
        bits = mix_bits(self._base[:, None] + mix_bits(steps))
        return ((bits >> 11) & (_MANTISSA_RANGE - 1)).to(torch.float64).div_(_MANTISSA_RANGE).to(torch.float32)

    def uniform(self, stream: str, low: float, high: float) -> Tensor:
        """Return uniform numbers from `low` to `high`, (B,)."""
        return self.random(stream)[:, 0] * (high - low) + low

    def integers(self, stream: str, high: int) -> Tensor:
        """Return integers from 0 to `high` - 1, (B,) int64."""
        return (self.random(stream)[:, 0] * high).long().clamp_(max=high - 1)

    def stratified(self, stream: str, n_strata: int) -> Tensor:
        """Return stratified uniform numbers in [0, 1), (B,): one per stratum in every `n_strata` consecutive images."""
        block = IndexedGenerator(self.seed, self.index // n_strata)
        stratum = (
            block.random(f"{stream}, dealt", n_strata)
            .argsort(stable=True, dim=1)
            .gather(1, (self.index % n_strata)[:, None])
        )
        return (stratum[:, 0] + self.random(stream)[:, 0].double()) / n_strata

    def bernoulli(self, stream: str, p: float) -> Tensor:
        """Return True with probability `p`, (B,) bool."""
        return self.random(stream)[:, 0] < p

    def normal(self, stream: str, count: int) -> Tensor:
        """Return standard normal numbers, (B, count), by the Box–Muller transform."""
        u = self.random(stream, 2 * count)
        return (-2 * (1 - u[:, :count]).log()).sqrt() * (2 * math.pi * u[:, count:]).cos()


class GeneratorSlice(IndexedGenerator):
    """Random generator of a slice of a batch, where each stream is computed once for the whole batch.

    Args:
        parent: generator of the whole batch.
        rows: slice of it.
        cache: numbers computed so far, shared by all slices of one batch.
    """

    def __init__(self, parent: IndexedGenerator, rows: slice, cache: dict[tuple[str, int], Tensor]) -> None:
        self.seed, self.index = parent.seed, parent.index[rows]
        self._parent, self._rows, self._cache = parent, rows, cache

    def random(self, stream: str, count: int = 1) -> Tensor:
        """Return the slice of the batch's numbers; a view, not to be changed in place."""
        if (stream, count) not in self._cache:
            self._cache[stream, count] = self._parent.random(stream, count)
        return self._cache[stream, count][self._rows]


def mix_bits(z: Tensor) -> Tensor:
    """Mix the bits of `z`, so that every bit of the result depends on every bit of `z`."""
    z = (z ^ _shift_right(z, 30)) * _MIX1
    z = (z ^ _shift_right(z, 27)) * _MIX2
    return z ^ _shift_right(z, 31)


def _shift_right(z: Tensor, n_bits: int) -> Tensor:
    # torch shifts signed integers arithmetically; the hash needs a logical shift
    return (z >> n_bits) & (2 ** (64 - n_bits) - 1)
