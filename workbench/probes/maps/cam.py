"""Class activation maps: a stage's channels, each weighed by what the target makes of it."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from workbench.probes.maps.base import Method, Question
from workbench.probes.places import listening


class Cam(Method):
    """A map from a stage's output and the target's gradient to it; `weigh` is what the variants differ in."""

    reads_stage: ClassVar[bool] = True

    def maps(self, asked: Question) -> Tensor:
        """What of the stage's output speaks for the target, never below 0."""
        with listening(asked.net, asked.grid) as heard, torch.enable_grad():
            score = asked.score().sum()
            out = heard.out
            assert out is not None
            (gradient,) = torch.autograd.grad(score, out, allow_unused=True)
        gradient = torch.zeros_like(out) if gradient is None else gradient
        return self.weigh(asked.grid.map(out.detach()), asked.grid.map(gradient)).relu()

    def weigh(self, a: Tensor, g: Tensor) -> Tensor:
        """The map (B, h, w) from the stage's output `a` and the gradient `g` to it, (B, C, h, w) each."""
        raise TypeError(f"{type(self).__name__} does not say how it weighs channels")
