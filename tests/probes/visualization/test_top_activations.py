"""Activation maps and top activations: the right positions, the right receptive fields."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadData, BadValue, UnknownName
from workbench.probes.visualization import _top_activations


@pytest.fixture(scope="module")
def net():
    return wb.load_net("test_resnet", classes=3, pretrained=False, size=64)


@pytest.fixture(scope="module")
def x():
    return torch.rand(6, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_the_maps_are_the_stages(net, x):
    found = wb.probes.activation_maps(net, x, "layer2")
    kept = []
    handle = net.backbone.layer2.register_forward_hook(lambda _m, _i, out: kept.append(out))
    with torch.no_grad():
        net(x)
    handle.remove()
    assert np.allclose(found.maps, kept[0], atol=1e-6) and found.images.shape == (6, 64, 64, 3)
    vit = wb.load_net("test_vit", classes=3, pretrained=False, size=64)
    assert wb.probes.activation_maps(vit, x[:2], "blocks.1").maps.shape == (2, 64, 4, 4)


def test_the_strongest_come_first_and_the_box_holds_what_excites(net, x):
    x = x * 0.0 + 0.4
    x[4, :, 8:24, 40:56] = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(1))  # one lively corner
    maps = wb.probes.activation_maps(net, x, "layer1").maps
    channel = int((maps[4].max((1, 2)) - maps[0].max((1, 2))).argmax())
    found = wb.probes.top_activations(net, x, "layer1", channel, n_images=3)
    assert found.frame["value"].is_monotonic_decreasing and found.frame["row"][0] == 4
    assert found.frame["value"][0] == pytest.approx(maps[4, channel].max())
    top, left, bottom, right = found.boxes[0]
    assert top < 24 and bottom > 8 and left < 56 and right > 40 and bottom - top < 48
    assert found.crops[0].shape == (bottom - top, right - left, 3)
    assert np.array_equal(found.crops[0], found.images[0][top:bottom, left:right])


class Pair(torch.nn.Module):
    """Two convolutions of three pixels: each unit sees five."""

    def __init__(self, grid):
        super().__init__()
        self.backbone = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 3, padding=1), torch.nn.Conv2d(1, 1, 3, padding=1))
        self.grid = grid
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.fill_(1.0)

    def forward(self, x):
        return self.backbone(x)


def test_the_field_of_two_convolutions_is_five_pixels():
    from workbench.nets.feature_maps import FeatureMap
    from workbench.nets.stages import Stage

    stage = Stage("both", ("backbone",), 0, 1.0, (), lambda: {"both": (1, 16, 16)})
    grid = FeatureMap(stage, 16, False, None)
    box = _top_activations.receptive_field_box(Pair(grid), grid, torch.rand(1, 3, 16, 16), 0, 8 * 16 + 5)  # type: ignore[arg-type]
    assert box == (6, 3, 11, 8)  # row 8, column 5, two pixels to each side


def test_one_image_labels_and_rows(net, toy):
    found = wb.probes.top_activations(net, toy, "layer1", 0, n_images=5)
    assert found.frame["id"].tolist() == toy.frame["id"].iloc[found.frame["row"]].tolist()
    assert found.frame["true"].tolist() == [toy.classes[k] for k in toy.labels()[found.frame["row"]]]
    assert len(wb.probes.top_activations(net, toy.subset(rows=[3]), "layer1", 0).crops) == 1


def test_nothing_is_left_behind(net, x):
    net.train().requires_grad_(True)
    before = [m.training for m in net.modules()]
    wb.probes.top_activations(net, x, "layer2", 1)
    wb.probes.activation_maps(net, x, "layer2")
    assert [m.training for m in net.modules()] == before and all(p.grad is None for p in net.parameters())
    assert not any(m._forward_hooks for m in net.modules()) and all(p.requires_grad for p in net.parameters())


def test_refusals(net, x, monkeypatch):
    with pytest.raises(UnknownName, match="did you mean layer"):
        wb.probes.top_activations(net, x, "layr1", 0)
    with pytest.raises(BadValue, match="32 channels, numbered 0 to 31; got 32"):
        wb.probes.top_activations(net, x, "layer1", 32)
    with pytest.raises(BadValue, match="from 1 to 100"):
        wb.probes.top_activations(net, x, "layer1", 0, n_images=0)
    monkeypatch.setattr(_top_activations, "MAX_BYTES", 100_000)
    with pytest.raises(BadData, match="do not fit into memory"):
        wb.probes.activation_maps(net, x, "layer1")
