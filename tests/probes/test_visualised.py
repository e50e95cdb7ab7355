"""Feature visualisation: it climbs, repeats by its seed, can be watched and stopped."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.probes.canvas import COLOURS, Canvas
from workbench.probes.visualised import jittered


@pytest.fixture(scope="module")
def net():
    return wb.load("wb/residual-shape")


def test_a_class_is_drawn_so_that_the_net_names_it(net):
    start = time.process_time()
    # classes that this net takes for no other: what is drawn for a house may be called a mug, on another processor
    found = wb.probes.visualise(net, target=["ring", "key"], steps=64)
    took = time.process_time() - start
    x = torch.from_numpy(found.pictures).permute(0, 3, 1, 2)
    with torch.no_grad():
        said = net(x).argmax(1)
    assert [net.classes[k] for k in said] == ["ring", "key"] == found.units and found.finished
    assert found.pictures.min() >= 0 and found.pictures.max() <= 1 and found.history.shape == (64, 2)
    assert took < 10  # seconds of one core, for two pictures


def test_a_channel_and_a_neuron_climb(net):
    channel = wb.probes.visualise(net, "layer2", [3, 2], steps=48)
    assert channel.units == ["layer2, channel 3", "layer2, channel 2"]
    assert (channel.history[-1] > channel.history[0] + 0.3).all()
    neuron = wb.probes.visualise(net, "layer2", 5, neuron=(2, 6), steps=24)
    maps = wb.probes.activations(net, neuron.pictures, "layer2").maps[0, 5]
    assert np.unravel_index(maps.argmax(), maps.shape) in {(r, c) for r in (1, 2, 3) for c in (5, 6, 7)}


def test_a_unit_that_is_silent_in_grey_is_woken(net):
    found = wb.probes.visualise(net, "layer2", 0, steps=40)
    assert found.history[0, 0] == 0 and found.history[-1, 0] > 0.01 and found.pictures.std() > 0.02


def test_the_same_seed_draws_the_same_and_nothing_is_left_behind(net):
    net.train().requires_grad_(True)
    state, random = {n: v.clone() for n, v in net.state_dict().items()}, torch.get_rng_state()
    first, again, other = (wb.probes.visualise(net, target="ring", steps=3, seed=s).pictures for s in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert all(torch.equal(v, state[n]) for n, v in net.state_dict().items()) and net.training
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert not any(m._forward_hooks for m in net.modules()) and torch.equal(torch.get_rng_state(), random)


def test_it_can_be_watched_and_stopped(net):
    seen = []
    found = wb.probes.visualise(net, target="ring", steps=50, watch=lambda at, of, x: seen.append((at, of)) or at == 3)
    assert seen == [(1, 50), (2, 50), (3, 50)] and len(found.history) == 3 and not found.finished


def test_a_transformer_and_one_large_step_in_each_octave():
    vit = wb.load("test_vit", classes=3, pretrained=False, size=64)
    found = wb.probes.visualise(vit, "blocks.2", 7, steps=4)
    assert found.pictures.shape == (1, 64, 64, 3) and np.isfinite(found.pictures).all()
    canvas = Canvas(1, 32, 0, torch.device("cpu"))
    assert canvas.weight[0, 1] / canvas.weight[0, 2] == pytest.approx(2) == canvas.weight[4, 0] / canvas.weight[8, 0]
    assert canvas.pictures().std() < 0.1 and canvas.pictures().shape == (1, 3, 32, 32)
    lightness = np.asarray(COLOURS)[:, 0]
    assert np.ptp(lightness) < 0.05  # the first direction is grey, as in photographs


def test_shifts_are_small_and_keep_the_size():
    x = torch.zeros(1, 3, 32, 32)
    x[..., 14:18, 14:18] = 1
    dice = torch.Generator().manual_seed(0)
    for _ in range(10):
        moved = jittered(x, dice)[0, 0]
        at = torch.nonzero(moved > 0.5).float().mean(0)
        assert moved.shape == (32, 32) and (at - 15.5).abs().max() <= 4


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({}, BadValue, "either channels of a stage"),
        ({"channel": 1, "target": "ring"}, BadValue, "either channels of a stage"),
        ({"target": "rinng"}, UnknownName, "did you mean ring"),
        ({"layer": "layr2", "channel": 1}, UnknownName, "did you mean layer"),
        ({"layer": "layer2", "channel": 64}, BadValue, "64 channels, numbered 0 to 63; got 64"),
        ({"layer": "layer2", "channel": 0, "neuron": (8, 0)}, BadValue, "8 × 8 places"),
        ({"target": "ring", "steps": 0}, BadValue, "between 1 and 5000"),
    ],
)
def test_refusals(net, options, kind, says):
    with pytest.raises(kind, match=says):
        wb.probes.visualise(net, **options)
