"""Resampling of images, the same for every backbone: stratified halves and smaller subsets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SUBSET_FRACTIONS = (1 / 8, 1 / 4, 1 / 2)
SUBSETS_PER_FRACTION = 5  # subsets of each size


@dataclass(frozen=True)
class Resamples:
    """Random stratified subsets of N images.

    The halves replace bootstrap samples: a mean over random halves without replacement has the same spread as the mean
    of all images, and no image occurs twice in a half, where it would be its own nearest neighbor.

    Source: Politis and Romano 1994; for halves, McCarthy 1969.

    Attributes:
        halves: indices of the images in each half.
        subsets: fraction of the images -> indices of several subsets of that size.
    """

    halves: tuple[np.ndarray, ...]
    subsets: dict[float, tuple[np.ndarray, ...]]

    @classmethod
    def from_labels(cls, labels: np.ndarray, n_halves: int, seed: int) -> Resamples:
        """Draw `n_halves` halves, and some subsets of each smaller size, of images with classes `labels` (N,)."""
        rng = np.random.default_rng(seed)
        halves = tuple(draw_fraction(labels, 0.5, rng) for _ in range(n_halves))
        # leave out fractions with a single image of some class
        fitting = [s for s in SUBSET_FRACTIONS if s * np.bincount(labels)[np.unique(labels)].min() >= 2]
        subsets = {s: tuple(draw_fraction(labels, s, rng) for _ in range(SUBSETS_PER_FRACTION)) for s in fitting}
        return cls(halves, subsets)


def draw_fraction(labels: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a random fraction of the images, stratified by class, at least one of each class; sorted indices."""
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        exact = fraction * len(members)
        # rounding is random, so that every class keeps its share on average
        count = int(exact) + int(rng.random() < exact - int(exact))
        chosen.append(rng.permutation(members)[: max(count, 1)])
    return np.sort(np.concatenate(chosen))


def draw_subset(labels: np.ndarray, max_images: int, seed: int) -> np.ndarray:
    """Draw indices of about `max_images` images, stratified by class; all if there are no more."""
    if len(labels) <= max_images:
        return np.arange(len(labels))
    return draw_fraction(labels, max_images / len(labels), np.random.default_rng(seed))
