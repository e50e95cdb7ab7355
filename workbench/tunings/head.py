"""Linear probe: the backbone stays as it is, a new head learns."""

from __future__ import annotations

from workbench.nets import Net
from workbench.tunings import Tuning, tunings


@tunings.add("head")
class Head(Tuning):
    """Feature extraction: only the head moves."""

    source = "Alain & Bengio 2016, arXiv:1610.01644"
    lr = 1e-2

    def rates(self, net: Net, progress: float) -> list[float]:
        return [0.0] * (len(net.stages) - 1) + [1.0]
