"""Full fine-tuning: every weight moves at the learning rate."""

from __future__ import annotations

from workbench.nets.net import Net
from workbench.tunings import Tuning, tunings


@tunings.add("full")
class Full(Tuning):
    """Every stage moves at the learning rate."""

    paper = "Girshick et al. 2014, arXiv:1311.2524"
    lr = 1e-3

    def lr_multipliers(self, net: Net, progress: float) -> list[float]:
        return [1.0] * len(net.stages)
