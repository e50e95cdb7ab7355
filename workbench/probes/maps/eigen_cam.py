"""Eigen-CAM: the first principal component of a stage's output, for any target."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.nets.hooks import record_stage_output
from workbench.probes.maps import methods
from workbench.probes.maps.base import SaliencyMethod, SaliencyQuery


@methods.add("eigen-cam")
class EigenCam(SaliencyMethod):
    """First principal component of a stage's output: no gradient and no target, so it also works for untrained nets."""

    paper = "Muhammad & Yeasin 2020, arXiv:2008.00299"
    reads_stage = True

    @torch.no_grad()
    def maps(self, query: SaliencyQuery) -> Tensor:
        """Project the positions (h, w) of the output on its first right singular vector."""
        with record_stage_output(query.net, query.feature_map, graph=None) as output:
            query.score()
        assert output.value is not None
        a = query.feature_map.to_map(output.value)
        positions = a.flatten(2).transpose(1, 2).float()
        # the first right singular vector is the leading eigenvector of the small Gram matrix (C, C)
        _, vectors = torch.linalg.eigh(positions.transpose(1, 2) @ positions)
        projection = (positions @ vectors[..., -1:])[..., 0]
        # the sign of a singular vector is arbitrary
        projection = projection * torch.where(projection.sum(1, keepdim=True) < 0, -1.0, 1.0)
        return projection.unflatten(1, a.shape[2:]).relu()
