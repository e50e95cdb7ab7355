"""Filters: described as they are made, found in every family."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.probes.visualization._filters import filter_frequencies, filter_hues


@pytest.fixture(scope="module")
def net():
    return wb.load_net("test_resnet", classes=3, pretrained=False, size=32)


def test_the_first_filters_as_they_act_on_pixels(net):
    found = wb.probes.filters(net)
    weight = net.backbone.conv1[0].weight.detach().numpy()
    assert found.module == "backbone.conv1.0" and found.stage == "stem" and found.is_first_layer
    assert np.allclose(found.kernels, weight / np.reshape(net.preprocessing.std, (1, 3, 1, 1)), atol=1e-6)
    pictures = found.images
    assert pictures.shape == (len(weight), 3, 3, 3) and pictures.min() >= 0 and pictures.max() <= 1
    # each by its own largest weight, and zero is mid grey
    assert np.allclose(np.abs(pictures - 0.5).max((1, 2, 3)), 0.5)
    assert np.array_equal(pictures > 0.5, found.kernels.transpose(0, 2, 3, 1) > 0)


def test_dead_and_doubled_filters_are_marked():
    net = wb.load_net("test_resnet", classes=3, pretrained=False, size=32)
    with torch.no_grad():
        weight = net.backbone.conv1[0].weight
        weight[3] = 1e-6 * weight[2]
        weight[7] = 2.5 * weight[4]
        weight[9] = -weight[4]  # the opposite is no double
    frame = wb.probes.filters(net).frame
    assert frame.index[frame["dead"]].tolist() == [3]
    assert frame["twin"][7] == 4 and frame["twin"][9] == -1 and (frame["twin"] >= 0).sum() == 1


def test_hues_by_hand():
    colours = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "grey": (1, 1, 1), "yellow": (1, 1, 0)}
    kernels = np.stack([np.asarray(c)[:, None, None] * np.ones((3, 5, 5)) for c in colours.values()])
    assert filter_hues(kernels)[[0, 1, 2, 4]] % 360 == pytest.approx([0, 120, 240, 60], abs=1e-6)
    assert np.isnan(filter_hues(kernels)[3]) and np.isnan(filter_hues(np.zeros((1, 3, 3, 3)))[0])


def test_frequencies_of_waves():
    x = np.arange(32)
    waves = [np.cos(2 * np.pi * f * x)[None, :] * np.ones((32, 1)) for f in (1 / 16, 1 / 8, 1 / 4)]
    found = filter_frequencies(np.stack([np.stack([wave] * 3) for wave in waves]))
    assert found == pytest.approx([1 / 16, 1 / 8, 1 / 4], abs=1e-6)
    assert filter_frequencies(np.ones((1, 1, 32, 32)))[0] == pytest.approx(0, abs=1e-9)


def test_orders(net):
    found = wb.probes.filters(net)
    assert (np.diff(found.frame["norm"].to_numpy()[found.order("norm")]) <= 0).all()
    assert (np.diff(found.frame["frequency"].to_numpy()[found.order("frequency")]) >= 0).all()
    hue = found.frame["hue"].to_numpy()[found.order("hue")]
    assert (np.diff(hue[~np.isnan(hue)]) >= 0).all() and sorted(found.order("hue")) == list(range(len(found)))
    with pytest.raises(UnknownName, match="did you mean norm"):
        found.order("nrom")


def test_deeper_layers_and_other_families(net):
    deep = wb.probes.filters(net, "layer2")
    assert not deep.is_first_layer and deep.images.shape == deep.kernels.shape[:1] + deep.kernels.shape[2:]
    assert wb.probes.filters(net, deep.module).module == deep.module
    patches = wb.probes.filters(wb.load_net("test_vit", classes=3, pretrained=False, size=32))
    assert patches.is_first_layer and patches.kernels.shape[2:] == (16, 16)


def test_refusals(net):
    with pytest.raises(UnknownName, match="did you mean layer"):
        wb.probes.filters(net, "layr2")
    with pytest.raises(BadValue, match="expected a convolution"):
        wb.probes.filters(net, "backbone.bn1")
    with pytest.raises(BadValue, match="has no convolution"):
        wb.probes.filters(net, "head")
