"""Gradual unfreezing: the head first, then one more stage at a time, from the top."""

from __future__ import annotations

from typing import Annotated

from workbench.forms import Range
from workbench.nets.net import Net
from workbench.tunings import Tuning, tunings


@tunings.add("gradual")
class Gradual(Tuning):
    """Stages are unfrozen one after another from the head down, to protect the backbone from an untrained head.

    Args:
        until: fraction of the run after which every stage moves; unfreezing is spread evenly before it.
        decay: ratio of a stage's rate to that of the stage above it.
    """

    paper = "Howard & Ruder 2018, arXiv:1801.06146"
    lr = 1e-3

    def __init__(
        self, *, until: Annotated[float, Range(0.0, 1.0)] = 0.6, decay: Annotated[float, Range(0.01, 1.0)] = 1.0
    ) -> None:
        self.until, self.decay = until, decay

    def lr_multipliers(self, net: Net, progress: float) -> list[float]:
        last = len(net.stages) - 1
        # the stage d places below the head is unfrozen at until · d / last
        thawed = last if self.until == 0 else int(progress / self.until * last + 1e-9)
        return [self.decay ** (last - s) if last - s <= thawed else 0.0 for s in range(last + 1)]
