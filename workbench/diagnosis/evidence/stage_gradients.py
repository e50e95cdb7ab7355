"""Gradients per stage that remain under a trained linear head."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from workbench.diagnosis.evidence.stage_domain_gaps import sample_images
from workbench.probes.linear_classifier import LinearClassifier
from workbench.probes.stage_features import iter_center_views

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.nets.net import Net


def measure_stage_gradients(context: DiagnosisContext) -> dict[str, float]:
    """Measure the gradient norm of the loss per stage, relative to the weight norm, on training images before training.

    The head is a linear one trained on the backbone's features, so that the gradients show what a head cannot fix.
    Early stages have few weights and always get larger values: compare a stage with itself, on other images.

    Source: Lee et al. 2023, "Surgical fine-tuning improves adaptation to distribution shifts", arXiv:2210.11466.
    """
    features = context.extract_stage_features("train")["features"]
    head = [torch.from_numpy(t).float() for t in LinearClassifier(features.array, features.labels).weight_and_bias()]
    net = copy.deepcopy(context.net).eval().requires_grad_()
    classes, images = torch.from_numpy(features.labels).unique(), sample_images(context.images.subset("train"))
    labels = torch.from_numpy(images.labels())
    with torch.enable_grad():
        for rows, x in iter_center_views(net, images):
            targets = torch.searchsorted(classes, labels[rows])
            loss = F.cross_entropy(net.features(x) @ head[0] + head[1], targets, reduction="sum")
            (loss / len(images)).backward()
    return {stage.name: _relative_gradient_norm(net, stage.tensor_names) for stage in net.stages[:-1]}


def _relative_gradient_norm(net: Net, tensors: tuple[str, ...]) -> float:
    weights = [w for name, w in net.named_parameters() if name in tensors and w.ndim > 1 and w.grad is not None]
    size = sum(float(w.detach().double().square().sum()) for w in weights)
    gradient_size = sum(float(w.grad.double().square().sum()) for w in weights if w.grad is not None)
    return (gradient_size / size) ** 0.5 if size else float("nan")
