"""Layer-wise relevance propagation: the score propagated back, layer by layer, to the pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from torch import Tensor, nn

from workbench.errors import BadValue
from workbench.forms import Range
from workbench.nets.hooks import attach_forward_hooks
from workbench.probes.maps import methods
from workbench.probes.maps.base import SaliencyMethod, SaliencyQuery
from workbench.probes.maps.gamma_rule import WEIGHTED_LAYERS, GammaRule

if TYPE_CHECKING:
    from workbench.nets.net import Net

# linear in evaluation mode, or selecting their inputs: the plain gradient is their rule
GRADIENT_LAYERS = {
    nn.BatchNorm2d,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.Dropout,
    nn.Identity,
    nn.Flatten,
}
GRADIENT_LAYERS |= {nn.ReLU, nn.ReLU6, nn.LeakyReLU}


@methods.add("lrp")
class LRP(SaliencyMethod):
    """Score propagated back by the rule γ, which favours evidence for the target; for nets of convolutions and ReLU.

    A layer distributes its relevance in proportion to its inputs' contributions; those with the sign of the sum count 1
    + γ times.

    Args:
        gamma: extra weight of contributions with the sign of the sum; 0 distributes by contribution alone.
    """

    paper = "Bach et al. 2015, doi:10.1371/journal.pone.0130140; rule γ: Montavon et al. 2019, Andéol et al. 2021"
    signed = True

    def __init__(self, *, gamma: Annotated[float, Range(0.0, 10.0)] = 0.25) -> None:
        self.gamma = gamma

    def maps(self, query: SaliencyQuery) -> Tensor:
        """Return the relevance of the normalised pixels, summed over colours."""
        net = query.net
        check_layers(net)
        query.score()
        layers = [m for m in net.modules() if type(m) in WEIGHTED_LAYERS or isinstance(m, nn.BatchNorm2d)]
        with attach_forward_hooks(layers, GammaRule(self.gamma)):
            slope = query.input_gradient(query.x)
        # a normalised pixel is (x - mean) / std, and its gradient std times the pixel's
        return ((query.x - net.mean) * slope).sum(1)


def check_layers(net: Net) -> None:
    """Raise an error for nets with layers that no rule covers.

    Raises:
        BadValue: names the first such layer.
    """
    for name, module in net.named_modules():
        has_parameters = next(module.parameters(recurse=False), None) is not None
        is_leaf = next(module.children(), None) is None
        has_rule = type(module) in GRADIENT_LAYERS | WEIGHTED_LAYERS or isinstance(module, nn.BatchNorm2d)
        if (has_parameters or is_leaf) and not has_rule:
            problem = f"this {type(net.backbone).__name__} has a {type(module).__name__} at {name}"
            raise BadValue(
                f"LRP has rules for convolutions, linear layers, batch norm, ReLU and pooling; {problem}: "
                "use integrated-gradients, which works for any net"
            )
