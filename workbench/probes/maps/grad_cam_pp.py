"""Grad-CAM++: several objects of a class all count."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.probes.maps import methods
from workbench.probes.maps.cam import Cam


@methods.add("grad-cam++")
class GradCamPlusPlus(Cam):
    """Grad-CAM whose weights do not shrink with the object: of several objects, the small ones show as well."""

    source = "Chattopadhay et al. 2018, arXiv:1710.11063"

    def weigh(self, a: Tensor, g: Tensor) -> Tensor:
        """Positive gradients weighed by how much of the channel's activity each place must explain."""
        below = 2 * g.square() + a.sum((2, 3), keepdim=True) * g**3
        alpha = torch.where(g != 0, g.square() / torch.where(below != 0, below, 1.0), 0.0)
        return torch.einsum("bc,bchw->bhw", (alpha * g.relu()).sum((2, 3)), a)
