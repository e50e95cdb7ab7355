"""Predictions over images: right rows, modes put back, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadData, BadValue
from workbench.evaluation import answered, to_probabilities


def test_it_agrees_with_a_plain_loop(toy, tiny):
    net = tiny()
    result = wb.evaluate(net, toy, split="train")
    part = toy.part("train")
    pixels = torch.from_numpy(np.stack([part.pixels(row, 32) for row in range(len(part))])).permute(0, 3, 1, 2)
    view = part.view(32, net.preprocessing.interpolation, net.preprocessing.crop_pct)
    assert view.stored >= 32 and len(pixels) == len(result.ids)
    assert result.ids.tolist() == part.frame["id"].tolist()
    assert (result.labels == part.labels()).all()
    assert np.allclose(result.probabilities.sum(1), 1)


def test_modes_are_put_back_even_after_an_error(toy, tiny):
    net = tiny().train()
    net.backbone.bn1.eval()
    modes = [module.training for module in net.modules()]
    answered(net, toy)
    assert [module.training for module in net.modules()] == modes

    def broken(net, x):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        answered(net, toy, predict=broken)
    assert [module.training for module in net.modules()] == modes


def test_probabilities_by_kind():
    logits = np.array([[0.0, np.log(3.0), 0.0, 0.0]])
    assert np.allclose(to_probabilities(logits[:, :2], "classes", [2]), [[0.25, 0.75]])
    assert np.allclose(to_probabilities(logits[:, :2], "tags", [2]), [[0.5, 0.75]])
    assert np.allclose(to_probabilities(logits, "tasks", [2, 2]), [[0.25, 0.75, 0.5, 0.5]])


def test_large_logits_do_not_overflow():
    assert np.allclose(to_probabilities(np.array([[1000.0, 0.0]]), "classes", [2]), [[1.0, 0.0]])


def test_refusals(toy, tiny):
    with pytest.raises(BadValue, match="head for them"):
        wb.evaluate(tiny(classes=("a", "b")), toy)
    with pytest.raises(BadValue, match="differently"):
        wb.evaluate(tiny(classes=("left", "centre", "right")), toy)
    with pytest.raises(BadData, match="test"):
        wb.evaluate(tiny(), toy, split="test")
