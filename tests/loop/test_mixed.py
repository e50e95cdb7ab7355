"""Mixed precision on a CPU: the same loss as autocast, gradients at least as near to full precision."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from workbench.loop.mixed import Grouped, mixed

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
    y = Grouped.apply(x, conv.weight, conv.bias, (conv.stride, conv.padding, conv.dilation, 8), torch.bfloat16)
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
    loss, found = gradients(net, x, mixed(CPU, torch.bfloat16))
    same, expected = gradients(net, x, torch.autocast("cpu", torch.bfloat16))
    _, full = gradients(net, x, mixed(CPU, None))

    def off(a):
        return sum(float((p - q).norm() ** 2) for p, q in zip(a, full, strict=True)) ** 0.5

    assert torch.equal(loss, same)
    assert off(found) <= 1.1 * off(expected)


def test_only_strided_grouped_convolutions_that_train_take_the_way_round(monkeypatch):
    seen = []
    own = Grouped.apply
    monkeypatch.setattr(Grouped, "apply", lambda *args: seen.append(args) or own(*args))
    grouped, plain = nn.Conv2d(4, 4, 3, 2, groups=4), nn.Conv2d(4, 4, 3, 2)
    x = torch.rand(2, 4, 8, 8)
    with mixed(CPU, torch.bfloat16):
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
    with mixed(CPU, None):
        assert grouped(x).dtype == torch.float32
    assert len(seen) == 1
