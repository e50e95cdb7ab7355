"""Feature distillation: a student's features tell a teacher's; what either answers about plays no part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from workbench.nets import Net, load
from workbench.strategies import Batch, Losses, Strategy, strategies
from workbench.strategies.functional import probe


@strategies.add("distill-features")
class DistillFeatures(Strategy):
    """Learning a teacher's features: a linear map of the student's tells each of them, in units of its own spread.

    The loss is the share of the teacher's variance that the student does not tell: 1 before it has learnt anything,
    0 where it tells all. Labels train the head alone, on features that it cannot change: an online probe.

    Args:
        teacher: what `wb.load` takes, of any architecture and any classes.
        others: further teachers; the student tells the features of all, each feature counts the same.
    """

    source = "Romero et al. 2015, arXiv:1412.6550; Wei et al. 2022, arXiv:2205.14141"

    def __init__(self, *, teacher: str, others: Sequence[str] = ()) -> None:
        super().__init__()
        self.choices = (teacher, *others)
        self.teachers: nn.ModuleList
        self.spread: nn.BatchNorm1d
        self.map: nn.Linear

    def prepare(self, net: Net) -> None:
        teachers = [load(choice).requires_grad_(False) for choice in self.choices]
        self.teachers = nn.ModuleList(teachers)
        wide = sum(teacher.feature_dim for teacher in teachers)
        # without a common unit the few features of large spread would be all that is learnt
        self.spread = nn.BatchNorm1d(wide, affine=False)
        self.map = nn.Linear(net.feature_dim, wide)

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        x, y = batch["labelled"]
        features = net.features(x)
        with torch.no_grad():
            # eval: a teacher sees the same in the same image, whatever else is in the batch
            seen = [cast(Net, teacher).eval().features(x).float() for teacher in self.teachers]
            taught = self.spread(torch.cat(seen, 1))
        match = F.mse_loss(self.map(features).float(), taught)
        if y is None:
            return {"match": match}
        return {"match": match, "probe": probe(net, features, y, self.target)}
