"""Hooks capture the stages' outputs, and are removed afterwards, also after an error."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench.nets.hooks import capture_stage_outputs


def test_stages_are_heard_by_name_as_they_are_read_and_nothing_listens_afterwards():
    net = wb.load_net("test_resnet", classes=3, pretrained=False, size=64)
    stages = {stage.name: stage for stage in net.stages if stage.name in ("layer1", "layer2")}
    shapes = {name: stage.shape for name, stage in stages.items()}  # measured by a pass of its own, so beforehand

    def read(stage, value):
        return value.sum() if tuple(value.shape[1:]) == shapes[stage.name] else None

    x, found = torch.rand(2, 3, 64, 64), {}

    def interrupted():
        with capture_stage_outputs(net, list(stages.values()), read) as said:
            net(x)
            found.update(said)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert set(found) == set(stages)
    expected = net.backbone.layer1(
        net.backbone.maxpool(net.backbone.act1(net.backbone.bn1(net.backbone.conv1(net.normalize(x)))))
    )
    assert found["layer1"].item() == pytest.approx(expected.sum().item(), rel=1e-5)
    assert not any(module._forward_hooks for module in net.modules())
