"""Guided backprop: gradients that only ever speak for the target."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadValue
from workbench.nets.hearing import hooked
from workbench.probes.maps import methods
from workbench.probes.maps.base import Method, Question


@methods.add("guided-backprop")
class GuidedBackprop(Method):
    """Gradients of which every activation lets only the positive part back: crisp, but close to an edge detector.

    Adebayo et al. 2018 show that the maps hardly change when the weights are drawn anew: see `wb.probes.sanity`.
    """

    source = "Springenberg et al. 2014, arXiv:1412.6806"

    def maps(self, asked: Question) -> Tensor:
        """The greatest of the three colours' guided gradients, without its sign."""
        found = [module for module in asked.net.modules() if activation(module)]
        if not found:
            raise BadValue(f"guided backprop changes activations such as ReLU; {asked.net.choice.name} has none")
        with hooked(found, _guide):
            return asked.gradient(asked.x).abs().amax(1)


class Guided(torch.autograd.Function):
    """Passes everything forward and what is positive back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """The tensor as it is."""
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        """The positive part."""
        return grads[0].clamp(min=0)


def activation(module: nn.Module) -> bool:
    """Whether a module is an elementwise activation that lets large values through, as ReLU does."""
    known = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Hardswish, nn.ELU, nn.Mish)
    kind = type(module)
    timms = kind.__module__.startswith("timm.layers.activations") and "igmoid" not in kind.__name__
    return isinstance(module, known) or timms


def _guide(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
    return Guided.apply(output)  # type: ignore[return-value]
