"""Rankings made from numbers, so that what they must say is known."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.plan import Choice
from workbench.ranking.result import Ranking
from workbench.ranking.score_table import BackboneScores


def scored(name, values, noise=0.01, failure="", seed=0, **more):
    """A backbone with given values, whose halves scatter about them by `noise`."""
    rng = np.random.default_rng((seed, *name.encode()))
    halves = {s: v + noise * rng.normal(size=40) for s, v in values.items()}
    smaller = {(s, 0.5): v + noise * rng.normal(size=5) for s, v in values.items() if s != "linear_probe"}
    return BackboneScores(name, Choice(name), {**values, **more}, halves, smaller, n_images=100, failure=failure)


@pytest.fixture
def made():
    """A function that makes a ranking: backbone -> (logme, knn), with the halves' noise."""

    def make(noise=0.01, scores=("logme", "knn"), **backbones):
        rows = tuple(scored(n, dict(zip(scores, v, strict=True)), noise) for n, v in backbones.items())
        return Ranking("toy", rows, tuple(scores), len(rows))

    return make


@pytest.fixture(scope="session")
def taught(tmp_path_factory):
    """A net that was trained on the toy problem's classes, saved: the source that must win."""
    from tests.conftest import toy_arrays

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        backbone = {"name": "test_resnet", "params": {"pretrained": False, "size": 32}}
        settings = {"epochs": 8, "augment": "none", "lr": 5e-3, "precision": "fp32", "batch_size": 16}
        from workbench.runs.build import open_training

        training = open_training(wb.Plan(backbone, wb.load_images(toy_arrays()), **settings))
        list(training)
        path = tmp_path_factory.mktemp("net") / "taught.safetensors"
        training.net.save(path)
    return str(path)
