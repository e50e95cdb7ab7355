"""Grad-CAM: channels weighted by their mean gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.probes.maps import methods
from workbench.probes.maps.cam import Cam


@methods.add("grad-cam")
class GradCam(Cam):
    """Channels of a stage, each weighted by its mean gradient over positions: coarse, fast, the usual first choice."""

    paper = "Selvaraju et al. 2017, arXiv:1610.02391"

    def weigh(self, a: Tensor, g: Tensor) -> Tensor:
        """Return the weighted sum of channels."""
        return torch.einsum("bc,bchw->bhw", g.mean((2, 3)), a)
