"""Methods that read pixels: what each paper promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, Saliency
from torch import nn

import workbench as wb
from workbench.probes.maps import methods
from workbench.probes.maps.base import SaliencyQuery


class Toy(nn.Module):
    """A net made by hand: pixels as they come, and no bias anywhere."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.register_buffer("mean", torch.zeros(1, 3, 1, 1))

    def forward(self, x):
        return self.layers(x)


@pytest.fixture(scope="module")
def net():
    return wb.load_net("test_resnet", classes=4, pretrained=False, size=32)


@pytest.fixture(scope="module")
def x():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_the_gradient_is_captums(net, x):
    theirs = Saliency(net).attribute(x.clone().requires_grad_(True), target=torch.tensor([0, 1, 2])).amax(1)
    assert np.allclose(wb.probes.saliency(net, x, "saliency", [0, 1, 2]).maps, theirs, atol=1e-7)


def test_integrated_gradients_add_up_to_the_rise_of_the_score(net, x):
    found = wb.probes.saliency(net, x, "integrated-gradients", 1, steps=100)
    with torch.no_grad():
        rise = (net(x) - net(net.mean.expand_as(x)))[:, 1]
    assert np.allclose(found.maps.sum((1, 2)), rise, rtol=0.05, atol=2e-4)
    theirs = IntegratedGradients(net).attribute(x, net.mean.expand_as(x), target=1, n_steps=100).sum(1)
    assert np.allclose(found.maps, theirs.detach(), atol=1e-6)


def test_occlusion_finds_the_one_pixel_that_counts():
    toy = Toy(nn.Flatten(), nn.Linear(3 * 16 * 16, 2, bias=False))
    with torch.no_grad():
        toy.layers[1].weight.zero_()
        toy.layers[1].weight[0, 5 * 16 + 9] = 2.0  # the red of row 5, column 9
    asked = SaliencyQuery(toy, torch.ones(1, 3, 16, 16), torch.tensor([0]), None)  # type: ignore[arg-type]
    found = methods.create("occlusion", window=0.0625, steps=16).maps(asked)[0]
    assert found[5, 9] == 2.0 and found.sum() == 2.0
    wide = methods.create("occlusion", window=0.25, steps=4).maps(asked)[0]
    assert (wide[4:8, 8:12] == 2.0).all() and wide.sum() == 32.0


def test_guided_backprop_lets_only_what_is_positive_back():
    toy = Toy(nn.Flatten(), nn.Linear(3, 2, bias=False), nn.ReLU(inplace=True), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        toy.layers[1].weight.copy_(torch.tensor([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]]))
        toy.layers[3].weight.copy_(torch.tensor([[1.0, -1.0], [0.0, 0.0]]))
    x = torch.ones(1, 3, 1, 1)
    asked = SaliencyQuery(toy, x, torch.tensor([0]), None)  # type: ignore[arg-type]
    assert asked.input_gradient(x).flatten().tolist() == [-2.0, 2.0, 0.0]
    assert methods.create("guided-backprop").maps(asked).item() == 2.0  # without the second unit: (1, 2, 0)


def test_gradient_shap_is_exact_where_the_score_is_linear_and_repeats_by_its_seed(net, x):
    toy = Toy(nn.Flatten(), nn.Linear(12, 2, bias=False))
    picture = torch.rand(1, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    asked = SaliencyQuery(toy, picture, torch.tensor([0]), None)  # type: ignore[arg-type]
    found = methods.create("gradient-shap", noise=0.0, samples=60).maps(asked)[0]
    slope = toy.layers[1].weight[0].detach().view(3, 2, 2)
    grey, black = (slope * picture[0]).sum(0), (slope * (picture[0] - 1)).sum(0)
    low, high = torch.minimum(grey, black), torch.maximum(grey, black)
    assert ((found >= low - 1e-5) & (found <= high + 1e-5)).all()
    first, again, other = (wb.probes.saliency(net, x, "gradient-shap", 0, samples=3, seed=s).maps for s in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_relevance_is_kept_and_shared_by_the_rule():
    toy = Toy(nn.Flatten(), nn.Linear(3, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        toy.layers[1].weight.copy_(torch.tensor([[1.0, -1.0, 2.0], [1.0, 1.0, 0.0]]))
        toy.layers[3].weight.copy_(torch.tensor([[1.0, 2.0], [0.0, 0.0]]))
    x = torch.tensor([1.0, 0.5, 1.0]).view(1, 3, 1, 1)
    asked = SaliencyQuery(toy, x, torch.tensor([0]), None)  # type: ignore[arg-type]
    # without a bias, all of the score 1 · 2.5 + 2 · 1.5 arrives at the pixels
    assert methods.create("lrp", gamma=1.0).maps(asked).sum().item() == pytest.approx(5.5, rel=1e-5)


def test_batch_norm_is_one_map_with_its_convolution():
    dice = torch.Generator().manual_seed(1)
    apart = Toy(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2)).eval()
    folded = Toy(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Flatten(), apart.layers[4]).eval()
    norm = apart.layers[1]
    with torch.no_grad():
        for tensor in (norm.weight, norm.bias, norm.running_mean):
            tensor.copy_(torch.randn(4, generator=dice))
        folded.layers[0].weight.copy_(apart.layers[0].weight * (norm.weight / (1 + 1e-5) ** 0.5)[:, None, None, None])
        folded.layers[0].bias.copy_(norm.bias - norm.running_mean * norm.weight / (1 + 1e-5) ** 0.5)
    x = torch.rand(2, 3, 2, 2, generator=dice)
    maps = [
        methods.create("lrp").maps(SaliencyQuery(toy, x, torch.tensor([0, 1]), None))  # type: ignore[arg-type]
        for toy in (apart, folded)
    ]
    assert maps[0].abs().max() > 1e-3 and torch.allclose(*maps, atol=1e-5)


def test_relevance_of_each_pixel_by_hand():
    toy = Toy(nn.Flatten(), nn.Linear(12, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False))
    dice = torch.Generator().manual_seed(3)
    x = torch.rand(1, 3, 2, 2, generator=dice)
    with torch.no_grad():
        first, second = toy.layers[1].weight, toy.layers[3].weight
        first.copy_(torch.randn(2, 12, generator=dice))
        second.copy_(torch.tensor([[1.0, -0.5], [0.0, 0.0]]))
    a, w, v = x.flatten(), first.detach(), second[0].detach()
    hidden = (w @ a).relu()
    above = hidden * (v + 0.5 * v.clamp(min=0) if hidden @ v > 0 else v + 0.5 * v.clamp(max=0))
    above = above / above.sum() * (hidden @ v)
    parts = a * (w + 0.5 * w.clamp(min=0))  # where a unit is below 0, nothing arrives
    expected = (parts / parts.sum(1, keepdim=True) * above[:, None]).sum(0)
    asked = SaliencyQuery(toy, x, torch.tensor([0]), None)  # type: ignore[arg-type]
    found = methods.create("lrp", gamma=0.5).maps(asked)[0]
    assert torch.allclose(found, expected.view(3, 2, 2).sum(0), atol=1e-5)


def test_attention_rollout_by_hand():
    net = wb.load_net("test_vit", classes=3, pretrained=False, size=64)
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    found = wb.probes.saliency(net, x, "attention-rollout").maps
    kept = []
    for block in net.backbone.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda _m, _i, out: kept.append(out))
    with torch.no_grad():
        net(x)
    flow = np.eye(17)
    for attention in kept:
        flow = (0.5 * attention[0].mean(0).double().numpy() + 0.5 * np.eye(17)) @ flow
    assert len(kept) == 6 and flow.sum(1) == pytest.approx(np.ones(17), abs=1e-5)
    small = torch.from_numpy(flow[0, 1:].reshape(1, 1, 4, 4))
    assert np.allclose(found[0], torch.nn.functional.interpolate(small, (64, 64), mode="bilinear")[0, 0], atol=1e-6)


def test_relevance_is_kept_by_padding_as_tensorflows_nets_do_it():
    from timm.layers import Conv2dSame

    dice = torch.Generator().manual_seed(0)
    toy = Toy(Conv2dSame(3, 4, 3, stride=2, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2, bias=False))
    with torch.no_grad():
        for parameter in toy.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=dice))
    x = torch.rand(3, 3, 4, 4, generator=dice)
    asked = SaliencyQuery(toy, x, torch.tensor([0, 1, 0]), None)  # type: ignore[arg-type]
    found = methods.create("lrp").maps(asked).sum((1, 2))
    assert torch.allclose(found, asked.score().detach(), rtol=1e-4, atol=1e-5)
