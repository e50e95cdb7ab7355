"""Linear probe: a new head is trained on the frozen backbone."""

from __future__ import annotations

from workbench.nets.net import Net
from workbench.tunings import Tuning, tunings


@tunings.add("head")
class Head(Tuning):
    """Feature extraction: only the head moves."""

    paper = "Alain & Bengio 2016, arXiv:1610.01644"
    lr = 1e-2

    def lr_multipliers(self, net: Net, progress: float) -> list[float]:
        return [0.0] * (len(net.stages) - 1) + [1.0]
