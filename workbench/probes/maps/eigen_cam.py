"""Eigen-CAM: what the stage says most, whatever the target."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.probes.maps import methods
from workbench.probes.maps.base import Method, Question
from workbench.probes.places import listening


@methods.add("eigen-cam")
class EigenCam(Method):
    """The first principal component of a stage's output: no gradient and no target, so it also shows untrained nets."""

    source = "Muhammad & Yeasin 2020, arXiv:2008.00299"
    reads_stage = True

    @torch.no_grad()
    def maps(self, asked: Question) -> Tensor:
        """Places (h, w) of the output projected on its first right singular vector."""
        with listening(asked.net, asked.grid, graph=None) as heard:
            asked.score()
        assert heard.out is not None
        a = asked.grid.map(heard.out)
        places = a.flatten(2).transpose(1, 2).float()
        # the first right singular vector is the first eigenvector of the small product
        _, vectors = torch.linalg.eigh(places.transpose(1, 2) @ places)
        shown = (places @ vectors[..., -1:])[..., 0]
        # a singular vector has no sign of its own
        shown = shown * torch.where(shown.sum(1, keepdim=True) < 0, -1.0, 1.0)
        return shown.unflatten(1, a.shape[2:]).relu()
