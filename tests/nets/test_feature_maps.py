"""A stage's output as a map of places, in every family of nets."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench.nets.feature_maps import capture_feature_maps, find_feature_map, get_feature_map

FAMILIES = [
    ("test_resnet", {}, "layer2", (48, 8)),
    ("test_vit", {}, "blocks.1", (64, 4)),
    ("test_mambaout", {}, "stages.1", (32, 8)),  # channels last
    ("mixer_s16_224", {}, "blocks.0", (512, 4)),  # tokens, none before the places
]


def test_tokens_become_places_in_reading_order():
    net = wb.load_net("test_vit", classes=3, pretrained=False, size=64)
    grid = get_feature_map(net, net.stages[1])
    assert grid is not None
    tokens = torch.arange(17.0)[None, :, None].expand(1, 17, 64)
    assert grid.to_map(tokens)[0, 7].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]


@pytest.mark.parametrize(("name", "options", "stage", "expected"), FAMILIES, ids=[f[0] for f in FAMILIES])
def test_maps_are_what_stages_say_and_gradients_flow_through(name, options, stage, expected):
    net = wb.load_net(name, classes=3, pretrained=False, size=64, **options)
    grid = find_feature_map(net, stage)
    with capture_feature_maps(net, [grid]) as heard:
        net(torch.rand(2, 3, 64, 64))
    channels, side = expected
    assert heard[stage].shape == (2, channels, side, side) and grid.n_channels == channels
    heard[stage].sum().backward()
    assert any(p.grad is not None and p.grad.any() for p in net.backbone.parameters())
    before = heard[stage]
    net(torch.rand(2, 3, 64, 64))
    assert heard[stage] is before  # nothing listens any more


def test_pictures_of_another_size_have_maps_too():
    net = wb.load_net("test_resnet", classes=3, pretrained=False, size=64)
    with capture_feature_maps(net, [find_feature_map(net, "layer2")]) as heard:
        net(torch.rand(2, 3, 96, 96))
    assert heard["layer2"].shape == (2, 48, 12, 12)
