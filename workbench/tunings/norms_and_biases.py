"""Norms and biases: the smallest set of weights that still bends every stage (BitFit; TinyTL)."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from workbench.nets import Net
from workbench.tunings import Tuning, tunings


@tunings.add("norms-and-biases")
class NormsAndBiases(Tuning):
    """In every stage only normalisation weights and biases move, with the head; filters stay."""

    source = "Frankle et al. 2020, arXiv:2003.00152; Ben Zaken et al. 2021, arXiv:2106.10199"
    lr = 3e-3

    def apply(self, net: Net) -> None:
        for parameter in net.backbone.parameters():
            parameter.requires_grad_(False)
        for module in net.backbone.modules():
            for name, parameter in module.named_parameters(recurse=False):
                if name == "bias" or is_norm(module):
                    parameter.requires_grad_(True)

    def rates(self, net: Net, progress: float) -> list[float]:
        return [1.0] * len(net.stages)


def is_norm(module: nn.Module) -> bool:
    """Whether `module` normalises: torch's own kinds, and any module named for it, as timm's variants are."""
    return isinstance(module, (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)) or "Norm" in type(module).__name__
