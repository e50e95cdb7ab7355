"""Layer-CAM: fine maps from early stages."""

from __future__ import annotations

from torch import Tensor

from workbench.probes.maps import methods
from workbench.probes.maps.cam import Cam


@methods.add("layer-cam")
class LayerCam(Cam):
    """Output times positive gradient, position by position: still readable at early stages with large feature maps."""

    paper = "Jiang et al. 2021, doi:10.1109/TIP.2021.3089943"

    def weigh(self, a: Tensor, g: Tensor) -> Tensor:
        """Return the sum over channels of output times positive gradient."""
        return (a * g.relu()).sum(1)
