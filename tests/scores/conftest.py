"""Seeded cases that published code was run on, and the awkward ones that every score must survive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest


@dataclass(frozen=True)
class Case:
    """Features (N, D), labels (N,) and source probabilities (N, S)."""

    features: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def data(self):
        return self.features, self.labels


def made(seed, n, d, k, s=12):
    """The recipe of the reference values: classes half a unit apart in every direction."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    centres = rng.standard_normal((k, d))
    f = rng.standard_normal((n, d)) + 0.5 * centres[y]
    p = rng.dirichlet(np.ones(s) * 0.1, n)
    p = 0.6 * p + 0.4 * np.eye(s)[(y * 3) % s]
    return Case(f, y, p / p.sum(1, keepdims=True))


SIZES = {
    10: (500, 32, 4, 12),
    11: (800, 100, 10, 25),
    12: (150, 200, 6, 15),
    13: (3000, 20, 2, 9),
    14: (240, 24, 3, 12),
}


@pytest.fixture(scope="session")
def case():
    """A function that makes the reference case of a seed: 10 to 14; 12 has more features than images."""
    return lambda seed: made(seed, *SIZES[seed])


@pytest.fixture(scope="session")
def small():
    """A case of 60 images, 5 features, 3 classes."""
    return made(1, 60, 5, 3)
