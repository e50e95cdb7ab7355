"""Where the loss still pulls once a linear head has learnt what it can: gradients by stage."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from workbench.diagnosis.stage_gaps import some
from workbench.probes.linear import Linear
from workbench.probes.stage_features import centre_views

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.nets import Net


def stage_gradients(case: Case) -> dict[str, float]:
    """By stage, how large the loss's gradient over the training images is beside the weights; before any training.

    The head is a linear one that has learnt the backbone's features, so that what pulls is what a head cannot mend.
    Early stages have few weights and are always pulled more: compare a stage with itself, on other images.

    Lee et al. 2023, "Surgical fine-tuning improves adaptation to distribution shifts", arXiv:2210.11466.
    """
    known = case.features("train")["features"]
    head = [torch.from_numpy(part).float() for part in Linear(known.array, known.labels).logits()]
    net = copy.deepcopy(case.net).eval().requires_grad_()
    classes, part = torch.from_numpy(known.labels).unique(), some(case.images.part("train"))
    labels = torch.from_numpy(part.labels())
    with torch.enable_grad():
        for rows, x in centre_views(net, part):
            code = torch.searchsorted(classes, labels[rows])
            loss = F.cross_entropy(net.features(x) @ head[0] + head[1], code, reduction="sum")
            (loss / len(part)).backward()
    return {stage.name: _relative(net, stage.tensors) for stage in net.stages[:-1]}


def _relative(net: Net, tensors: tuple[str, ...]) -> float:
    weights = [w for name, w in net.named_parameters() if name in tensors and w.ndim > 1 and w.grad is not None]
    size = sum(float(w.detach().double().square().sum()) for w in weights)
    pull = sum(float(w.grad.double().square().sum()) for w in weights if w.grad is not None)
    return (pull / size) ** 0.5 if size else float("nan")
