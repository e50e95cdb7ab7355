"""Gradient SHAP: integrated gradients over many starts."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from workbench.forms import Range
from workbench.probes.maps import methods
from workbench.probes.maps.base import Method, Question


@methods.add("gradient-shap")
class GradientShap(Method):
    """Gradients at random places between random starts and the picture: less hangs on one choice of start.

    The starts are grey, black and white pictures.

    Args:
        samples: random places.
        noise: standard deviation of the noise on the picture, on the scale 0 to 1.
        seed: of places, starts and noise; torch's own generator is left alone.
    """

    source = "Lundberg & Lee 2017, arXiv:1705.07874"
    signed = True

    def __init__(
        self,
        *,
        samples: Annotated[int, Range(1, 1000)] = 16,
        noise: Annotated[float, Range(0.0, 1.0)] = 0.05,
        seed: Annotated[int, Range(0, 2**31 - 1)] = 0,
    ) -> None:
        self.samples, self.noise, self.seed = samples, noise, seed

    def maps(self, asked: Question) -> Tensor:
        """The mean over samples of way times gradient, summed over colours."""
        x, dice = asked.x, torch.Generator().manual_seed(self.seed)
        starts = torch.cat([asked.grey(), asked.grey() * 0, asked.grey() * 0 + 1])
        total = torch.zeros_like(x)
        for _ in range(self.samples):
            start = starts[torch.randint(len(starts), (len(x),), generator=dice).to(x.device)]
            share = torch.rand(len(x), 1, 1, 1, generator=dice).to(x)
            near = x + self.noise * torch.randn(x.shape, generator=dice).to(x)
            total += (near - start) * asked.gradient(start + share * (near - start))
        return (total / self.samples).sum(1)
