"""Discriminative rates: the learning rate decreases from the head to the stem."""

from __future__ import annotations

from typing import Annotated

from workbench.forms import Range
from workbench.nets.net import Net
from workbench.tunings import Tuning, tunings


@tunings.add("discriminative")
class Discriminative(Tuning):
    """Stage ℓ of L learns at η₀·α^(L−ℓ): early, general features move least.

    Args:
        decay: α, ratio of a stage's rate to that of the stage above it.
    """

    paper = "Howard & Ruder 2018, arXiv:1801.06146; Clark et al. 2020, arXiv:2003.10555"
    lr = 1e-3

    def __init__(self, *, decay: Annotated[float, Range(0.01, 1.0)] = 0.7) -> None:
        self.decay = decay

    def lr_multipliers(self, net: Net, progress: float) -> list[float]:
        last = len(net.stages) - 1
        return [self.decay ** (last - stage) for stage in range(last + 1)]
