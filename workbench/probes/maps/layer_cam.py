"""Layer-CAM: fine maps from early stages."""

from __future__ import annotations

from torch import Tensor

from workbench.probes.maps import methods
from workbench.probes.maps.cam import Cam


@methods.add("layer-cam")
class LayerCam(Cam):
    """Output times positive gradient, place by place: stays readable at early stages, where places are small."""

    source = "Jiang et al. 2021, doi:10.1109/TIP.2021.3089943"

    def weigh(self, a: Tensor, g: Tensor) -> Tensor:
        """The sum over channels of output times positive gradient."""
        return (a * g.relu()).sum(1)
