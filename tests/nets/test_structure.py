"""A net's identity: each change that alters what it computes gives another, and nothing else does."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import types

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

import workbench as wb
from workbench.errors import BadValue
from workbench.loop.precision.auto_precision import trial_key
from workbench.nets import structure
from workbench.nets.loading import model_builders
from workbench.nets.loading.net_loader import load_net
from workbench.nets.partition.partition import Partition
from workbench.plan import Schedule
from workbench.tunings import MovingWeights


@pytest.fixture(scope="module")
def net():
    """A small residual net for images of 32 px."""
    return load_net("test_resnet", pretrained=False, size=32)


@pytest.fixture
def changed(net):
    """A function that gives a copy of the net after something was done to it."""

    def change(how):
        other = copy.deepcopy(net)
        how(other)
        return other

    return change


def first(net, kind):
    return next((name, module) for name, module in net.backbone.named_modules() if isinstance(module, kind))


def swap(kind, made):
    def how(net):
        name, _ = first(net, kind)
        parent, _, own = name.rpartition(".")
        setattr(net.backbone.get_submodule(parent), own, made())

    return how


def patched(net):
    _, module = first(net, nn.BatchNorm2d)
    module.forward = types.MethodType(lambda self, x: x, module)


def halved(_module, _inputs, out):
    return out / 2


CHANGES = {
    "another activation": swap(nn.ReLU, nn.GELU),
    "an activation's setting": swap(nn.ReLU, nn.ReLU6),
    "epsilon": lambda n: setattr(first(n, nn.BatchNorm2d)[1], "eps", 1e-3),
    "momentum": lambda n: setattr(first(n, nn.BatchNorm2d)[1], "momentum", 0.3),
    "padding": lambda n: setattr(first(n, nn.Conv2d)[1], "padding", (0, 0)),
    "stride": lambda n: setattr(first(n, nn.Conv2d)[1], "stride", (1, 1)),
    "a flag of the architecture": lambda n: setattr(n.backbone, "drop_rate", 0.5),
    "a flag nobody knows": lambda n: setattr(n.backbone.layer2, "mode", "fast"),
    "a plain tensor": lambda n: setattr(n.backbone.layer2, "scale", torch.tensor(2.0)),
    "a layer in a list": lambda n: setattr(n.backbone, "others", [nn.Linear(2, 2)]),
    "a patched method": patched,
    "a hook": lambda n: n.backbone.layer2.register_forward_hook(halved),
    "a module more": lambda n: n.backbone.add_module("more", nn.Linear(2, 2)),
    "a module less": lambda n: n.backbone.layer4.__delitem__(-1),
    "shared weights": lambda n: setattr(n.backbone.layer1[0].conv1, "bias", n.backbone.layer1[0].bn1.bias),
    "constants": lambda n: n.std.fill_(0.3),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_net_is_another_and_is_not_saved_as_it_was(net, changed, tmp_path, name):
    other = changed(CHANGES[name])
    assert structure.hash_net(other) != structure.hash_net(net)
    with pytest.raises(BadValue, match=r"changed by hand: .*state_dict.*timm"):
        other.save(tmp_path / "net.safetensors")
    with pytest.raises(BadValue, match="changed by hand"):
        wb.Plan(other, wb.load_images("digits", per_class=3)).in_memory["backbone"].store_with(tmp_path)
    assert not list(tmp_path.iterdir())


def test_other_weights_are_another_net_and_are_saved(net, changed, tmp_path):
    other = changed(lambda n: first(n, nn.Conv2d)[1].weight.data.mul_(1.5))
    assert structure.hash_net(other) != structure.hash_net(net)
    assert structure.hash_layers(other) == structure.hash_layers(net)
    other.save(tmp_path / "net.safetensors")
    assert structure.hash_net(load_net(tmp_path / "net.safetensors")) == structure.hash_net(other)


def test_what_changes_no_answer_changes_no_identity(net, changed, tmp_path):
    def used(other):
        other.train().requires_grad_(False)
        other(torch.rand(2, 3, 32, 32))
        assert other.stages[0].shape
        other.eval().to(memory_format=torch.channels_last)
        other.backbone.register_forward_hook(lambda *_: None)
        other.backbone.set_grad_checkpointing(True)

    norms = {name: copy.deepcopy(module.state_dict()) for name, module in net.named_modules()}
    other = changed(used)
    for name, module in other.named_modules():
        module.load_state_dict(norms[name])  # training changed the statistics
    assert structure.hash_net(other) == structure.hash_net(net)
    other.save(tmp_path / "net.safetensors")


def test_identity_is_the_same_in_another_process(net):
    program = (
        "from workbench.nets import load_net, structure\n"
        "print(structure.hash_net(load_net('test_resnet', pretrained=False, size=32)))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "7"}
    )
    assert said.stdout.strip() == structure.hash_net(net), said.stderr


def test_tables_kept_from_a_pass_are_no_part_of_a_net(tmp_path):
    net = load_net("levit_128s", pretrained=False)
    before = structure.hash_layers(net)
    with torch.no_grad():
        net(torch.rand(1, 3, 224, 224))
    assert structure.hash_layers(net) == before
    net.save(tmp_path / "net.safetensors")


def test_a_recurrent_layer_is_told_without_its_weights():
    assert (
        structure.describe_layers(nn.LSTM(2, 3))
        == structure.describe_layers(nn.LSTM(2, 3))
        != structure.describe_layers(nn.LSTM(2, 4))
    )


def test_stored_features_are_those_of_the_net_that_asks(net, changed):
    """What is stored for one net is never given to another one of its name."""
    images = wb.load_images("digits", per_class=2)
    other = changed(swap(nn.ReLU, nn.GELU))
    for layer in (None, "layer2"):
        for each in (net, other):
            stored = wb.extract_features(each, images, layer).array
            wb.activation_cache().clear()
            np.testing.assert_allclose(stored, wb.extract_features(each, images, layer).array, rtol=1e-3, atol=1e-4)
        assert (
            np.abs(
                wb.extract_features(net, images, layer).array - wb.extract_features(other, images, layer).array
            ).max()
            > 1e-3
        )


def test_a_file_opened_as_two_architectures_gives_two_nets(tmp_path):
    """Two architectures whose weights have the same names and shapes, but not the same epsilon and padding."""
    save_file(
        model_builders.call_with_seed(1, timm.create_model, "efficientnet_lite0").state_dict(),
        tmp_path / "w.safetensors",
    )
    names = ("efficientnet_lite0", "tf_efficientnet_lite0")
    nets = [load_net(tmp_path / "w.safetensors", architecture=name, size=32) for name in names]
    assert len({Partition(each, ()).key for each in nets}) == 2
    assert len({structure.hash_net(each) for each in nets}) == 2


@pytest.mark.parametrize("moving", [("head",), ("layer4", "head")])
def test_the_key_of_a_cut_sees_what_is_below_it(changed, moving):
    def key(how):
        return Partition(changed(how), moving).key

    plain = key(lambda _: None)
    assert key(lambda n: n.head.weight.data.mul_(2)) == plain, "what moves has no part in what is stored"
    for how in (swap(nn.ReLU, nn.GELU), CHANGES["epsilon"], CHANGES["a hook"], CHANGES["constants"]):
        assert key(how) != plain


def test_a_constant_of_the_course_is_a_part_of_the_key(changed):
    def scaled(by):
        def how(net):
            block = net.backbone.layer1[0]
            plain = type(block).forward
            block.by = torch.tensor(by)
            block.forward = types.MethodType(lambda self, x: plain(self, x) * self.by, block)

        return Partition(changed(how), ("layer4", "head")).key

    assert scaled(2.0) != scaled(3.0)


def test_trials_of_precision_are_kept_by_structure(net, changed):
    moving = MovingWeights((1.0,) * len(net.stages), frozenset(name for name, _ in net.named_parameters()))
    kept = {trial_key(Schedule(), each, moving) for each in (net, changed(swap(nn.ReLU, nn.GELU)))}
    assert len(kept) == 2
