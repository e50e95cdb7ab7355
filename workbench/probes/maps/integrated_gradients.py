"""Integrated gradients: the score distributed among the pixels, without remainder."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from workbench.forms import Range
from workbench.probes.maps import methods
from workbench.probes.maps.base import SaliencyMethod, SaliencyQuery


@methods.add("integrated-gradients")
class IntegratedGradients(SaliencyMethod):
    """Gradients integrated from a grey image to the image: they sum to the difference of the scores.

    Args:
        steps: points on the path; with more, the sum is more exact.
    """

    paper = "Sundararajan et al. 2017, arXiv:1703.01365"
    signed = True

    def __init__(self, *, steps: Annotated[int, Range(2, 1000)] = 16) -> None:
        self.steps = steps

    def maps(self, query: SaliencyQuery) -> Tensor:
        """Return (image − grey) × mean gradient, summed over colours, by Gauss-Legendre quadrature (captum's)."""
        from captum.attr import IntegratedGradients as Integrated

        query.score()
        # captum repeats the images once per step: batches as large as the given one
        batch_size = len(query.x)
        with torch.enable_grad():
            attribution = Integrated(query.score).attribute(
                query.x,
                baselines=query.gray_baseline().expand_as(query.x),
                n_steps=self.steps,
                internal_batch_size=batch_size,
            )
        return attribution.sum(1).detach()
