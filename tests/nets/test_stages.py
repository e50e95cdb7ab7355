"""Stages: those of known nets, and the measurement of their shapes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from workbench.nets.loading.net_loader import load_net
from workbench.nets.stages import split_backbone

KNOWN = {
    "mobilenetv2_100": ["stem", *(f"blocks.{i}" for i in range(7)), "conv_head", "head"],
    "resnet18": ["stem", "layer1", "layer2", "layer3", "layer4", "head"],
    "vit_tiny_patch16_224": ["embed", *(f"blocks.{i}" for i in range(12)), "norm", "head"],
    "swin_tiny_patch4_window7_224": ["embed", "layers.0", "layers.1", "layers.2", "layers.3", "norm", "head"],
    "convnext_tiny": ["stem", "stages.0", "stages.1", "stages.2", "stages.3", "norm", "head"],
    "densenet121": ["stem", *(f"features.denseblock{i}" for i in (1, 2, 3, 4)), "features.norm5", "head"],
    "regnetx_002": ["stem", "s1", "s2", "s3", "s4", "head"],
    "csatv2": ["stem", "stages.0", "stages.1", "stages.2", "stages.3", "norm", "head"],  # from here on inferred
    "poolformerv2_s12": ["stem", "stages.0", "stages.1", "stages.2", "stages.3", "norm", "head"],
    "pit_ti_224": ["embed", "transformers.0", "transformers.1", "transformers.2", "norm", "head"],
    "rdnet_tiny": ["stem", *(f"dense_stages.{i}" for i in range(7)), "norm", "head"],
    "vit_small_patch16_rope_mixed_224": ["embed", *(f"blocks.{i}" for i in range(12)), "norm", "head"],
    "squeezenet1_0": ["stem", *(f"features.{i}" for i in (3, 4, 5, 7, 8, 9, 10, 12)), "head"],
    "alexnet": ["stem", *(f"features.{i}" for i in (3, 6, 8, 10)), "classifier.1", "classifier.4", "head"],
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_nets(name):
    with torch.device("meta"):
        net = load_net(name, pretrained=False)
    assert [s.name for s in net.stages] == KNOWN[name]


def test_many_lists_of_blocks_are_a_stage_each():
    with torch.device("meta"):
        names = [s.name for s in load_net("inception_resnet_v2", pretrained=False).stages]
    assert names[0] == "stem" and names[-1] == "head" and {"repeat", "repeat_1", "repeat_2"} <= set(names)
    assert len(names) < 14


def test_shapes_are_those_of_a_forward_pass():
    net = load_net("resnet18", pretrained=False, size=96)
    shapes = {s.name: s.shape for s in net.stages}
    assert shapes == {
        "stem": (64, 24, 24),
        "layer1": (64, 24, 24),
        "layer2": (128, 12, 12),
        "layer3": (256, 6, 6),
        "layer4": (512, 3, 3),
        "head": (1000,),
    }
    with torch.no_grad():
        x = net.backbone.forward_features(net.normalize(torch.zeros(1, 3, 96, 96)))
    assert tuple(x.shape[1:]) == shapes["layer4"]
    net.reset_head(5)
    assert net.stages[-1].shape == (5,)


def test_shapes_are_measured_once_and_only_when_asked(monkeypatch):
    from workbench.nets import shape_inference

    calls = []
    real = shape_inference.infer_stage_shapes
    monkeypatch.setattr(shape_inference, "infer_stage_shapes", lambda *a: calls.append(1) or real(*a))
    net = load_net("test_resnet", pretrained=False)
    assert net.stages and not calls
    assert [s.shape for s in net.stages] and [s.shape for s in net.stages] and len(calls) == 1


def test_shares_and_buffers():
    net = load_net("test_resnet", classes=3, pretrained=False)
    stem = net.stages[0]
    assert {"backbone.bn1.running_mean", "mean", "std"} <= set(stem.tensor_names)
    assert stem.n_parameters == sum(p.numel() for n, p in net.named_parameters() if n in stem.tensor_names)
    assert "backbone.layer1" in net.stages[1].module_names and "backbone.layer1.0.conv1" in net.stages[1].module_names
    assert net.stages[-1].module_names == ("head",) and net.stages[-1].tensor_names == ("head.weight", "head.bias")


class Odd(nn.Module):
    """No grouping of its own, a loose parameter, a shared activation, blocks in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1))
        self.act = nn.ReLU()
        self.entry = nn.Conv2d(3, 4, 3)
        self.body = nn.ModuleList([nn.Sequential(nn.Conv2d(4, 4, 1), nn.Dropout()) for _ in range(3)])
        self.exit = nn.BatchNorm2d(4)


def test_a_net_without_grouping_is_read_off_its_tree():
    groups = split_backbone(Odd())
    assert [name for name, _ in groups] == ["stem", "body.0", "body.1", "body.2", "exit"]
    assert {"token", "entry", "act"} <= set(groups[0][1])
    assert groups[1][1] == ["body.0.0", "body.0.1"]


def test_a_single_layer_is_a_stage():
    assert split_backbone(nn.Linear(3, 2)) == [("stem", [""])]
