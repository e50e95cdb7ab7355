"""Class activation maps: weighted sums of a stage's channels."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from workbench.nets.hooks import record_stage_output
from workbench.probes.maps.base import SaliencyMethod, SaliencyQuery


class Cam(SaliencyMethod):
    """Map from a stage's output and the target's gradient with respect to it; variants differ in `weigh`."""

    reads_stage: ClassVar[bool] = True

    def maps(self, query: SaliencyQuery) -> Tensor:
        """Compute the part of the stage's output that is evidence for the target, at least 0."""
        with record_stage_output(query.net, query.feature_map) as output, torch.enable_grad():
            score = query.score().sum()
            activation = output.value
            assert activation is not None
            (gradient,) = torch.autograd.grad(score, activation, allow_unused=True)
        gradient = torch.zeros_like(activation) if gradient is None else gradient
        return self.weigh(query.feature_map.to_map(activation.detach()), query.feature_map.to_map(gradient)).relu()

    def weigh(self, a: Tensor, g: Tensor) -> Tensor:
        """Combine the stage's output `a` and its gradient `g`, (B, C, h, w) each, to a map (B, h, w)."""
        raise TypeError(f"{type(self).__name__} does not implement weigh()")
