"""Measuring by one pass."""

from __future__ import annotations

import threading

import torch
from torch import nn

import workbench as wb
from workbench.nets import shape_inference
from workbench.nets.loading.net_loader import load_net


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
    assert shape_inference.infer_stage_shapes(Two(), 9, {"a": ("first", "pool")}) == {"a": (4, 4, 4)}


def test_hooks_and_modes_are_put_back():
    net = Two().train()
    net.pool.eval()
    shape_inference.infer_stage_shapes(net, 9, {"a": ("first",)})
    assert net.training and net.first.training and not net.pool.training
    assert not any(m._forward_hooks for m in net.modules())


def test_real_tensors_keep_their_content():
    net = Two()
    before = net.first.weight.clone()
    shape_inference.run_test_image(net, 9)
    assert torch.equal(net.first.weight, before) and net.first.weight.device.type == "cpu"


def test_a_module_at_two_places_keeps_its_weights():
    """CoaT's parallel blocks share their modules with its serial ones: looking at shapes must not empty them."""
    net = load_net("coat_tiny", pretrained=False, size=64)
    assert net.stages[0].shape
    assert {p.device.type for p in net.parameters()} == {"cpu"}


def test_a_net_that_is_measured_is_never_hollow_to_another_thread(toy):
    """Five views open at once on one net: each begins by measuring it, with its weights away for a moment."""
    for seed in range(3):
        net = wb.load_net("test_resnet", classes=list(toy.classes), pretrained=False, size=32, seed=seed)
        few, raised = toy.subset(rows=range(12)), []

        def asked(call, raised=raised):
            try:
                call()
            except Exception as error:
                raised.append(repr(error))

        calls = [
            lambda net=net: [stage.shape for stage in net.stages],
            lambda net=net, few=few: wb.extract_features(net, few, [stage.name for stage in net.stages[:-1]]),
            lambda net=net, few=few: wb.extract_features(net, few),
            lambda net=net, few=few: wb.probes.saliency(net, few),
            lambda net=net, few=few: wb.evaluate(net, few, split=None),
        ]
        threads = [threading.Thread(target=asked, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert raised == [] and not any(weight.is_meta for weight in net.parameters())
