"""Gradient SHAP: integrated gradients from many baselines."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from workbench.forms import Range
from workbench.probes.maps import methods
from workbench.probes.maps.base import SaliencyMethod, SaliencyQuery


@methods.add("gradient-shap")
class GradientShap(SaliencyMethod):
    """Gradients at random points between random baselines and the image: depends less on one choice of baseline.

    The baselines are grey, black and white images.

    Args:
        samples: number of random points.
        noise: standard deviation of the noise on the image, on the scale 0 to 1.
        seed: of points, baselines and noise; torch's own generator is unchanged.
    """

    paper = "Lundberg & Lee 2017, arXiv:1705.07874"
    signed = True

    def __init__(
        self,
        *,
        samples: Annotated[int, Range(1, 1000)] = 16,
        noise: Annotated[float, Range(0.0, 1.0)] = 0.05,
        seed: Annotated[int, Range(0, 2**31 - 1)] = 0,
    ) -> None:
        self.samples, self.noise, self.seed = samples, noise, seed

    def maps(self, query: SaliencyQuery) -> Tensor:
        """Return the mean over samples of (image − baseline) × gradient, summed over colours."""
        x, rng = query.x, torch.Generator().manual_seed(self.seed)
        baselines = torch.cat([query.gray_baseline(), query.gray_baseline() * 0, query.gray_baseline() * 0 + 1])
        total = torch.zeros_like(x)
        for _ in range(self.samples):
            baseline = baselines[torch.randint(len(baselines), (len(x),), generator=rng).to(x.device)]
            share = torch.rand(len(x), 1, 1, 1, generator=rng).to(x)
            noisy = x + self.noise * torch.randn(x.shape, generator=rng).to(x)
            total += (noisy - baseline) * query.input_gradient(baseline + share * (noisy - baseline))
        return (total / self.samples).sum(1)
