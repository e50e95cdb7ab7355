"""L2-SP: weight decay towards the initial weights, not towards zero."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from workbench.forms import Range
from workbench.nets.net import Net
from workbench.strategies import Batch, BufferDict, Losses, Strategy, strategies
from workbench.strategies.functional import supervised_losses


@strategies.add("l2-sp")
class L2SP(Strategy):
    """Fine-tuning with L2 decay of every backbone weight to its pretrained value, and of the new head to zero.

    Args:
        alpha: strength of the decay to the starting point; α of the paper.
        beta: strength of the decay of the new head; β of the paper.
    """

    paper = "Li et al. 2018, arXiv:1802.01483"
    uses_weight_decay = False

    def __init__(
        self, *, alpha: Annotated[float, Range(0.0, 1000.0)] = 0.1, beta: Annotated[float, Range(0.0, 1000.0)] = 0.01
    ) -> None:
        super().__init__()
        self.alpha, self.beta = alpha, beta
        self.start: BufferDict

    def prepare(self, net: Net) -> None:
        self.start = BufferDict(dict(net.backbone.named_parameters()))

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        x, y = batch["labelled"]
        weights = dict(net.backbone.named_parameters())
        # a frozen weight equals its initial value: its term is zero and is skipped
        pulls = [
            (weights[name] - start).square().sum() for name, start in self.start.items() if is_trainable(weights[name])
        ]
        decays = [weight.square().sum() for weight in net.head.parameters() if is_trainable(weight)]
        terms = supervised_losses(net(x), y, self.label_spec)
        return terms | {"pull": self.alpha / 2 * sum_terms(pulls, x), "decay": self.beta / 2 * sum_terms(decays, x)}


def is_trainable(weight: nn.Parameter) -> bool:
    """True if an update may change `weight`."""
    return weight.requires_grad


def sum_terms(terms: list[Tensor], like: Tensor) -> Tensor:
    """Sum scalars; zero on the device of `like` if there are none."""
    return torch.stack(terms).sum() if terms else torch.zeros((), device=like.device)
