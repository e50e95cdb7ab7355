"""Plain saliency: gradient of the target with respect to the pixels."""

from __future__ import annotations

from torch import Tensor

from workbench.probes.maps import methods
from workbench.probes.maps.base import SaliencyMethod, SaliencyQuery


@methods.add("saliency")
class Gradient(SaliencyMethod):
    """Largest gradient of the target over a pixel's colours: sharp and noisy."""

    paper = "Simonyan et al. 2013, arXiv:1312.6034"

    def maps(self, query: SaliencyQuery) -> Tensor:
        """Return the greatest absolute gradient of the three colours."""
        return query.input_gradient(query.x).abs().amax(1)
