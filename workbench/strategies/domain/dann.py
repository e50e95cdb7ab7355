"""DANN: features from which a domain classifier cannot predict the domain."""

from __future__ import annotations

import math
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import nn

from workbench.forms import Range
from workbench.nets.net import Net
from workbench.strategies import Batch, Losses, Strategy, strategies
from workbench.strategies.functional import reverse_gradient, supervised_losses


@strategies.add("dann")
class DANN(Strategy):
    """Domain-adversarial training: labels of the source, and features that hide which domain they are from.

    Args:
        weight: largest strength of the reversed gradient, reached as training ends; λ of the paper.
        gamma: how fast that strength rises; 10 in the paper.
        hidden: width of the domain classifier.
    """

    paper = "Ganin et al. 2016, arXiv:1505.07818"
    needs = ("labelled", "unlabelled")

    def __init__(
        self,
        *,
        weight: Annotated[float, Range(0.0, 100.0)] = 1.0,
        gamma: Annotated[float, Range(0.0, 100.0)] = 10.0,
        hidden: Annotated[int, Range(1, 8192)] = 256,
    ) -> None:
        super().__init__()
        self.weight, self.gamma, self.hidden = weight, gamma, hidden
        self.judge: nn.Sequential

    def prepare(self, net: Net) -> None:
        self.judge = nn.Sequential(nn.Linear(net.feature_dim, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 1))

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        x, y = batch["labelled"]
        far, _ = batch["unlabelled"]
        # one pass over both domains, so that batch norm's statistics cover their mixture
        features = net.features(torch.cat([x, far]))
        strength = self.weight * (2 / (1 + math.exp(-self.gamma * progress)) - 1)
        verdict = self.judge(reverse_gradient(features, strength)).squeeze(1)
        truth = torch.cat([verdict.new_zeros(len(x)), verdict.new_ones(len(far))])
        terms = supervised_losses(net.head(features[: len(x)]), y, self.label_spec)
        return terms | {"domain": F.binary_cross_entropy_with_logits(verdict, truth)}
