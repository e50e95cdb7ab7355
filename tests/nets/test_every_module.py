"""The contract of a net, over the smallest net of every module of timm.

Built without memory and run on torch's meta device: what is checked is structure and the order of execution, not
numbers, so that the largest (412 M weights) takes seconds too. `WORKBENCH_NIGHTLY=1` walks every architecture of
timm instead of one a module. A few of all architectures are drawn at random besides.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest
import timm
import torch
from timm.models._registry import _module_to_models

from workbench.nets import shape_inference, structure
from workbench.nets.catalogue import size_survey
from workbench.nets.loading import model_builders
from workbench.nets.loading.net_loader import load_net

NIGHTLY = os.environ.get("WORKBENCH_NIGHTLY") == "1"
# measured once over timm 1.0.31; modules not listed (of a newer timm) are searched
SMALLEST = """
beit_base_patch16_224 halonet_h1 test_byobnet cait_xxs24_224 coat_tiny convit_tiny convmixer_768_32 test_convnext
cpubone_nano crossvit_tiny_240 csatv2 cs3darknet_focus_s cspnext_tiny davit_tiny deepseek_vit_412m
deit_tiny_patch16_224 densenet121 dla46x_c dpn48b edgenext_xx_small efficientformer_l1 efficientformerv2_s0
test_efficientnet efficientvim_m1 efficientvit_b0 efficientvit_m0 vit_tiny_patch16_dinov3_qkvb fasternet_t0 fastvit_t8
focalnet_tiny_srf gcvit_xxtiny gemma4_vit_167m ghostnet_050 hardcorenas_b hgnetv2_b0 hiera_tiny_224 sam2_hiera_tiny
hrnet_w18_small iformer_t inception_next_atto inception_resnet_v2 inception_v3 inception_v4 lcnetv2_small levit_128s
lowformer_b0 test_mambaout test_coatnet poolformerv2_s12 gmlp_ti16_224 mobilenetv3_small_050 mobilenetv5_base
mobilevit_xxs mvitv2_tiny naflexvit_base_patch16_parfac_gap nasnetalarge jx_nest_tiny nextvit_small test_nfnet
pit_ti_224 pnasnet5large pvt_v2_b0 qwen3_vit_88m rdnet_tiny regnetx_002 repghostnet_050 repvit_m1 res2next50 resnest14d
test_resnet resnetv2_18 rexnet_100 selecsls42 legacy_seresnet18 sequencer2d_s shvit_s1 skresnet18 starnet_s050
swiftformer_xs swin_tiny_patch4_window7_224 swinv2_tiny_window16_256 swinv2_cr_tiny_224 tiny_vit_5m_224
tnt_s_legacy_patch16_224 tresnet_m twins_svt_small vgg11 visformer_tiny test_vit vit_tiny_r_s16_p8_224 test_vit_relpos
samvit_base_patch16_224 vitamin_small_224 volo_d1_224 ese_vovnet19b_slim_dw legacy_xception xception41p
xcit_nano_12_p8_224
""".split()  # noqa: SIM905
# heads of every kind, small enough for a real pass; distilled ones have two
REAL = """
test_vit test_resnet test_nfnet test_convnext deit_tiny_distilled_patch16_224 pit_ti_distilled_224 levit_128s
crossvit_tiny_240 efficientvim_m1 efficientvim_m1_dist efficientformerv2_s0 repvit_m0_9 mobilenetv3_small_050
fasternet_t0 volo_d1_224 poolformerv2_s12 xcit_nano_12_p8_224 selecsls42 inception_next_atto vitamin_small_224
vit_tiny_patch16_dinov3_qkvb efficientvit_m0
""".split()  # noqa: SIM905


def _smallest(module):
    names = sorted(_module_to_models[module])
    listed = [n for n in SMALLEST if n in names]
    if listed:
        return listed[0]

    def size(name):
        with torch.device("meta"):
            return sum(p.numel() for p in timm.create_model(name).parameters())

    return min(names, key=size)


def _walked():
    if NIGHTLY:
        return [n for m in sorted(_module_to_models) for n in sorted(_module_to_models[m]) if not n.endswith("_sam")]
    return sorted(_module_to_models)


@pytest.fixture
def hollow(request):
    """A net without memory, its head new, for 7 classes."""
    name = request.param if NIGHTLY else _smallest(request.param)
    with torch.device("meta"):
        net = load_net(name, pretrained=False)
    net.reset_head(7)
    return net


def _executed(net):
    """Stages in the order in which a layer of each first ran, and the logits of two images."""
    owner = {m: place for place, stage in enumerate(net.stages) for m in stage.module_names}
    order = []

    def note(place):
        return lambda module, inputs: order.append(place) if place not in order else None

    weighty = [(n, m) for n, m in net.named_modules() if n in owner and [*m.parameters(recurse=False)]]
    hooks = [m.register_forward_pre_hook(note(owner[n])) for n, m in weighty]
    size = net.preprocessing.size
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    try:
        with torch.no_grad():
            try:
                logits = torch.func.functional_call(net, tensors, (torch.zeros(2, 3, size, size, device="meta"),))
            except (RuntimeError, IndexError):  # the meta device lacks an LSTM with projections: real numbers then
                order.clear()
                logits = net.to_empty(device="cpu").float()(torch.zeros(2, 3, size, size))
    finally:
        for hook in hooks:
            hook.remove()
    return order, logits


def _check_contract(net):
    stages = net.stages
    names = [s.name for s in stages]
    assert names[-1] == "head" and len(names) == len(set(names)) >= 3
    assert all(stage.n_parameters for stage in stages), "a stage without weights is nothing to train"
    tensors = sorted(t for s in stages for t in s.tensor_names)
    assert tensors == sorted([n for n, _ in net.named_parameters()] + [n for n, _ in net.named_buffers()])
    owned = [m for s in stages for m in s.module_names]
    assert len(owned) == len(set(owned))
    leaves = {n for n, m in net.named_modules() if next(m.children(), None) is None}
    assert leaves <= set(owned)
    assert all(m == "head" or m.startswith("head.") for m in stages[-1].module_names)
    assert sum(s.n_parameters for s in stages) == sum(p.numel() for p in net.parameters())
    assert sum(s.parameter_fraction for s in stages) == pytest.approx(1)
    order, logits = _executed(net)
    assert logits.shape == (2, 7)
    assert order == sorted(order), f"stages ran as {[names[i] for i in order]}"
    assert len(order) == len(stages), f"never ran: {[n for i, n in enumerate(names) if i not in order]}"


@pytest.mark.parametrize("hollow", _walked(), indirect=True)
def test_stages_part_the_net_in_the_order_data_flows(hollow):
    _check_contract(hollow)


def _drawn(count, names):
    """Architectures drawn at random, others in each run; the seed is printed, and taken from `WORKBENCH_DRAW`."""
    seed = int(os.environ.get("WORKBENCH_DRAW") or random.SystemRandom().randrange(10**6))
    found = random.Random(seed).sample(names, count)
    # pytest shows it where the test fails
    sys.stdout.write(f"WORKBENCH_DRAW={seed} draws {', '.join(found)}\n")
    return found


def test_architectures_drawn_at_random_keep_the_contract():
    for name in _drawn(2, sorted(timm.list_models())):
        with torch.device("meta"):
            net = load_net(name, pretrained=False)
        net.reset_head(7)
        _check_contract(net)


TRAIN = """
import contextlib, sys
import torch
from workbench.nets.loading.net_loader import load_net
torch.set_num_threads(1)
net = load_net(sys.argv[1], classes=3, pretrained=False).to(memory_format=torch.channels_last).train()
x = torch.rand(2, 3, *[net.preprocessing.size] * 2).contiguous(memory_format=torch.channels_last)
with contextlib.suppress(ValueError):  # batch norm over one pixel of two images
    net(x).square().mean().backward()
    assert any(p.grad is not None and p.grad.any() for p in net.parameters())
"""


def test_small_architectures_drawn_at_random_train():
    """Each in a process of its own: torch 2.15's channels-last kernels corrupt memory for some, such as FastViT."""
    for name in _drawn(2, _small_architectures()):
        done = subprocess.run([sys.executable, "-c", TRAIN, name], capture_output=True, text=True, timeout=300)
        if done.returncode < 0:
            pytest.skip(f"torch ended the process that trained {name}, by signal {-done.returncode}")
        assert done.returncode == 0, done.stderr


def _small_architectures():
    sizes = size_survey.read_size_table(size_survey.TABLE_PATH)
    small = {key.architecture for key, size in sizes.items() if size.n_parameters < 8e6 and max(key[1:3]) <= 256}
    return sorted(small & set(timm.list_models()))


def test_small_architectures_drawn_at_random_are_opened_again(tmp_path):
    for name in _drawn(2, _small_architectures()):
        net = load_net(name, classes=3, pretrained=False)
        x = torch.rand(2, 3, *[net.preprocessing.size] * 2)
        net.eval().save(tmp_path / "net.safetensors")
        again = load_net(tmp_path / "net.safetensors")
        assert structure.hash_net(again) == structure.hash_net(net)
        with torch.no_grad():
            torch.testing.assert_close(again(x), net(x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", _walked() if NIGHTLY else REAL)
def test_logits_are_those_of_timm(name):
    if not timm.is_model(name):
        name = _smallest(name) if name in _module_to_models else pytest.skip(f"this timm has no {name}")
    net, theirs = load_net(name, pretrained=False, seed=4), model_builders.call_with_seed(4, timm.create_model, name)
    size = net.preprocessing.size
    x = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours, expected = net(x), theirs((x - net.mean) / net.std)
        if expected.ndim > 2:  # no classifier: timm gives the map, a net its mean
            expected = expected.mean((2, 3)) if expected.ndim == 4 else expected.mean(1)
        features = net.features(x)
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)
        assert features.shape == (2, net.feature_dim)
        if not getattr(net.head, "takes_map", False):
            torch.testing.assert_close(net.head(features), ours)


def test_every_module_of_timm_is_walked():
    assert len(_walked()) >= 98
    missing = [n for n in SMALLEST if not timm.is_model(n)]
    assert not missing, f"renamed in this timm: {missing}"


def test_measuring_leaves_statistics_and_modes_alone():
    net = load_net("test_resnet", pretrained=False).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    shape_inference.run_test_image(net, 64, method=net.features)
    assert net.training and all(m.training for m in net.modules())
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
