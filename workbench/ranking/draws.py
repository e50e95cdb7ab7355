"""Draws of images, the same for every backbone: what a score would have been on others like them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHARES = (1 / 8, 1 / 4, 1 / 2)
EACH = 5  # draws of each share


@dataclass(frozen=True)
class Draws:
    """Random parts of N images, each class in its share.

    The halves stand in for the bootstrap's draws: the spread of a mean over random halves without replacement is that
    of the mean of all images, and no image stands twice in a half, which would be its own nearest neighbour.
    Politis and Romano 1994; for halves, McCarthy 1969.

    Attributes:
        halves: places of the images in each half.
        smaller: for each share of the images, places in some parts of that size.
    """

    halves: tuple[np.ndarray, ...]
    smaller: dict[float, tuple[np.ndarray, ...]]

    @classmethod
    def of(cls, labels: np.ndarray, count: int, seed: int) -> Draws:
        """Draws from images with classes `labels` (N,): `count` halves, and some parts of each smaller size."""
        rng = np.random.default_rng(seed)
        halves = tuple(part(labels, 0.5, rng) for _ in range(count))
        # a share that leaves a class a single image says nothing of it
        fitting = [s for s in SHARES if s * np.bincount(labels)[np.unique(labels)].min() >= 2]
        smaller = {s: tuple(part(labels, s, rng) for _ in range(EACH)) for s in fitting}
        return cls(halves, smaller)


def part(labels: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Places of a random share of the images, taken class by class, at least one of each; sorted."""
    taken = []
    for label in np.unique(labels):
        there = np.flatnonzero(labels == label)
        exact = share * len(there)
        # the fraction is drawn too: over many draws every class keeps its share
        count = int(exact) + int(rng.random() < exact - int(exact))
        taken.append(rng.permutation(there)[: max(count, 1)])
    return np.sort(np.concatenate(taken))


def subset(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Places of about `most` images with every class in its share; all where there are no more."""
    if len(labels) <= most:
        return np.arange(len(labels))
    return part(labels, most / len(labels), np.random.default_rng(seed))
