"""Partition: for the smallest net of every timm module, both parts together equal the whole, gradients included."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from torch.overrides import TorchFunctionMode

from tests.nets.test_every_module import _smallest, _walked
from workbench.loop.freezing import freeze_all_but
from workbench.nets.loading.net_loader import load_net
from workbench.nets.partition.activations import Activations
from workbench.nets.partition.partition import Partition
from workbench.nets.partition.partitioned_net import PartitionedNet
from workbench.nets.partition.tracing import Untraceable
from workbench.tunings import select_moving_weights

DRAWN = {"normal_", "uniform_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_"}
# thinner or shorter than any that timm names, where the smallest is large
FEW = {"depth": 4}
SMALL = {
    **dict.fromkeys(("deepseek_vit", "gemma4_vit", "qwen3_vit", "beit", "naflexvit", "tnt"), FEW),
    "vision_transformer_sam": {"depth": 4, "global_attn_indexes": (2,)},
}
SIZES = {"byoanet": 256, "crossvit": 240, "efficientformer": 224, "deepseek_vit": 84, "hieradet_sam2": 64}
BLOCK = torch.randn(1 << 16, generator=torch.Generator().manual_seed(0))


class Quick(TorchFunctionMode):
    """Random weights from one block over and over: drawing them would take longer than what is tested."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if name in DRAWN and isinstance(x := (args or [kwargs.get("tensor")])[0], torch.Tensor) and x.numel():
            with torch._C.DisableTorchFunction(), torch.no_grad():
                scale = x[0].numel() ** -0.5 if x.ndim > 1 else 0.1
                return x.copy_((BLOCK * scale).repeat(x.numel() // len(BLOCK) + 1)[: x.numel()].view(x.shape))
        return args[0] if name == "erfinv_" else func(*args, **(kwargs or {}))


def opened(module):
    """The smallest net of a timm module, at the smallest size that it takes."""
    for size in (SIZES.get(module, 32), 64, 96, None):
        try:
            with Quick():
                net = load_net(_smallest(module), pretrained=False, size=size, **SMALL.get(module, {}))
        except Exception:
            continue
        return net
    raise AssertionError(f"{module} opens at no size")


def split_in_the_middle(net):
    names = [stage.name for stage in net.stages]
    middle = len(names) // 2
    rates = [0.0] * middle + [1.0] * (len(names) - middle)
    freeze_all_but(net, select_moving_weights(net, rates))
    return set(names[middle:])


def off(a, b):
    return float(((a - b).norm() / b.norm().clamp(min=1e-6)).detach())


@pytest.mark.parametrize("module", _walked())
def test_both_parts_are_the_whole(module, monkeypatch):
    monkeypatch.setattr(Partition, "_check_equivalence", lambda _: None)  # what follows is stricter
    net = opened(module)
    moving = split_in_the_middle(net)
    cut = Partition(net, moving)
    net.eval()  # batch statistics over two images of one pixel say nothing
    x = torch.rand(2, 3, *[net.preprocessing.size] * 2, generator=torch.Generator().manual_seed(1))
    x = x.contiguous(memory_format=torch.channels_last)
    light = net.preprocessing.size <= 64 and sum(p.numel() for p in net.parameters()) < 1e7
    weights = [p for p in net.parameters() if p.requires_grad]
    with torch.set_grad_enabled(light):
        whole, parts = net.forward_features(x), cut.forward_moving(cut.forward_frozen(x))
    assert off(parts, whole) < 1e-5
    if light:
        wanted, found = (torch.autograd.grad(y.square().sum(), weights, allow_unused=True) for y in (whole, parts))
        scale = sum(g.norm() for g in wanted if g is not None)
        assert scale > 0
        for a, b in zip(found, wanted, strict=True):
            assert (a is None) == (b is None) and (a is None or (a - b).norm() <= 1e-5 * scale)


@pytest.fixture
def small():
    """A net of four stages and a head, for 32-pixel images, its upper half moving."""
    net = load_net("test_resnet", pretrained=False, size=32)
    split_in_the_middle(net)
    return PartitionedNet(net)


@pytest.fixture
def batch(small):
    """Pixels, their activations, and the list of how many images were read as pixels."""
    cut = Partition(small, {stage.name for stage in small.stages[3:]})
    x, read = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(2)), []

    def pixels(where):
        read.append(len(where))
        return x[where[:, 0]]

    return x, Activations(cut, cut.forward_frozen(x), torch.arange(6)[:, None], pixels, x.shape), read


def test_training_the_moving_part_trains_the_net(small):
    """The loss curve of the partitioned net is that of the net itself, batch norm's statistics and dropout included."""
    curves = []
    for cutting in (False, True):
        net = copy.deepcopy(small).double()
        moving = split_in_the_middle(net)
        cut = Partition(net, moving)
        optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1)
        x = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(1), dtype=torch.double)
        stored, losses = cut.forward_frozen(x), []
        for step in range(4):
            torch.manual_seed(step)
            features = cut.forward_moving(stored) if cutting else net.forward_features(x)
            loss = net.head(torch.nn.functional.dropout(features, 0.3)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        net.eval()
        curves.append([*losses, *net(x).flatten().tolist()])
    assert curves[0] == pytest.approx(curves[1], rel=1e-9) and curves[0][3] < curves[0][0]


@pytest.mark.parametrize("name", ["ghostnet_050", "test_resnet"])
def test_chance_outside_of_the_stages_own_modules_is_kept(name):
    """Some nets drop features out between their last stage and their head, in their own code."""
    net = load_net(name, pretrained=False, size=64, drop_rate=0.5)
    freeze_all_but(net, select_moving_weights(net, [0.0] * (len(net.stages) - 1) + [1.0]))
    cut, x = Partition(net, {"head"}), torch.rand(3, 3, 64, 64)
    parts, answers = cut.forward_frozen(x), []
    for seed, call in itertools.product((0, 1), (lambda: cut.forward_moving(parts), lambda: net.forward_features(x))):
        torch.manual_seed(seed)
        answers.append(call())
    assert off(answers[0], answers[1]) < 1e-5 and off(answers[2], answers[3]) < 1e-5
    assert off(answers[0], answers[2]) > 0.1


def test_the_boundary_has_the_fewest_bytes(small):
    names = [stage.name for stage in small.stages]
    cuts = {names[first]: Partition(small, set(names[first:])) for first in range(1, len(names))}
    assert cuts["head"].n_values == small.feature_dim
    # the sum after a block is stored, not its two terms; the output of layer2 is a map (48, 4, 4) at 32 pixels
    assert [layout.shape for layout in cuts["layer3"].layouts] == [(1, 4, 4, 48)]
    assert cuts["layer3"].last_frozen_stage == "layer2"


def test_constants_are_computed_once():
    net = load_net("test_vit", pretrained=False, size=32)
    moving = split_in_the_middle(net)
    cut, x = Partition(net, moving), torch.rand(4, 3, 32, 32)
    parts, calls = cut.forward_frozen(x), []
    net.get_submodule("backbone.patch_embed").register_forward_hook(lambda *_: calls.append("patches"))
    net.get_submodule("backbone.blocks.0").register_forward_hook(lambda *_: calls.append("block"))
    cut.forward_moving(parts), cut.forward_moving(parts)
    assert calls == []
    cut.forward_frozen(x)
    assert calls == ["patches", "block"]


def test_nothing_to_store_where_the_first_stage_moves(small):
    with pytest.raises(Untraceable, match="first stage moves"):
        Partition(small, {stage.name for stage in small.stages})


def test_cutting_leaves_the_net_as_it_was(small):
    before = {name: t.clone() for name, t in small.state_dict().items()}
    modes, chance = [m.training for m in small.modules()], torch.get_rng_state()
    cut = Partition(small, {"head", small.stages[-2].name})
    cut.forward_frozen(torch.rand(2, 3, 32, 32, generator=torch.Generator()))
    assert [m.training for m in small.modules()] == modes and torch.equal(torch.get_rng_state(), chance)
    assert all(torch.equal(t, before[name]) for name, t in small.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in small.modules())


def test_the_key_follows_what_is_frozen(small):
    top = {stage.name for stage in small.stages[3:]}
    key = Partition(small, top).key
    assert Partition(copy.deepcopy(small), top).key == key
    with torch.no_grad():
        small.head.weight.add_(1)
        small.get_submodule("backbone.layer4.0.conv1").weight.add_(1)
    assert Partition(small, top).key == key, "weights that move are not part of it"
    with torch.no_grad():
        small.get_submodule("backbone.layer1.0.conv1").weight.add_(1)
    assert Partition(small, top).key != key
    assert Partition(small, top, torch.bfloat16).key != Partition(small, top).key


def test_activations_stand_for_pixels(small, batch):
    x, stored, read = batch
    small.eval()
    assert stored.shape == x.shape and len(stored) == 6
    assert off(small(stored), small(x)) < 1e-5 and off(small.features(stored), small.features(x)) < 1e-5
    for change in (
        lambda t: torch.cat([t[:2], t[4:]]),
        lambda t: t.tensor_split(4)[1],
        lambda t: t.split([1, 5])[1],
        lambda t: t[torch.tensor([3, 1, 1])],
        lambda t: t[torch.tensor([True, False] * 3)],
        lambda t: t.flip(0),
        lambda t: t.chunk(3)[2].contiguous(memory_format=torch.channels_last),
    ):
        assert isinstance(change(stored), Activations)
        assert off(small(change(stored)), small(change(x))) < 1e-5
    assert torch.zeros_like(stored).shape == x.shape and stored.new_ones(3).shape == (3,)
    assert read == []


def test_whoever_looks_at_the_pixels_gets_them(small, batch):
    x, stored, read = batch
    small.eval()
    mixed = 0.3 * stored + 0.7 * stored.flip(0)
    assert torch.allclose(mixed, 0.3 * x + 0.7 * x.flip(0)) and read == [6, 6]
    teacher = copy.deepcopy(small)
    assert off(teacher(stored), teacher(x)) < 1e-5, "another net is not cut"
    assert off(small.backbone(small.normalize(stored)), small.backbone(small.normalize(x))) < 1e-5
    part = torch.nn.functional.interpolate(stored[1:3], (16, 16))
    assert torch.allclose(part, torch.nn.functional.interpolate(x[1:3], (16, 16))) and read[-1] == 2


def test_gradients_reach_the_pixels_where_they_are_asked_for(small, batch):
    x, stored, _ = batch
    small.eval()
    found, wanted = (
        torch.autograd.grad(small(t.detach().clone().requires_grad_()).square().sum(), small.head.weight)[0]
        for t in (stored, x)
    )
    assert off(found, wanted) < 1e-5
    leaf, plain = stored.detach().clone().requires_grad_(), x.clone().requires_grad_()
    (a,), (b,) = (torch.autograd.grad(small(t).square().sum(), t) for t in (leaf, plain))
    assert off(a, b) < 1e-5


def test_a_cut_that_is_wrong_is_refused(small, monkeypatch):
    """A net whose frozen layers mix the images of a batch cannot be evaluated image by image."""

    def mixing(_module, _args, out):
        return out + out.mean(0, keepdim=True)

    small.get_submodule("backbone.layer1").register_forward_hook(mixing)
    with pytest.raises(Untraceable, match="the partitioned net's output differs from the original"):
        Partition(small, {stage.name for stage in small.stages[3:]})
