"""L2-SP: weight decay towards the start, not towards zero."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from workbench.forms import Range
from workbench.nets import Net
from workbench.strategies import Batch, Losses, Strategy, Table, strategies
from workbench.strategies.functional import supervised


@strategies.add("l2-sp")
class L2SP(Strategy):
    """Fine-tuning with a spring from every backbone weight to its pretrained value; the new head decays to zero.

    Args:
        alpha: strength of the spring to the starting point; α of the paper.
        beta: strength of the decay of the new head; β of the paper.
    """

    source = "Li et al. 2018, arXiv:1802.01483"
    decays = False

    def __init__(
        self, *, alpha: Annotated[float, Range(0.0, 1000.0)] = 0.1, beta: Annotated[float, Range(0.0, 1000.0)] = 0.01
    ) -> None:
        super().__init__()
        self.alpha, self.beta = alpha, beta
        self.start: Table

    def prepare(self, net: Net) -> None:
        self.start = Table(dict(net.backbone.named_parameters()))

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        x, y = batch["labelled"]
        weights = dict(net.backbone.named_parameters())
        # a weight that does not move is at its start: its spring is zero, and skipping it saves the work
        pulls = [(weights[name] - start).square().sum() for name, start in self.start.items() if moves(weights[name])]
        decays = [weight.square().sum() for weight in net.head.parameters() if moves(weight)]
        terms = supervised(net(x), y, self.target)
        return terms | {"pull": self.alpha / 2 * total(pulls, x), "decay": self.beta / 2 * total(decays, x)}


def moves(weight: nn.Parameter) -> bool:
    """Whether an update may change `weight`."""
    return weight.requires_grad


def total(terms: list[Tensor], like: Tensor) -> Tensor:
    """The sum of scalars; zero on the device of `like` where there are none."""
    return torch.stack(terms).sum() if terms else torch.zeros((), device=like.device)
