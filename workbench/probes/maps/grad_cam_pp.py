"""Grad-CAM++: Grad-CAM for several objects of a class."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.probes.maps import methods
from workbench.probes.maps.cam import Cam


@methods.add("grad-cam++")
class GradCamPlusPlus(Cam):
    """Grad-CAM with weights that do not shrink with the object, so that small objects among several are visible."""

    paper = "Chattopadhay et al. 2018, arXiv:1710.11063"

    def weigh(self, a: Tensor, g: Tensor) -> Tensor:
        """Weight channels by their positive gradients and the share of the channel's activity at each position."""
        below = 2 * g.square() + a.sum((2, 3), keepdim=True) * g**3
        alpha = torch.where(g != 0, g.square() / torch.where(below != 0, below, 1.0), 0.0)
        return torch.einsum("bc,bchw->bhw", (alpha * g.relu()).sum((2, 3)), a)
