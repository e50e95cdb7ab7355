"""Feature visualisation: it climbs, repeats by its seed, can be watched and stopped."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.probes.visualization.feature_visualization import jitter_images
from workbench.probes.visualization.fourier_image import COLOR_CORRELATION, FourierImage


@pytest.fixture(scope="module")
def net():
    return wb.load_net("wb/residual-shape")


def test_a_class_is_drawn_so_that_the_net_names_it(net):
    start = time.process_time()
    # classes that this net takes for no other: what is drawn for a house may be called a mug, on another processor
    found = wb.probes.visualize_features(net, target=["ring", "key"], steps=64)
    took = time.process_time() - start
    x = torch.from_numpy(found.images).permute(0, 3, 1, 2)
    with torch.no_grad():
        said = net(x).argmax(1)
    assert [net.classes[k] for k in said] == ["ring", "key"] == found.unit_names and found.is_complete
    assert found.images.min() >= 0 and found.images.max() <= 1 and found.history.shape == (64, 2)
    assert took < 10  # seconds of one core, for two pictures


def test_a_channel_and_a_neuron_climb(net):
    channel = wb.probes.visualize_features(net, "layer2", [3, 2], steps=48)
    assert channel.unit_names == ["layer2, channel 3", "layer2, channel 2"]
    assert (channel.history[-1] > channel.history[0] + 0.3).all()
    neuron = wb.probes.visualize_features(net, "layer2", 5, neuron=(2, 6), steps=24)
    maps = wb.probes.activation_maps(net, neuron.images, "layer2").maps[0, 5]
    assert np.unravel_index(maps.argmax(), maps.shape) in {(r, c) for r in (1, 2, 3) for c in (5, 6, 7)}


def test_a_unit_that_is_silent_in_grey_is_woken(net):
    found = wb.probes.visualize_features(net, "layer2", 0, steps=40)
    assert found.history[0, 0] == 0 and found.history[-1, 0] > 0.01 and found.images.std() > 0.02


def test_the_same_seed_draws_the_same_and_nothing_is_left_behind(net):
    net.train().requires_grad_(True)
    state, random = {n: v.clone() for n, v in net.state_dict().items()}, torch.get_rng_state()
    first, again, other = (wb.probes.visualize_features(net, target="ring", steps=3, seed=s).images for s in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert all(torch.equal(v, state[n]) for n, v in net.state_dict().items()) and net.training
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert not any(m._forward_hooks for m in net.modules()) and torch.equal(torch.get_rng_state(), random)


def test_it_can_be_watched_and_stopped(net):
    seen = []
    found = wb.probes.visualize_features(
        net, target="ring", steps=50, callback=lambda at, of, x: seen.append((at, of)) or at == 3
    )
    assert seen == [(1, 50), (2, 50), (3, 50)] and len(found.history) == 3 and not found.is_complete


def test_a_transformer_and_one_large_step_in_each_octave():
    vit = wb.load_net("test_vit", classes=3, pretrained=False, size=64)
    found = wb.probes.visualize_features(vit, "blocks.2", 7, steps=4)
    assert found.images.shape == (1, 64, 64, 3) and np.isfinite(found.images).all()
    canvas = FourierImage(1, 32, 0, torch.device("cpu"))
    assert (
        canvas.frequency_weights[0, 1] / canvas.frequency_weights[0, 2]
        == pytest.approx(2)
        == canvas.frequency_weights[4, 0] / canvas.frequency_weights[8, 0]
    )
    assert canvas.to_images().std() < 0.1 and canvas.to_images().shape == (1, 3, 32, 32)
    lightness = np.asarray(COLOR_CORRELATION)[:, 0]
    assert np.ptp(lightness) < 0.05  # the first direction is grey, as in photographs


def test_shifts_are_small_and_keep_the_size():
    x = torch.zeros(1, 3, 32, 32)
    x[..., 14:18, 14:18] = 1
    dice = torch.Generator().manual_seed(0)
    for _ in range(10):
        moved = jitter_images(x, dice)[0, 0]
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
        ({"layer": "layer2", "channel": 0, "neuron": (8, 0)}, BadValue, "8 × 8 positions"),
        ({"target": "ring", "steps": 0}, BadValue, "between 1 and 5000"),
    ],
)
def test_refusals(net, options, kind, says):
    with pytest.raises(kind, match=says):
        wb.probes.visualize_features(net, **options)
