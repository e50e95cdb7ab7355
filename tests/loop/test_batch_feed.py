"""You pay only for what you train: with stored activations a training is what it is without, and costs less."""

from __future__ import annotations

import itertools
import logging

import numpy as np
import pytest
import torch

import workbench as wb
from tests.loop.test_training import same, through_disk, weights
from workbench.loop.batch_feed import BatchFeed
from workbench.runs.build import open_training

LAST = {"name": "last-k", "params": {"k": 2}}


def followed(plan):
    """The losses of a training, point by point, and its weights."""
    training = open_training(plan)
    points = [p.values for p in training if p.split in ("train", "valid", "target")]
    return np.array([p["loss"] for p in points]), weights(training), training


def passes(training):
    """Counts the images that enter the first layer of a training's net as pixels."""
    seen = []
    first = next(m for m in training.net.backbone.modules() if isinstance(m, torch.nn.Conv2d))
    first.register_forward_pre_hook(lambda _, args: seen.append(len(args[0])))
    return seen


@pytest.fixture
def every_step(monkeypatch):
    """A point after every step, so that curves are compared step by step."""
    monkeypatch.setattr("workbench.loop.throughput.POINT_INTERVAL", 0.0)


CASES = [
    ("test_resnet", "head", "fine-tune"),
    ("test_resnet", "gradual", "l2-sp"),
    ("test_efficientnet", LAST, "dann"),
    ("test_efficientnet", "lp-ft", "fine-tune"),
    ("test_vit", LAST, "l2-sp"),
    ("test_vit", "gradual", "dann"),
    ("test_convnext", LAST, "fine-tune"),
]


@pytest.mark.parametrize(("name", "tuning", "strategy"), CASES)
def test_the_loss_curve_is_that_of_the_uncut_net(tiny_plan, two_domains, every_step, name, tuning, strategy):
    plan = tiny_plan(
        two_domains, name=name, tuning=tuning, strategy=strategy, epochs=2, augment="crop", augment_views=2
    )
    curve, ends, training = followed(plan.replace(cache_activations="fp32"))
    expected, uncut, _ = followed(plan.replace(cache_activations="off"))
    assert len(curve) == len(expected) and np.allclose(curve, expected, rtol=2e-4)
    assert all(torch.allclose(ends[n], uncut[n], atol=3e-4) for n in ends)
    assert all(row["unchanged"] for row in training.frozen_check.rows)


def test_half_precision_stays_within_noise(tiny_plan, every_step):
    plan = tiny_plan(name="test_resnet", tuning=LAST, epochs=3, lr=1e-3)
    expected, *_ = followed(plan.replace(cache_activations="off"))
    for precision, close in (("fp16", 5e-3), ("bf16", 4e-2)):
        curve, *_ = followed(plan.replace(cache_activations=precision))
        assert np.abs(curve - expected).max() < close
        assert np.abs(curve - expected).max() > 0, "it was stored in full precision"


def test_frozen_layers_see_each_view_once(tiny_plan):
    plan = tiny_plan(tuning="head", epochs=4, augment="flip", augment_views=2)
    training = open_training(plan)
    seen = passes(training)
    list(training)
    images = training.tasks[0].images
    train, valid = len(images.subset("train")), len(images.subset("valid"))
    batches = training.tasks[0].steps
    cutting = 25  # trial images of a few passes
    assert 2 * train + valid <= sum(seen) <= 2 * batches * 16 + 128 + cutting
    again = open_training(plan.replace(lr=1e-2))
    seen = passes(again)
    list(again)
    assert sum(seen) <= cutting, "another run of the same net and images computes nothing anew"


def test_fresh_views_are_computed_and_the_log_says_so(tiny_plan, caplog):
    with caplog.at_level(logging.INFO, "workbench"):
        training = open_training(tiny_plan(tuning="head", epochs=3, augment="crop", augment_views=0))
        seen = passes(training)
        list(training)
    assert sum(seen) >= 3 * len(training.tasks[0].images.subset("train"))
    assert "training views are new and not cached" in caplog.text


def test_a_teacher_gets_its_pixels(tiny_plan, tiny, tmp_path, every_step, caplog):
    tiny("test_vit").save(tmp_path / "teacher.safetensors")
    strategy = {"name": "distill", "params": {"teacher": str(tmp_path / "teacher.safetensors")}}
    plan = tiny_plan(name="test_resnet", tuning=LAST, strategy=strategy, augment="crop", augment_views=2, epochs=3)
    with caplog.at_level(logging.INFO, "workbench"):
        curve, *_ = followed(plan.replace(cache_activations="fp32"))
    expected, *_ = followed(plan.replace(cache_activations="off"))
    assert np.allclose(curve, expected, rtol=2e-4)
    assert "the strategy needs pixels too" in caplog.text


@pytest.mark.parametrize("stop", [2, 5, 9])
def test_a_resumed_training_is_the_same_bit_for_bit(tiny_plan, stop, home, monkeypatch, tmp_path):
    plan = tiny_plan(
        name="test_resnet", tuning="gradual", epochs=3, augment="crop", augment_views=2, cache_activations="fp16"
    )
    whole = open_training(plan)
    list(whole)
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "another"))
    part = open_training(plan)
    for point in part:
        if point.step >= stop:
            break
    state = through_disk(part.state_dict())
    part.close()
    rest = open_training(plan, state=state)
    list(rest)
    assert same(weights(whole), weights(rest))


def test_a_net_that_cannot_be_cut_is_evaluated_in_full(tiny_plan, monkeypatch, caplog):
    from workbench.nets.partition.tracing import Untraceable

    def refuse(*_):
        raise Untraceable("its course depends on the weather")

    monkeypatch.setattr("workbench.loop.batch_feed.Partition", refuse)
    with caplog.at_level(logging.INFO, "workbench"):
        training = open_training(tiny_plan(tuning="head", epochs=2))
        list(training)
    assert training.finished and "cannot be partitioned there, its course depends on the weather" in caplog.text


def test_a_store_without_room_changes_nothing(tiny_plan, monkeypatch, caplog):
    plan = tiny_plan(name="test_resnet", tuning="head", epochs=2)
    expected, *_ = followed(plan)
    monkeypatch.setenv("WORKBENCH_STORE_GB", "0")
    monkeypatch.setenv("WORKBENCH_HOME", "")
    curve, _, training = followed(plan)
    assert training.finished and np.allclose(curve[-1], expected[-1], rtol=1e-4)


def test_the_cut_moves_with_the_grid(tiny_plan):
    training = open_training(tiny_plan(name="test_resnet", tuning="gradual", epochs=5))
    after, feed = [], None
    for _ in training:
        if training._feed is not feed:
            feed = training._feed
            after.append(feed.partition.last_frozen_stage if feed.partition else None)
    names = [stage.name for stage in training.net.stages]
    below = [names[row.index(next(r for r in row if r > 0)) - 1] for row in training.lr_grid if row[0] == 0]
    assert after == [*dict.fromkeys(below), None]


def test_unreadable_images_are_left_out(tiny_plan, toy_arrays, tmp_path):
    from PIL import Image

    x, y = toy_arrays(48)
    for row, (pixels, label) in enumerate(zip(x, y, strict=True)):
        (tmp_path / "toy" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "toy" / label / f"{row}.png")
    images = wb.load_images(str(tmp_path / "toy"))
    gone = images.subset("train").frame["path"].iloc[3]
    with open(gone, "r+b") as file:
        file.truncate(60)
    plan = tiny_plan(images, tuning="head", epochs=2, cache_activations="fp32")
    curve, _, training = followed(plan)
    expected, *_ = followed(plan.replace(cache_activations="off"))
    assert training.finished and np.allclose(curve, expected, rtol=1e-3)


def test_batches_are_those_without_the_store(tiny_plan, two_domains):
    """Stored activations stand for the very pixels that would have been shown."""
    plan = tiny_plan(two_domains, strategy="dann", tuning=LAST, augment="crop")
    training = open_training(plan)
    net, batches, place = training.net, training.tasks[0], training.device
    moving = training.moving_weights[0]
    stored = BatchFeed(net, batches, plan.schedule, moving, place, None)
    plain = BatchFeed(net, batches, plan.replace(cache_activations="off").schedule, moving, place, None)
    for a, b in itertools.islice(zip(stored.iter_epoch(5), plain.iter_epoch(5), strict=True), 2):
        for name in a:
            assert torch.equal(a[name].x + 0, b[name].x) and a[name].x.shape == b[name].x.shape
            assert (a[name].y is None) == (b[name].y is None)
