"""Form of a net in which a strategy is handed it: of stored activations, only the moving part is computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from workbench.nets.net import Net
from workbench.nets.partition.activations import Activations


class PartitionedNet(Net):
    """Net whose frozen layers are computed once per image, behind the interface of a net.

    It is the same net under another class: modules, weights and settings are shared, so a change of one is a change of
    the other. Pixels pass through all layers; this net's stored activations pass through the moving ones only.

    Args:
        net: net to share.
    """

    def __init__(self, net: Net) -> None:
        object.__setattr__(self, "__dict__", net.__dict__)

    def forward_features(self, x: Tensor) -> Tensor:
        """Compute the head's input from pixels or this net's stored activations (B, 3, H, W), as `Net` does."""
        if isinstance(x, Activations) and x.partition.net.__dict__ is self.__dict__ and not x.requires_grad:
            return x.forward_moving()
        return super().forward_features(x)

    def _forward_checked(self, x: Any, method: Callable[[Tensor], Tensor]) -> Tensor:
        # the pixels of stored activations were checked when they were decoded; checking would decode them again
        return method(x) if isinstance(x, Activations) else super()._forward_checked(x, method)
