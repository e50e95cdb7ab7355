"""Partial fine-tuning: the last k stages and the head move; earlier stages are frozen."""

from __future__ import annotations

from typing import Annotated

from workbench.forms import Range
from workbench.nets.net import Net
from workbench.tunings import Tuning, tunings


@tunings.add("last-k")
class LastK(Tuning):
    """Only the head and the last k stages before it move; general early features are kept.

    Args:
        k: stages before the head that move; more than there are moves all.
    """

    paper = "Yosinski et al. 2014, arXiv:1411.1792"
    lr = 1e-3

    def __init__(self, *, k: Annotated[int, Range(0, 1000)] = 1) -> None:
        self.k = k

    def lr_multipliers(self, net: Net, progress: float) -> list[float]:
        last = len(net.stages) - 1
        return [1.0 if stage >= last - self.k else 0.0 for stage in range(last + 1)]
