"""Rankings made from numbers, so that what they must say is known."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.plan import Choice
from workbench.ranking import Ranking, Scored


def scored(name, values, noise=0.01, failure="", seed=0, **more):
    """A backbone with given values, whose halves scatter about them by `noise`."""
    rng = np.random.default_rng((seed, *name.encode()))
    halves = {s: v + noise * rng.normal(size=40) for s, v in values.items()}
    smaller = {(s, 0.5): v + noise * rng.normal(size=5) for s, v in values.items() if s != "linear_probe"}
    return Scored(name, Choice(name), {**values, **more}, halves, smaller, images=100, failure=failure)


@pytest.fixture
def made():
    """A function that makes a ranking: backbone -> (logme, knn), with the halves' noise."""

    def make(noise=0.01, scores=("logme", "knn"), **backbones):
        rows = tuple(scored(n, dict(zip(scores, v, strict=True)), noise) for n, v in backbones.items())
        return Ranking("toy", rows, tuple(scores), len(rows))

    return make
