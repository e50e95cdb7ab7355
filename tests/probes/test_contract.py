"""What every probe of a net promises, for every family, grafted nets too: an answer, and nothing left behind."""

from __future__ import annotations

import copy
import inspect

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from tests.conftest import toy_arrays
from workbench.probes.target_layer import select_feature_map

SWIN = {"embed_dim": 8, "depths": (1, 1), "num_heads": (1, 1)}
FAMILIES = {
    "a CNN": ("test_resnet", {"size": 32}),
    "ConvNeXt": ("test_convnext", {"size": 64}),
    "a ViT with registers": ("test_vit", {"size": 64, "reg_tokens": 4}),
    "Swin": ("swin_tiny_patch4_window7_224", SWIN),
    "an MLP-mixer": ("mixer_s16_224", {"size": 64}),
    "a hybrid": ("test_coatnet", {"size": 64}),
}
CLASSES = ["left", "middle", "right"]

# name -> what is asked of a net, the same net with moved weights, and images
PROBES = {
    "filters": lambda net, _, x: wb.probes.filters(net),
    "filter_drift": lambda net, moved, x: wb.probes.filter_drift(net, moved),
    "activation_maps": lambda net, _, x: wb.probes.activation_maps(net, x),
    "top_activations": lambda net, _, x: wb.probes.top_activations(net, x, select_feature_map(net, None).stage.name, 0),
    "visualize_features": lambda net, _, x: wb.probes.visualize_features(net, target="left", steps=2),
    "saliency": lambda net, _, x: wb.probes.saliency(net, x, "layer-cam"),
    "grad_cam": lambda net, _, x: wb.probes.grad_cam(net, x),
    "compare_saliency": lambda net, moved, x: wb.probes.compare_saliency({"a": net, "b": moved}, x, "eigen-cam"),
    "faithfulness": lambda net, _, x: wb.probes.faithfulness(net, wb.probes.saliency(net, x, "saliency"), steps=2),
    "sanity_check": lambda net, _, x: wb.probes.sanity_check(net, x, "saliency"),
    "extract_stage_features": lambda net, _, x: wb.probes.extract_stage_features(net, x, None),
    "extract_features_by_stage": lambda net, _, x: wb.probes.extract_features_by_stage(net, x),
    "similarity": lambda net, moved, x: wb.probes.similarity(net, moved, x),
    "embed": lambda net, _, x: wb.probes.embed(net, x),
    "extract_features": lambda net, _, x: wb.extract_features(net, x, None),
}


class Low(nn.Module):
    """A linear layer with a path of low rank beside it, as adapters graft it (Hu et al. 2022, arXiv:2106.09685)."""

    def __init__(self, held: nn.Linear) -> None:
        super().__init__()
        self.held = held.requires_grad_(False)
        self.down = nn.Linear(held.in_features, 2, bias=False)
        self.up = nn.Linear(2, held.out_features, bias=False)
        self.in_features, self.out_features = held.in_features, held.out_features

    @property
    def weight(self):
        return self.held.weight

    def forward(self, x):
        return self.held(x) + self.up(self.down(x))


class Bottleneck(nn.Module):
    """A layer with a small residual map after it (Houlsby et al. 2019, arXiv:1902.00751)."""

    def __init__(self, held: nn.Module, width: int) -> None:
        super().__init__()
        self.held, self.small = held.requires_grad_(False), nn.Conv2d(width, width, 1)

    def forward(self, x):
        out = self.held(x)
        return out + self.small(out)


def grafted(net):
    """Low rank beside the linear layers of MLPs, or a bottleneck after convolutions where there are none."""
    linear = [name for name, m in net.backbone.named_modules() if isinstance(m, nn.Linear) and ".mlp" in f".{name}"]
    conv = [name for name, m in net.backbone.named_modules() if isinstance(m, nn.Conv2d) and name.endswith("conv2")]
    for name in linear or conv:
        parent, _, child = name.rpartition(".")
        owner, held = net.backbone.get_submodule(parent), net.backbone.get_submodule(name)
        setattr(owner, child, Low(held) if linear else Bottleneck(held, held.out_channels))
    assert linear or conv
    return net


@pytest.fixture(scope="module")
def images():
    return wb.load_images(toy_arrays(n=24, size=16))


@pytest.fixture(scope="module")
def nets():
    """Of every family a net, frozen and in training mode, and one whose weights moved; a grafted pair too."""
    made = {}
    for family, (name, options) in FAMILIES.items():
        net = wb.load_net(name, classes=CLASSES, pretrained=False, **options)
        made[family] = (net, moved(net))
    for family in ("a CNN", "a ViT with registers"):
        name, options = FAMILIES[family]
        net = grafted(wb.load_net(name, classes=CLASSES, pretrained=False, **options))
        made[f"{family}, grafted"] = (net, moved(net))
    return made


def moved(net):
    other = copy.deepcopy(net)
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(0.01 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
    return other


def state(net):
    """Everything that a probe might leave behind."""
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in net.modules()]
    fused = [getattr(m, "fused_attn", None) for m in net.modules()]
    weights = [(p.requires_grad, p.grad is None, p._version) for p in net.parameters()]
    buffers = [b._version for b in net.buffers()]
    random = (torch.get_rng_state().sum().item(), np.random.get_state()[1].sum())
    return [m.training for m in net.modules()], hooks, fused, weights, buffers, random, torch.is_grad_enabled()


FAMILY_NAMES = [*FAMILIES, "a CNN, grafted", "a ViT with registers, grafted"]


# the mixer has 18 M weights: what copies or hashes all of them is tried on the others
PAIRS = [
    (f, p)
    for f in FAMILY_NAMES
    for p in PROBES
    if (f, p) not in {("an MLP-mixer", q) for q in ("sanity_check", "extract_features")}
]


@pytest.mark.parametrize(("family", "probe"), PAIRS)
def test_an_answer_and_nothing_left_behind(nets, images, family, probe):
    net, other = nets[family]
    few = images.subset(rows=range(12 if probe in ("similarity", "embed") else 4))
    for one in (net, other):
        one.requires_grad_(probe not in ("saliency", "top_activations"))  # moving nets and frozen ones
        one.train(probe != "grad_cam")
    before = state(net), state(other)
    assert PROBES[probe](net, other, few) is not None
    assert (state(net), state(other)) == before


@pytest.mark.parametrize("probe", [name for name in PROBES if name not in ("filters", "filter_drift")])
def test_nothing_is_left_behind_after_an_error(nets, images, probe):
    net, other = nets["a ViT with registers"]
    handles = [one.backbone.register_forward_hook(broken) for one in (net, other)]
    before = state(net), state(other)
    try:
        with pytest.raises(RuntimeError, match="out of memory"):
            PROBES[probe](net, other, images.subset(rows=range(12)))
    finally:
        after = state(net), state(other)
        for handle in handles:
            handle.remove()
    assert after == before


def broken(*_):
    raise RuntimeError("out of memory")


def test_every_probe_of_a_net_is_among_them():
    asked = set()
    for name in dir(wb.probes):
        call = getattr(wb.probes, name)
        if inspect.isfunction(call) and {"net", "nets", "before"} & set(inspect.signature(call).parameters):
            asked.add(name)
    # these have the contract in tests of their own, beside what they measure
    assert asked - set(PROBES) <= {"pointing_game", "statistics_gap", "compare_preprocessing"}, asked - set(PROBES)
