"""Feature distillation: a student's features predict a teacher's; the classes of both are irrelevant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from workbench.nets.loading.net_loader import load_net
from workbench.nets.net import Net
from workbench.strategies import Batch, Losses, Strategy, strategies
from workbench.strategies.functional import online_probe_loss


@strategies.add("distill-features")
class DistillFeatures(Strategy):
    """Training on a teacher's features: a linear map predicts them from the student's, each in units of its own spread.

    The loss is the fraction of the teacher's variance that the student does not explain: 1 before training, 0 if it
    explains all. Labels train the head alone, on features that it cannot change: an online probe.

    Args:
        teacher: what `wb.load_net` takes, of any architecture and any classes.
        others: further teachers; the student predicts the features of all, and each feature has the same weight.
    """

    paper = "Romero et al. 2015, arXiv:1412.6550; Wei et al. 2022, arXiv:2205.14141"

    def __init__(self, *, teacher: str, others: Sequence[str] = ()) -> None:
        super().__init__()
        self.choices = (teacher, *others)
        self.teachers: nn.ModuleList
        self.spread: nn.BatchNorm1d
        self.map: nn.Linear

    def prepare(self, net: Net) -> None:
        teachers = [load_net(choice).requires_grad_(False) for choice in self.choices]
        self.teachers = nn.ModuleList(teachers)
        wide = sum(teacher.feature_dim for teacher in teachers)
        # without a common unit only the few features of large spread would be learned
        self.spread = nn.BatchNorm1d(wide, affine=False)
        self.map = nn.Linear(net.feature_dim, wide)

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        x, y = batch["labelled"]
        features = net.features(x)
        with torch.no_grad():
            # eval: a teacher's features of an image must not depend on the rest of the batch
            teacher_features = [cast(Net, teacher).eval().features(x).float() for teacher in self.teachers]
            targets = self.spread(torch.cat(teacher_features, 1))
        match = F.mse_loss(self.map(features).float(), targets)
        if y is None:
            return {"match": match}
        return {"match": match, "probe": online_probe_loss(net, features, y, self.label_spec)}
