"""HiRes-CAM: Grad-CAM with the gradient of each position."""

from __future__ import annotations

from torch import Tensor

from workbench.probes.maps import methods
from workbench.probes.maps.cam import Cam


@methods.add("hires-cam")
class HiResCam(Cam):
    """Output times gradient, position by position: highlights only positions that the score was computed from."""

    paper = "Draelos & Carin 2020, arXiv:2011.08891"

    def weigh(self, a: Tensor, g: Tensor) -> Tensor:
        """Return the sum over channels of output times gradient."""
        return (a * g).sum(1)
