"""Layer-wise relevance propagation: the answer handed back, layer by layer, to what it was computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from torch import Tensor, nn

from workbench.errors import BadValue
from workbench.forms import Range
from workbench.nets.hearing import hooked
from workbench.probes.maps import methods
from workbench.probes.maps.base import Method, Question
from workbench.probes.maps.gamma_rule import WEIGHING, Rule

if TYPE_CHECKING:
    from workbench.nets import Net

# linear in evaluation mode, or passing on what they choose: the plain gradient is their rule
PLAIN = {nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Dropout, nn.Identity, nn.Flatten}
PLAIN |= {nn.ReLU, nn.ReLU6, nn.LeakyReLU}


@methods.add("lrp")
class LRP(Method):
    """The score handed back by the rule γ, which favours what spoke for the target; for nets of convolutions and ReLU.

    A layer shares its relevance out as its inputs contributed; what spoke the way of the sum counts 1 + γ times.

    Args:
        gamma: how much agreeing contributions are favoured; 0 shares out by contribution alone.
    """

    source = "Bach et al. 2015, doi:10.1371/journal.pone.0130140; rule γ: Montavon et al. 2019, Andéol et al. 2021"
    signed = True

    def __init__(self, *, gamma: Annotated[float, Range(0.0, 10.0)] = 0.25) -> None:
        self.gamma = gamma

    def maps(self, asked: Question) -> Tensor:
        """Relevance of the normalised pixels, summed over colours."""
        net = asked.net
        refuse(net)
        asked.score()
        layers = [m for m in net.modules() if type(m) in WEIGHING or isinstance(m, nn.BatchNorm2d)]
        with hooked(layers, Rule(self.gamma)):
            slope = asked.gradient(asked.x)
        # a normalised pixel is (x - mean) / std, and its slope std times the pixel's
        return ((asked.x - net.mean) * slope).sum(1)


def refuse(net: Net) -> None:
    """Refuses nets with layers that no rule here covers.

    Raises:
        BadValue: naming the first such layer.
    """
    for name, module in net.named_modules():
        own = next(module.parameters(recurse=False), None) is not None
        leaf = next(module.children(), None) is None
        known = type(module) in PLAIN | WEIGHING or isinstance(module, nn.BatchNorm2d)
        if (own or leaf) and not known:
            found = f"this {type(net.backbone).__name__} has a {type(module).__name__} at {name}"
            raise BadValue(
                f"LRP has rules for convolutions, linear layers, batch norm, ReLU and pooling; {found}: "
                "take integrated-gradients, which shares out the score of any net"
            )
