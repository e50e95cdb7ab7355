"""Rates, exclusions from weight decay, clipping, accumulation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from workbench.loop.optimizer import GradientStepper, lr_schedule_factor, make_optimizer, set_learning_rates
from workbench.plan import Schedule


def test_cosine_after_warm_up_by_hand():
    schedule = Schedule(warmup=0.2)
    assert lr_schedule_factor(schedule, 0.1) == pytest.approx(0.5)
    assert lr_schedule_factor(schedule, 0.2) == pytest.approx(1.0)
    assert lr_schedule_factor(schedule, 0.6) == pytest.approx(0.5)
    assert lr_schedule_factor(schedule, 1.0) == pytest.approx(0.0, abs=1e-12)


def test_constant():
    assert lr_schedule_factor(Schedule(lr_schedule="constant", warmup=0.0), 0.9) == 1.0


def test_norms_biases_and_tokens_are_spared_decay(tiny):
    net = tiny("test_vit")
    groups = make_optimizer(net, nn.Module(), Schedule(weight_decay=0.3)).param_groups
    decayed = {id(p) for g in groups if g["weight_decay"] for p in g["params"]}
    named = dict(net.named_parameters())
    assert id(named["backbone.blocks.0.attn.qkv.weight"]) in decayed
    for spared in ("backbone.pos_embed", "backbone.cls_token", "backbone.blocks.0.norm1.weight", "head.bias"):
        assert id(named[spared]) not in decayed, spared
    assert sum(len(g["params"]) for g in groups) == len(named)


def test_every_group_gets_its_stage_rate(tiny):
    net = tiny()
    optimizer = make_optimizer(net, nn.Linear(2, 2), Schedule())
    set_learning_rates(optimizer, {stage.name: 0.1 * i for i, stage in enumerate(net.stages)}, lr=2.0)
    for group in optimizer.param_groups:
        names = [stage.name for stage in net.stages]
        expected = 2.0 if group["stage"] == "strategy" else 0.2 * names.index(group["stage"])
        assert group["lr"] == pytest.approx(expected)


def stepper(parameter, clip=0.0):
    return GradientStepper(torch.optim.SGD([parameter], lr=1.0), clip, torch.device("cpu"))


def test_chunks_add_up_to_the_whole_batch():
    a, b = (nn.Parameter(torch.zeros(3)) for _ in range(2))
    x = torch.randn(8, 3)
    whole, parts = stepper(a), stepper(b)
    whole((a * x).sum(1).mean())
    for index, chunk in enumerate(x.tensor_split(3)):
        parts.begin_chunk(len(chunk) / len(x), is_last_chunk=index == 2)
        parts((b * chunk).sum(1).mean())
    assert torch.allclose(a, b, atol=1e-6) and parts.n_updates == 1


def test_clip():
    p = nn.Parameter(torch.zeros(2))
    stepper(p, clip=1.0)((p * torch.tensor([30.0, 40.0])).sum())
    assert torch.allclose(p, torch.tensor([-0.6, -0.8]), atol=1e-4)


def test_parameters_held_still_keep_their_values():
    p = nn.Parameter(torch.ones(2))
    stepper(p)((p * 3).sum(), frozen=[p])
    assert p.tolist() == [1.0, 1.0]


def test_sgd_is_chosen(tiny):
    assert isinstance(make_optimizer(tiny(), nn.Module(), Schedule(optimizer="sgd")), torch.optim.SGD)
    assert math.isclose(make_optimizer(tiny(), nn.Module(), Schedule(optimizer="sgd")).param_groups[0]["momentum"], 0.9)
