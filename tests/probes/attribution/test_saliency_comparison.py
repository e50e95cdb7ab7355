"""Saliency maps of the same images under several nets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.probes.attribution.saliency_comparison import DIFFERENT_CLASSES_NOTE


@pytest.fixture(scope="module")
def nets():
    return {
        seed: wb.load_net("test_resnet", classes=["a", "b"], pretrained=False, size=64, seed=seed) for seed in (0, 1)
    }


@pytest.fixture(scope="module")
def x():
    return torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_a_net_agrees_with_itself_and_less_with_another(nets, x):
    same = wb.probes.compare_saliency({"one": nets[0], "again": nets[0]}, x, "layer-cam", "a")
    assert same.agreement == pytest.approx(1.0)
    other = wb.probes.compare_saliency({"one": nets[0], "other": nets[1]}, x, "layer-cam", "a")
    assert other.agreement < 0.95 and other.note == ""
    assert other.frame["agreement"].is_monotonic_increasing and set(other.frame["row"]) == set(range(5))


def test_three_nets_explain_what_the_last_says(nets, x):
    three = {"pretrained": nets[0], "scratch": nets[0], "fine-tuned": nets[1]}
    found = wb.probes.compare_saliency(three, x)
    assert len(found.pairs) == 3 and list(found.saliencies) == list(three)
    with torch.no_grad():
        said = nets[1](x).argmax(1).tolist()
    assert all(shown.target.tolist() == said for shown in found.saliencies.values())


def test_two_nets_with_different_classes_and_sizes(nets, x):
    small = wb.load_net("test_vit", classes=["p", "q", "r"], pretrained=False, size=32)
    found = wb.probes.compare_saliency({"a": nets[0], "b": small}, x, "eigen-cam")
    assert found.note == DIFFERENT_CLASSES_NOTE and np.isfinite(found.agreement)
    with pytest.raises(UnknownName, match="no class of test_vit"):
        wb.probes.compare_saliency({"a": nets[0], "b": small}, x, target="a")


def test_one_net_is_no_comparison(nets, x):
    with pytest.raises(BadValue, match="two or more nets by name"):
        wb.probes.compare_saliency({"a": nets[0]}, x)
