"""Norms and biases: the smallest set of weights that still adapts every stage (BitFit; TinyTL)."""

from __future__ import annotations

from torch import nn

from workbench.nets.net import Net
from workbench.tunings import Tuning, tunings


@tunings.add("norms-and-biases")
class NormsAndBiases(Tuning):
    """In every stage only normalization weights and biases move, with the head; convolution filters are frozen."""

    paper = "Frankle et al. 2020, arXiv:2003.00152; Ben Zaken et al. 2021, arXiv:2106.10199"
    lr = 3e-3

    def lr_multipliers(self, net: Net, progress: float) -> list[float]:
        return [1.0] * len(net.stages)

    def trains(self, name: str, parameter: nn.Parameter) -> bool:
        last = name.rpartition(".")[2]
        # a weight with at most one dimension is the scale of a normalization
        return name.startswith("head.") or last == "bias" or (last == "weight" and parameter.ndim <= 1)
