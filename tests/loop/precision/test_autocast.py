"""Mixed precision on a CPU: the same loss as autocast, gradients at least as near to full precision."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.loop.precision.attention import compute_attention
from workbench.loop.precision.autocast import GroupedConvFunction, autocast_forward

CPU = torch.device("cpu")


def gradients(net, x, context):
    net.zero_grad()
    with context:
        loss = net(x).float().square().mean()
    loss.backward()
    return loss.detach(), [p.grad.clone() for p in net.parameters()]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 1, 1), (2, 1, 1), (1, 2, 2), ((2, 1), (1, 0), 1)])
def test_gradients_are_those_of_full_precision_to_the_rounding_of_what_went_forward(bias, stride, padding, dilation):
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 8, 3, stride, padding, dilation, groups=8, bias=bias)
    x = torch.randn(4, 8, 12, 12, requires_grad=True)
    y = GroupedConvFunction.apply(
        x, conv.weight, conv.bias, (conv.stride, conv.padding, conv.dilation, 8), torch.bfloat16
    )
    assert y.dtype == torch.bfloat16
    pull = torch.randn(y.shape)
    y.backward(pull.to(y.dtype))
    found = [x.grad.clone(), *(p.grad.clone() for p in conv.parameters())]
    x.grad = None
    conv.zero_grad()
    with torch.no_grad():
        rounded = x.to(torch.bfloat16).float().requires_grad_()
    rounded.requires_grad_()
    conv(rounded).backward(pull.to(torch.bfloat16).float())
    expected = [rounded.grad, *(p.grad for p in conv.parameters())]
    for f, e in zip(found, expected, strict=True):
        # a number that is a sum of opposites is off by as much as its largest terms are: what counts is the whole
        assert f.dtype == torch.float32 and (f - e).norm() < 2**-7 * e.norm()


def test_a_net_learns_the_same_as_under_autocast(tiny):
    x = torch.rand(4, 3, 32, 32)
    net = tiny("test_efficientnet").train()
    for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.momentum = 0.0
    loss, found = gradients(net, x, autocast_forward(CPU, torch.bfloat16))
    same, expected = gradients(net, x, torch.autocast("cpu", torch.bfloat16))
    _, full = gradients(net, x, autocast_forward(CPU, None))

    def off(a):
        return sum(float((p - q).norm() ** 2) for p, q in zip(a, full, strict=True)) ** 0.5

    assert torch.equal(loss, same)
    assert off(found) <= 1.1 * off(expected)


def test_only_strided_grouped_convolutions_that_train_take_the_way_round(monkeypatch):
    seen = []
    own = GroupedConvFunction.apply
    monkeypatch.setattr(GroupedConvFunction, "apply", lambda *args: seen.append(args) or own(*args))
    grouped, plain = nn.Conv2d(4, 4, 3, 2, groups=4), nn.Conv2d(4, 4, 3, 2)
    x = torch.rand(2, 4, 8, 8)
    with autocast_forward(CPU, torch.bfloat16):
        plain(x)
        with torch.no_grad():
            grouped(x)
        with torch.autocast("cpu", enabled=False):
            assert grouped(x).dtype == torch.float32
        nn.Conv2d(4, 4, 3, groups=4)(x)
        nn.Conv2d(4, 4, 3, groups=4, padding="same")(x)
        assert not seen
        grouped(x)
        assert len(seen) == 1
    with autocast_forward(CPU, None):
        assert grouped(x).dtype == torch.float32
    assert len(seen) == 1


def test_attention_is_torchs_own_to_the_rounding_and_so_are_its_gradients():
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, n, d, requires_grad=True) for n, d in ((5, 8), (7, 8), (7, 4)))
    for how in ({}, {"scale": 0.3}):
        pull = torch.randn(2, 3, 5, 4)
        found, expected = (f(q, k, v, **how) for f in (compute_attention, F.scaled_dot_product_attention))
        torch.testing.assert_close(found, expected)
        mine, theirs = (torch.autograd.grad(y, (q, k, v), pull) for y in (found, expected))
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("how", [{"is_causal": True}, {"attn_mask": torch.eye(5) > 0}, {"attn_mask": torch.eye(5)}])
def test_masked_attention_is_left_to_torch(how):
    q, k, v = torch.randn(3, 2, 5, 4, requires_grad=True)
    torch.testing.assert_close(compute_attention(q, k, v, **how), F.scaled_dot_product_attention(q, k, v, **how))


def test_dropped_attention_keeps_its_mean():
    q, v = torch.zeros(1, 20000, 4), torch.ones(1, 8, 4)
    dropped = compute_attention(q, v, v, dropout_p=0.5)
    assert dropped.std() > 0.1 and abs(dropped.mean() - 1) < 0.02


def test_a_vit_that_trains_in_half_precision_takes_it_and_learns_the_same(tiny, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "workbench.loop.precision.autocast.compute_attention",
        lambda *a, **k: seen.append(a) or compute_attention(*a, **k),
    )
    x, net = torch.rand(4, 3, 32, 32), tiny("test_vit").train()
    loss, found = gradients(net, x, autocast_forward(CPU, torch.bfloat16))
    assert len(seen) == len(net.backbone.blocks)
    same, expected = gradients(net, x, torch.autocast("cpu", torch.bfloat16))
    _, full = gradients(net, x, autocast_forward(CPU, None))
    with torch.no_grad(), autocast_forward(CPU, torch.bfloat16):
        net(x)
    assert len(seen) == len(net.backbone.blocks)
    off = [sum(float((p - q).norm() ** 2) for p, q in zip(a, full, strict=True)) ** 0.5 for a in (found, expected)]
    assert abs(loss - same) < 0.01 * same and off[0] <= 1.5 * off[1]
