"""What every saliency method promises, over the registry: a new file is tested by being there."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import forms
from workbench.errors import BadValue, WorkbenchError
from workbench.probes.maps import methods

CHEAP = {"integrated-gradients": {"steps": 2}, "occlusion": {"steps": 2}, "score-cam": {"channels": 2}}
CHEAP["gradient-shap"] = {"samples": 2}
NETS = ("test_resnet", "test_vit", "test_mambaout")


@pytest.fixture(scope="module")
def nets():
    made = {name: wb.load_net(name, classes=3, pretrained=False, size=64) for name in NETS}
    return {name: net.train() for name, net in made.items()}


@pytest.fixture(scope="module")
def x():
    return torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def state(net):
    """Everything that a probe might leave behind."""
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in net.modules()]
    fused = [getattr(m, "fused_attn", None) for m in net.modules()]
    weights = [(p.requires_grad, p.grad is None, p._version) for p in net.parameters()]
    random = (torch.get_rng_state().sum().item(), np.random.get_state()[1].sum())
    return [m.training for m in net.modules()], hooks, fused, weights, random, torch.is_grad_enabled()


@pytest.mark.parametrize("frozen", [False, True], ids=["moving", "frozen"])
@pytest.mark.parametrize("method", list(methods))
@pytest.mark.parametrize("name", NETS)
def test_a_map_or_a_sentence_and_nothing_left_behind(nets, x, name, method, frozen):
    net = nets[name].requires_grad_(not frozen)
    before = state(net)
    try:
        found = wb.probes.saliency(net, x, method, target=0, **CHEAP.get(method, {}))
    except BadValue as refusal:
        assert method in ("lrp", "attention-rollout") and "use " in str(refusal)
        assert (method, name) not in (("lrp", "test_resnet"), ("attention-rollout", "test_vit"))
    else:
        assert found.maps.shape == (3, 64, 64) and np.isfinite(found.maps).all() and found.maps.any()
        assert (found.layer is not None) == methods[method].reads_stage
        assert found.signed or found.maps.min() >= 0
        assert np.abs(found.normalized_maps).max() <= 1 + 1e-6
    assert state(net) == before


@pytest.mark.parametrize("method", list(methods))
def test_nothing_is_left_behind_after_an_error(nets, x, method):
    net = nets["test_vit"].requires_grad_(True)
    before = state(net)

    def broken(*_):
        raise RuntimeError("out of memory")

    handle = net.head.register_forward_hook(broken)
    try:
        with pytest.raises((RuntimeError, WorkbenchError)):
            wb.probes.saliency(net, x, method, target=0, **CHEAP.get(method, {}))
    finally:
        handle.remove()
    assert state(net) == before


@pytest.mark.parametrize("method", [m for m in methods if m not in ("gradient-shap",)])
def test_pictures_do_not_change_each_others_maps(nets, x, method):
    net = nets["test_vit" if method == "attention-rollout" else "test_resnet"]
    together = wb.probes.saliency(net, x, method, **CHEAP.get(method, {})).maps
    alone = wb.probes.saliency(net, x[1], method, **CHEAP.get(method, {})).maps
    assert np.allclose(together[1], alone[0], atol=1e-5 * max(np.abs(alone).max(), 1e-6) + 1e-9, rtol=1e-3)


def test_every_method_says_what_it_is_and_where_it_is_from():
    table = wb.probes.describe_saliency_methods()
    assert len(table) >= 13 and list(table.columns) == ["name", "description", "paper", "parameters"]
    for name, cls in methods.classes().items():
        assert cls.paper and inspect.getdoc(cls), name
        assert inspect.getsource(inspect.getmodule(cls)).count("\n") <= 80, name
        for field in forms.constructor_fields(cls):
            assert field.help and (field.range is not None or field.options), f"{name}.{field.name}"
