"""Shared terms against hand-computed values."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from workbench.strategies import BufferDict, LabelSpec
from workbench.strategies.functional import reverse_gradient, supervised_losses


def test_gradient_is_turned_round_and_scaled():
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = reverse_gradient(x, 0.5)
    assert torch.equal(y, x)
    (y * torch.tensor([3.0, 4.0])).sum().backward()
    assert x.grad.tolist() == [-1.5, -2.0]


def test_classes_with_smoothing_by_hand():
    logits, y = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    log_p = F.log_softmax(logits, 1)[0]
    smooth = supervised_losses(logits, y, LabelSpec("classes", (("", 2),)), smoothing=0.2)["task"]
    assert smooth.item() == pytest.approx(-(0.9 * log_p[0] + 0.1 * log_p[1]).item())


def test_tags_are_independent():
    logits, y = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.0]])
    expected = (torch.log(torch.tensor(2.0)) + F.softplus(torch.tensor(2.0))) / 2
    assert supervised_losses(logits, y, LabelSpec("tags", (("", 2),)))["task"].item() == pytest.approx(expected.item())


def test_tasks_have_a_term_each():
    logits, y = torch.randn(5, 5), torch.tensor([[0, 1]] * 5)
    terms = supervised_losses(logits, y, LabelSpec("tasks", (("shape", 2), ("hue", 3))))
    assert terms["shape"].item() == pytest.approx(F.cross_entropy(logits[:, :2], y[:, 0]).item())
    assert terms["hue"].item() == pytest.approx(F.cross_entropy(logits[:, 2:], y[:, 1]).item())


def test_table_follows_state_dict():
    table = BufferDict({"layer.weight": torch.ones(2, 2), "layer.bias": torch.zeros(2)})
    other = BufferDict({"layer.weight": torch.zeros(2, 2), "layer.bias": torch.ones(2)})
    other.load_state_dict(table.state_dict())
    assert torch.equal(other["layer.weight"], torch.ones(2, 2))
    assert [name for name, _ in other.items()] == ["layer.weight", "layer.bias"]
