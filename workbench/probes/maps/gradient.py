"""Plain saliency: the pixels that the answer hangs on."""

from __future__ import annotations

from torch import Tensor

from workbench.probes.maps import methods
from workbench.probes.maps.base import Method, Question


@methods.add("saliency")
class Gradient(Method):
    """The largest gradient of the target over a pixel's colours: sharp and noisy."""

    source = "Simonyan et al. 2013, arXiv:1312.6034"

    def maps(self, asked: Question) -> Tensor:
        """The greatest of the three colours' gradients, without its sign."""
        return asked.gradient(asked.x).abs().amax(1)
