"""Which source helps which target."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

import workbench as wb
from workbench.errors import BadData, BadValue
from workbench.probes import _task_affinity


def test_leave_one_out_is_that_of_leaving_one_out(monkeypatch):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(30, 6)), random.integers(0, 3, 30)
    x[np.arange(30), y] += 1.0
    held, truth = random.normal(size=(400, 6)), random.integers(0, 3, 400)
    held[np.arange(400), truth] += 1.0
    # one penalty only: the head is that of an independent ridge regression
    monkeypatch.setattr(_task_affinity, "PENALTIES", np.array([0.1]))
    scaled, other = ((v - x.mean(0)) / (x.std(0) + 1e-6) for v in (x, held))
    reference = Ridge(alpha=3.0).fit(scaled, np.eye(3)[y])
    wanted = (reference.predict(other).argmax(1) == truth).mean()
    assert _task_affinity.linear_accuracy(x, y, held, truth, 3) == pytest.approx(wanted)


def test_the_penalty_fits_what_is_asked():
    random = np.random.default_rng(1)
    y, truth = random.integers(0, 2, 60), random.integers(0, 2, 2000)
    # one telling direction among eighty of noise: only a strong penalty finds it
    x, held = random.normal(size=(60, 80)), random.normal(size=(2000, 80))
    x[:, 0] += 4 * y
    held[:, 0] += 4 * truth
    assert _task_affinity.linear_accuracy(x, y, held, truth, 2) > 0.68


def test_a_net_that_knows_a_task_is_its_best_source(tiny):
    images = wb.load_images(
        "world", n=300, size=32, label=["hue", "light"], style="flat", only={"hue": ["red", "blue"]}
    )
    nets = {"small": tiny("test_vit"), "other": tiny("test_resnet")}
    found = wb.probes.task_affinity(nets, images)
    assert found.matrix.shape == (2, 2) and list(found.matrix.columns) == ["hue", "light"]
    assert found.frame["accuracy"].between(0, 1).all()
    # two colours can be read from any features, eight directions of light hardly
    gain = found.frame.set_index(["source", "target"])
    above = (gain["accuracy"] - gain["chance"]).unstack()
    assert (above["hue"] > above["light"]).all() and above["hue"].max() > 0.2
    assert set(found.best_sources) <= set(nets)


def test_what_cannot_be_asked_is_refused(tiny):
    with pytest.raises(BadValue, match="at least one source"):
        wb.probes.task_affinity({}, wb.load_images("digits"))
    with pytest.raises(BadData, match="validation"):
        wb.probes.task_affinity({"a": tiny("test_vit")}, wb.load_images("digits", valid=0.0))
