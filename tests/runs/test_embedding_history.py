"""Features epoch by epoch: the same images, each picture turned to the one before, so that points move."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import workbench as wb
from tests.conftest import toy_arrays
from workbench.errors import BadValue, UnknownName


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A run with a snapshot every epoch."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        net = {"name": "test_resnet", "params": {"pretrained": False, "size": 32}}
        fixed = {"augment": "none", "precision": "fp32", "batch_size": 32, "lr": 3e-3}
        yield wb.fit(wb.Plan(net, wb.load_images(toy_arrays()), epochs=3, snapshots=1, **fixed), progress=False)


def test_every_epoch_is_a_picture_of_the_same_images(course):
    found = wb.embedding_history(course)
    assert list(found) == ["epoch 0", "epoch 1", "epoch 2", "epoch 3"]
    first = found["epoch 0"]
    assert all((e.ids == first.ids).all() and e.points.shape == first.points.shape for e in found.values())
    assert set(first.ids) == set(course.images.subset(split="valid").frame["id"])
    # each is of the net of then
    then = wb.extract_features(course.net(epoch=2), course.images.subset(split="valid"))
    assert np.allclose(
        found["epoch 2"].preservation.recall, wb.probes.embed(then, init=found["epoch 1"]).preservation.recall
    )
    assert not np.allclose(found["epoch 3"].points, first.points, atol=1e-2 * first.points.std())


def test_each_picture_is_turned_to_the_one_before(course):
    found = list(wb.embedding_history(course, stage="layer4").values())
    for before, after in itertools.pairwise(found):
        p, q = after.points - after.points.mean(0), before.points - before.points.mean(0)
        u, s, vt = np.linalg.svd(p.T @ q)
        # no rotation or mirroring is left to do, nor a change of size
        assert np.allclose(u @ vt, np.eye(2), atol=1e-3)
        assert s.sum() / (p**2).sum() == pytest.approx(1.0, abs=1e-3)


def test_some_epochs_of_some_stage_in_space(course):
    found = wb.embedding_history(course, epochs=[0, 3], stage="layer2", dimensions=3)
    assert list(found) == ["epoch 0", "epoch 3"] and found["epoch 3"].points.shape[1] == 3
    figure = wb.figures.embedding_scatter(found)
    assert [step.label for step in figure.layout.sliders[0].steps] == ["epoch 0", "epoch 3"]


def test_without_snapshots_it_is_how_it_began_and_how_it_is(tiny_plan):
    run = wb.fit(tiny_plan(epochs=2, tuning="head", select="last"), progress=False)
    assert list(wb.embedding_history(run)) == ["epoch 0", "epoch 2"]


def test_what_is_not_there_is_a_sentence(course):
    with pytest.raises(BadValue, match="did you mean 3"):
        wb.embedding_history(course, epochs=[0, 5])
    with pytest.raises(UnknownName, match="layer4"):
        wb.embedding_history(course, stage="layer5")
