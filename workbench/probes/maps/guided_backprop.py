"""Guided backprop: gradients without the negative parts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadValue
from workbench.nets.hooks import attach_forward_hooks
from workbench.probes.maps import methods
from workbench.probes.maps.base import SaliencyMethod, SaliencyQuery


@methods.add("guided-backprop")
class GuidedBackprop(SaliencyMethod):
    """Gradients with only the positive part passed back through activations: crisp, but close to an edge detector.

    Adebayo et al. 2018 show that the maps hardly change when the weights are randomised: see `wb.probes.sanity_check`.
    """

    paper = "Springenberg et al. 2014, arXiv:1412.6806"

    def maps(self, query: SaliencyQuery) -> Tensor:
        """Return the greatest absolute guided gradient of the three colours."""
        activations = [module for module in query.net.modules() if is_activation(module)]
        if not activations:
            raise BadValue(f"guided backprop changes activations such as ReLU; {query.net.choice.name} has none")
        with attach_forward_hooks(activations, _guide_gradient):
            return query.input_gradient(query.x).abs().amax(1)


class PositiveGradient(torch.autograd.Function):
    """Identity in the forward pass, positive part of the gradient in the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the tensor unchanged."""
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        """Return the positive part of the gradient."""
        return grads[0].clamp(min=0)


def is_activation(module: nn.Module) -> bool:
    """Return whether a module is an elementwise activation that passes large values unchanged, as ReLU does."""
    known = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Hardswish, nn.ELU, nn.Mish)
    kind = type(module)
    is_timm = kind.__module__.startswith("timm.layers.activations") and "igmoid" not in kind.__name__
    return isinstance(module, known) or is_timm


def _guide_gradient(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
    return PositiveGradient.apply(output)  # type: ignore[return-value]
