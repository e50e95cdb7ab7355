"""Gradients per stage under a linear head."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import workbench as wb
from workbench.data.pixels.augmentation import center_crop
from workbench.diagnosis.evidence.context import DiagnosisContext
from workbench.diagnosis.evidence.stage_gradients import measure_stage_gradients
from workbench.probes.linear_classifier import LinearClassifier

SHAPES = ["disc", "star", "cross"]


@pytest.fixture(scope="module")
def images():
    return wb.load_images("world", n=100, label="shape", only={"shape": SHAPES}, valid=0.4)


def case_of(backbone, images):
    return DiagnosisContext(wb.Plan(backbone, images, "head"), images)


def test_they_are_the_gradients_of_a_loss_over_all_training_images(images):
    case = case_of("wb/residual-shape", images)
    found = measure_stage_gradients(case)
    net, part = copy.deepcopy(case.net).eval().requires_grad_(), images.subset("train")
    pre = net.preprocessing
    x, _ = part.view(pre.size, pre.interpolation, pre.crop_pct).load_batch(np.arange(len(part)))
    features = net.features(center_crop(x, pre.size).float() / 255)
    weights, bias = LinearClassifier(features.detach().numpy(), part.labels()).weight_and_bias()
    logits = features.double() @ torch.from_numpy(weights).double() + torch.from_numpy(bias).double()
    F.cross_entropy(logits, torch.from_numpy(part.labels()), reduction="mean").backward()
    stem = net.backbone.conv1
    convolutions = [m for m in (stem if isinstance(stem, torch.nn.Sequential) else [stem]) if hasattr(m, "weight")]
    maps = [m.weight for m in convolutions if m.weight.ndim > 1]
    size, pull = (sum(float(t.detach().square().sum()) for t in ts) for ts in (maps, [w.grad for w in maps]))
    assert set(found) == {stage.name for stage in net.stages[:-1]}
    assert found["stem"] == pytest.approx((pull / size) ** 0.5, rel=0.02)
    assert all(p.grad is None for p in case.net.parameters()), "the case's net is left alone"
