"""The residual nets for 32-pixel images, against the numbers of their paper."""

from __future__ import annotations

import pytest
import torch

from workbench.nets.cifar_resnet import BasicBlock, CifarResNet


@pytest.mark.parametrize(("n", "millions"), [(3, 0.27), (5, 0.46), (7, 0.66), (9, 0.85)])
def test_sizes_are_those_of_table_6(n, millions):
    count = sum(p.numel() for p in CifarResNet((n, n, n)).parameters())
    assert round(count / 1e6, 2) == millions


def test_the_shortcut_has_no_weights():
    block = BasicBlock(4, 8, 2).eval()
    torch.nn.init.zeros_(block.bn2.weight)  # the sum is then the shortcut alone
    x = torch.rand(1, 4, 6, 6)
    y = block(x)
    assert torch.equal(y[:, 2:6], x[:, :, ::2, ::2]) and not y[:, :2].any() and not y[:, 6:].any()
