"""Net: features and logits, new heads, stages that keep up, copies and files."""

from __future__ import annotations

import copy

import pytest
import torch

from workbench.errors import BadValue, UnknownName
from workbench.nets.loading.net_loader import load_net
from workbench.plan import Plan, to_choice

KINDS = ["test_efficientnet", "test_vit", "squeezenet1_1", "deit_tiny_distilled_patch16_224", "test_convnext"]


@pytest.fixture(params=KINDS)
def net(request):
    return load_net(request.param, pretrained=False, seed=2)


def test_bytes_and_shares_are_the_same_pixels(net, pixels):
    torch.testing.assert_close(net(pixels), net(pixels.float() / 255), atol=1e-5, rtol=1e-5)


def test_normalise_is_the_preprocessing(pixels):
    net = load_net(
        "test_efficientnet", pretrained=False, preprocessing={"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.4, 0.2)}
    )
    expected = (pixels[0, 2, 5, 7] / 255 - 0.3) / 0.2
    torch.testing.assert_close(net.normalize(pixels)[0, 2, 5, 7], expected)


def test_a_new_head_reads_features(net, pixels):
    net.reset_head(["x", "y", "z"])
    features = net.features(pixels)
    assert features.shape == (4, net.feature_dim)
    torch.testing.assert_close(net(pixels), net.head(features))
    assert net.classes == ("x", "y", "z") and net.choice.params["classes"] == ["x", "y", "z"]
    assert net.stages[-1].n_parameters == 3 * net.feature_dim + 3


def test_features_and_head_are_the_two_steps_of_a_pass(net, pixels):
    features = net.forward_features(pixels)
    torch.testing.assert_close(net.forward_head(features), net(pixels))
    assert torch.equal(net.forward_head(features, pre_logits=True), features)
    out = net.backbone(net.normalize(pixels))
    torch.testing.assert_close(net.forward_head(out), net(pixels))
    torch.testing.assert_close(net.forward_head(out, pre_logits=True), features)


def test_a_new_head_is_small_seeded_and_alone():
    net = load_net("test_efficientnet", pretrained=False)
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    net.reset_head(100, seed=1)
    assert torch.equal(torch.rand(2), expected)
    first = net.head.weight.clone()
    assert 0.009 < first.std() < 0.011 and not net.head.bias.any()
    net.reset_head(100, seed=2)
    assert not torch.equal(net.head.weight, first)
    net.reset_head(100, seed=1)
    assert torch.equal(net.head.weight, first)


@pytest.mark.parametrize("classes", [0, 1, ["a", "a"], "ab", None])
def test_a_head_that_tells_nothing_apart_is_refused(classes):
    net = load_net("test_efficientnet", pretrained=False)
    with pytest.raises(BadValue):
        net.reset_head(classes)
    assert net.head.out_features == 1000


def test_the_map_head_of_squeezenet_is_torchvisions():
    import torchvision

    from workbench.nets.loading import model_builders

    net = load_net("squeezenet1_1", pretrained=False, seed=7)
    theirs = model_builders.call_with_seed(7, torchvision.models.squeezenet1_1)
    x = torch.rand(2, 3, 96, 96)
    torch.testing.assert_close(net(x), theirs((x - net.mean) / net.std), atol=1e-5, rtol=1e-5)
    assert net.features(x).shape == (2, 512) == (2, net.feature_dim)


@pytest.mark.parametrize("name", ["alexnet", "googlenet"])
def test_the_other_two_are_torchvisions(name):
    import torchvision

    from workbench.nets.loading import model_builders, torchvision_nets

    net = load_net(name, pretrained=False, seed=7)
    theirs = model_builders.call_with_seed(
        7, getattr(torchvision.models, name), **torchvision_nets.get_builder_arguments(name)
    )
    x = torch.rand(2, 3, 96, 96)
    torch.testing.assert_close(net(x), theirs((x - net.mean) / net.std), atol=1e-5, rtol=1e-5)


def test_a_copy_is_whole_and_apart(net, pixels):
    twin = copy.deepcopy(net)
    assert torch.equal(twin(pixels), net(pixels))
    assert [s.shape for s in twin.stages] == [s.shape for s in net.stages]
    with torch.no_grad():
        next(twin.parameters()).add_(1)
    twin.reset_head(3)
    assert not torch.equal(next(twin.parameters()), next(net.parameters()))
    assert net(pixels).shape[1] > 3 and net.stages[-1].n_parameters != twin.stages[-1].n_parameters


@pytest.mark.parametrize("classes", [None, ["a", "b", "c"], 4])
def test_a_saved_net_is_the_same_net(net, classes, tmp_path, pixels):
    if classes is not None:
        net.reset_head(classes)
    choice = net.store_with(tmp_path)
    again = load_net(choice.name, **choice.params)
    assert torch.equal(again(pixels), net(pixels)) and again.classes == net.classes
    assert again.preprocessing == net.preprocessing and again.provenance == net.provenance
    assert [s.name for s in again.stages] == [s.name for s in net.stages]
    assert again.choice == choice


def test_saving_wants_a_place():
    net = load_net("test_efficientnet", pretrained=False)
    with pytest.raises(BadValue, match=r"\.safetensors"):
        net.save("net.pt")
    with pytest.raises(BadValue, match="there is no folder"):
        net.save("/nowhere/at/all/net.safetensors")


def test_a_plan_takes_a_net(pixels):
    net = load_net("test_efficientnet", 3, pretrained=False, size=64)
    assert to_choice(net, "backbone") == net.choice and hasattr(net, "store_with")
    assert Plan  # a plan finds its backbone through the two above


def test_stages_are_found_by_name(net):
    outer = net.get_stage_module(net.stages[1].name)
    assert {n for n, _ in outer.named_parameters()} and net.get_stage_module("head") is net.head
    with pytest.raises(UnknownName, match="no stage of this net"):
        net.get_stage_module("nothing")


def test_training_mode_and_gradients_reach_every_weight(net, pixels):
    net.reset_head(3)
    net.train()
    net(pixels).sum().backward()
    still = [n for n, p in net.named_parameters() if p.grad is None]
    assert not still


@pytest.mark.parametrize("wrong", [torch.full((1, 3, 32, 32), 255.0), torch.zeros(1, 3, 32, 32, dtype=torch.int64)])
def test_pixels_on_another_scale_are_refused(wrong):
    with pytest.raises(BadValue, match="uint8 from 0 to 255 or floats from 0 to 1"):
        load_net("test_efficientnet", pretrained=False)(wrong)


def test_a_saved_recipe_also_gives_a_random_net(tmp_path, pixels):
    net = load_net("test_efficientnet", ["a", "b", "c"], pretrained=False, size=64)
    net.save(tmp_path / "net.safetensors")
    control = load_net(tmp_path / "net.safetensors", pretrained=False, seed=8)
    assert control(pixels).shape == (4, 3) and control.preprocessing == net.preprocessing
    assert not torch.equal(control.backbone.conv_stem.weight, net.backbone.conv_stem.weight)


def test_channels_last_lays_kernels_out_as_torch_does():
    # the strides of 1 x 1 and depthwise kernels, which fit both layouts, decide which kernel computes, and so its bits
    ours, theirs = (load_net("test_efficientnet", pretrained=False) for _ in range(2))
    ours.to(memory_format=torch.channels_last)
    torch.nn.Module.to(theirs, memory_format=torch.channels_last)
    strides = {name: p.stride() for name, p in theirs.named_parameters()}
    assert {name: p.stride() for name, p in ours.named_parameters()} == strides
