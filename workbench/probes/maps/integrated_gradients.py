"""Integrated gradients: the answer shared out among the pixels, without remainder."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from workbench.forms import Range
from workbench.probes.maps import methods
from workbench.probes.maps.base import Method, Question


@methods.add("integrated-gradients")
class IntegratedGradients(Method):
    """Gradients gathered on the way from grey to the picture: they add up to how much the score rose on it.

    Args:
        steps: places on the way; more add up more exactly.
    """

    source = "Sundararajan et al. 2017, arXiv:1703.01365"
    signed = True

    def __init__(self, *, steps: Annotated[int, Range(2, 1000)] = 16) -> None:
        self.steps = steps

    def maps(self, asked: Question) -> Tensor:
        """The sum over colours of way times mean gradient, by Gauss-Legendre quadrature (captum's)."""
        from captum.attr import IntegratedGradients as Integrated

        asked.score()
        # captum repeats the pictures, one step after another: as many at once as there were pictures
        together = len(asked.x)
        with torch.enable_grad():
            found = Integrated(asked.score).attribute(
                asked.x, baselines=asked.grey().expand_as(asked.x), n_steps=self.steps, internal_batch_size=together
            )
        return found.sum(1).detach()
