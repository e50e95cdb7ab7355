"""HiRes-CAM: places count by their own gradient."""

from __future__ import annotations

from torch import Tensor

from workbench.probes.maps import methods
from workbench.probes.maps.cam import Cam


@methods.add("hires-cam")
class HiResCam(Cam):
    """Output times gradient, place by place: shows only places that the score was computed from."""

    source = "Draelos & Carin 2020, arXiv:2011.08891"

    def weigh(self, a: Tensor, g: Tensor) -> Tensor:
        """The sum over channels of output times gradient."""
        return (a * g).sum(1)
