"""The stage to read is found in every family, and its output becomes a map."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.nets.feature_maps import find_feature_map
from workbench.nets.hooks import record_stage_output
from workbench.probes.target_layer import select_feature_map

# name, options, and what is found: stage, places a side, channels last, tokens before the places
FAMILIES = [
    ("test_resnet", {"size": 64}, ("layer3", 4, False, None)),
    ("test_vit", {"size": 64}, ("blocks.4", 4, False, 1)),
    ("test_vit", {"size": 64, "global_pool": "avg"}, ("blocks.5", 4, False, 1)),
    ("test_vit", {"size": 64, "reg_tokens": 4}, ("blocks.4", 4, False, 5)),
    ("test_vit3", {"size": 64}, ("norm", 4, False, 1)),
    ("test_mambaout", {"size": 64}, ("stages.2", 4, True, None)),
    ("test_convnext", {"size": 128}, ("stages.3", 4, False, None)),
    ("test_coatnet", {"size": 64}, ("stages.2", 4, False, None)),
    ("swin_tiny_patch4_window7_224", {"embed_dim": 8, "depths": (1, 1), "num_heads": (1, 1)}, ("norm", 28, True, None)),
    ("mixer_s16_224", {"size": 64}, ("norm", 4, False, 0)),
    ("cait_xxs24_224", {"depth": 2, "embed_dim": 16, "num_heads": 2}, ("blocks.1", 14, False, 0)),
]


@pytest.mark.parametrize(("name", "options", "expected"), FAMILIES, ids=lambda v: v if isinstance(v, str) else "")
def test_the_stage_is_found(name, options, expected):
    net = wb.load_net(name, classes=3, pretrained=False, **options)
    grid = select_feature_map(net, None)
    assert (grid.stage.name, grid.map_size, grid.is_channels_last, grid.n_prefix_tokens) == expected
    x = torch.rand(2, 3, net.preprocessing.size, net.preprocessing.size)
    with record_stage_output(net, grid) as heard:
        net(x)
    assert heard.value is not None
    assert grid.to_map(heard.value).shape[2:] == (grid.map_size, grid.map_size)


def test_the_graph_begins_at_the_stage():
    net = wb.load_net("test_resnet", classes=3, pretrained=False, size=64)
    grid = select_feature_map(net, "layer2")
    with record_stage_output(net, grid) as heard:
        score = net(torch.rand(1, 3, 64, 64))[0, 0]
    first = net.backbone.layer1[0].conv1.weight
    assert torch.autograd.grad(score, [heard.value, first], allow_unused=True)[1] is None


@pytest.mark.parametrize("ask", [select_feature_map, find_feature_map])
def test_refusals(ask):
    net = wb.load_net("test_resnet", classes=3, pretrained=False, size=64)
    with pytest.raises(UnknownName, match="did you mean layer"):
        ask(net, "layer9")
    with pytest.raises(BadValue, match="head of test_resnet has no spatial positions: choose one of stem, layer1"):
        ask(net, "head")
