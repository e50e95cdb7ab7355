"""LP-FT: a linear probe first, then full fine-tuning from it."""

from __future__ import annotations

from typing import Annotated

from workbench.forms import Range
from workbench.nets.net import Net
from workbench.tunings import Tuning, tunings


@tunings.add("lp-ft")
class LpFt(Tuning):
    """Only the head moves at first, then everything does: an untrained head does not distort the features.

    Args:
        share: fraction of the epochs for the linear probe; at least the first epoch.
        factor: rate of all stages in the second phase, relative to the learning rate.
    """

    paper = "Kumar et al. 2022, arXiv:2202.10054"
    lr = 3e-3

    def __init__(
        self, *, share: Annotated[float, Range(0.0, 1.0)] = 0.5, factor: Annotated[float, Range(0.001, 1.0)] = 0.1
    ) -> None:
        self.share, self.factor = share, factor

    def lr_multipliers(self, net: Net, progress: float) -> list[float]:
        stages = len(net.stages)
        probing = progress < self.share or progress == 0.0
        return [0.0] * (stages - 1) + [1.0] if probing else [self.factor] * stages
