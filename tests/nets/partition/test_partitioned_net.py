"""A partitioned net is its net under another class: everything is shared, and a net itself knows no activations."""

from __future__ import annotations

import ast
import copy
import inspect

import pytest
import torch

from workbench.nets import net as net_module
from workbench.nets.loading.net_loader import load_net
from workbench.nets.net import Net
from workbench.nets.partition.partitioned_net import PartitionedNet


@pytest.fixture
def net():
    return load_net("test_resnet", pretrained=False, size=32, classes=["a", "b"])


def test_modules_weights_and_settings_are_shared(net):
    both = PartitionedNet(net)
    assert isinstance(both, Net) and [*both.parameters()] == [*net.parameters()]
    both.train()
    assert net.training
    both.reset_head(3, seed=1)
    assert net.head is both.head and net.classes == both.classes and net.choice == both.choice
    net.eval()
    assert not both.training
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(both(x), net(x)) and torch.equal(both.features(x), net.features(x))


def test_stages_are_those_of_the_net_and_found_once(net, monkeypatch):
    both, found = PartitionedNet(net), net.stages
    monkeypatch.setattr(net_module.stages, "find_stages", lambda *_: pytest.fail("found again"))
    assert both.stages is found and net.stages is found


def test_a_copy_is_a_net_of_its_own(net):
    other = copy.deepcopy(PartitionedNet(net))
    with torch.no_grad():
        next(other.parameters()).add_(1)
    assert not torch.equal(next(other.parameters()), next(net.parameters()))


def test_a_net_does_not_ask_for_activations():
    imported = [n.module for n in ast.walk(ast.parse(inspect.getsource(net_module))) if isinstance(n, ast.ImportFrom)]
    assert not [name for name in imported if "partition" in (name or "")]
