"""Measuring by one pass."""

from __future__ import annotations

import torch
from torch import nn

from workbench.nets import load, measure


class Two(nn.Module):
    """A net whose second layer the meta device cannot run."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, 2)
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        x = self.first(x)
        assert x.sum().item() == x.sum().item()  # a number, which the meta device has not
        return self.pool(x)


def test_what_the_meta_device_cannot_run_is_run_for_real():
    assert measure.shapes(Two(), 9, {"a": ("first", "pool")}) == {"a": (4, 4, 4)}


def test_hooks_and_modes_are_put_back():
    net = Two().train()
    net.pool.eval()
    measure.shapes(net, 9, {"a": ("first",)})
    assert net.training and net.first.training and not net.pool.training
    assert not any(m._forward_hooks for m in net.modules())


def test_real_tensors_keep_their_content():
    net = Two()
    before = net.first.weight.clone()
    measure.forward(net, 9)
    assert torch.equal(net.first.weight, before) and net.first.weight.device.type == "cpu"


def test_a_module_at_two_places_keeps_its_weights():
    """CoaT's parallel blocks share their modules with its serial ones: looking at shapes must not empty them."""
    net = load("coat_tiny", pretrained=False, size=64)
    assert net.stages[0].shape
    assert {p.device.type for p in net.parameters()} == {"cpu"}
