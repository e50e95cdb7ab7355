"""Pooled features of any stage: right numbers, every layout, nothing left behind."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadData, BadValue, UnknownName
from workbench.probes import extract_features_by_stage, extract_stage_features


def centre_views(net, images):
    """What the net is shown of all images, from 0 to 1."""
    size = net.preprocessing.size
    view = images.view(size, net.preprocessing.interpolation, net.preprocessing.crop_pct)
    x, _ = view.load_batch(range(len(images)))
    edge = (x.shape[-1] - size) // 2
    return x[..., edge : edge + size, edge : edge + size].float() / 255


def hooks(net):
    return sum(len(module._forward_hooks) for module in net.modules())


def test_every_stage_of_a_residual_net(toy, tiny):
    net = tiny("test_resnet")
    found = extract_features_by_stage(net, toy)
    assert list(found) == [stage.name for stage in net.stages[:-1]]
    x = net.normalize(centre_views(net, toy))
    with torch.no_grad():
        stem = net.backbone.maxpool(net.backbone.act1(net.backbone.bn1(net.backbone.conv1(x))))
        first = net.backbone.layer1(stem)
    assert np.allclose(found["stem"].x, stem.mean((2, 3)), atol=1e-5)
    assert np.allclose(found["layer1"].x, first.mean((2, 3)), atol=1e-5)
    assert found["layer1"].ids.tolist() == toy.frame["id"].tolist() and (found["layer1"].y == toy.labels()).all()
    assert len(found["stem"]) == 96 and found["stem"].x.dtype == np.float32


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext", "test_efficientnet", "test_mambaout"])
def test_what_the_head_reads(name, toy, tiny):
    net = tiny(name)
    part = toy.subset(rows=range(8))
    with torch.no_grad():
        expected, logits = net.features(centre_views(net, part)), net(centre_views(net, part))
    assert np.allclose(extract_stage_features(net, part).x, expected, atol=1e-5)
    assert np.allclose(extract_stage_features(net, part, "head").x, logits, atol=1e-5)


def test_tokens_by_the_class_token_or_their_mean(toy, tiny):
    part = toy.subset(rows=range(4))
    kept = {}
    for pool in ("token", "avg"):
        net = tiny("test_vit", global_pool=pool)
        with torch.no_grad():
            tokens = net.backbone.forward_intermediates(net.normalize(centre_views(net, part)), indices=[0], norm=False)
        grid = tokens[1][0].mean((2, 3)).numpy()
        kept[pool] = extract_stage_features(net, part, "blocks.0").x
        assert np.allclose(kept[pool], grid, atol=1e-5) == (pool == "avg")
    assert kept["token"].shape == kept["avg"].shape == (4, 64)


def test_maps_with_their_channels_last(toy):
    net = wb.load_net("swin_tiny_patch4_window7_224", pretrained=False, embed_dim=8, depths=(1, 1), num_heads=(1, 1))
    found = extract_features_by_stage(net, toy.subset(rows=range(2)))
    assert {name: value.x.shape[1] for name, value in found.items()}["layers.1"] == 16
    stage = next(s for s in net.stages if s.name == "layers.1")
    assert stage.shape == (28, 28, 16)


def test_nothing_is_left_behind(toy, tiny):
    net = tiny("test_resnet").train()
    net.backbone.bn1.eval()
    net.backbone.conv1[0].weight.requires_grad_(False)
    before = [module.training for module in net.modules()]
    state = {name: value.clone() for name, value in net.state_dict().items()}
    extract_features_by_stage(net, toy)
    assert [module.training for module in net.modules()] == before and hooks(net) == 0
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert [p.requires_grad for p in net.parameters()].count(False) == 1
    assert torch.is_grad_enabled() and all(p.grad is None for p in net.parameters())


def test_nothing_is_left_behind_after_an_error(toy, tiny):
    net = tiny("test_resnet").train()
    before = [module.training for module in net.modules()]

    def broken(*_):
        raise RuntimeError("out of memory")

    handle = net.backbone.layer3.register_forward_hook(broken)
    with pytest.raises(RuntimeError, match="out of memory") as caught:
        extract_features_by_stage(net, toy)
    handle.remove()
    assert caught.value and [module.training for module in net.modules()] == before and hooks(net) == 0


def test_a_part_of_the_images(two_domains, tiny):
    net = tiny("test_resnet")
    dark = extract_stage_features(net, two_domains, "stem", domain="dark", split="valid")
    assert dark.ids.tolist() == two_domains.subset("valid", "dark").frame["id"].tolist()


def test_refusals(toy, tiny):
    net = tiny("test_resnet")
    with pytest.raises(UnknownName, match="did you mean layer"):
        extract_stage_features(net, toy, "layer9")
    with pytest.raises(BadData, match="split 'test'"):
        extract_stage_features(net, toy, split="test")


def test_a_stage_without_a_single_tensor(toy, tiny, monkeypatch):
    net = tiny("test_resnet")
    monkeypatch.setattr(type(net), "_measure_stage_shapes", lambda self: dict.fromkeys([s.name for s in self.stages]))
    with pytest.raises(BadValue, match="no single tensor"):
        extract_stage_features(net, toy, "layer1")
