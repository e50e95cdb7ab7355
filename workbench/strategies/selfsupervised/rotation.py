"""Rotation prediction: to say how far an image was turned, one must know what it shows."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets import Net
from workbench.strategies import Batch, Losses, Strategy, strategies
from workbench.strategies.functional import probe


@strategies.add("rotation")
class Rotation(Strategy):
    """Learning without labels to tell 0, 90, 180 and 270 degrees apart, each image seen at all four.

    The labels train the head alone, on features that it cannot change: an online probe, which validation shows.
    """

    source = "Gidaris et al. 2018, arXiv:1803.07728"

    def __init__(self) -> None:
        super().__init__()
        self.judge: nn.Linear

    def prepare(self, net: Net) -> None:
        self.judge = nn.Linear(net.feature_dim, 4)

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        x, y = batch["labelled"]
        turned, quarters = all_turns(x)
        features = net.features(turned)
        rotation = F.cross_entropy(self.judge(features).float(), quarters)
        return {"rotation": rotation, "probe": probe(net, features[: len(x)], y, self.target)}


def all_turns(x: Tensor) -> tuple[Tensor, Tensor]:
    """Images upright and turned to the left by one, two and three quarters, (B, C, S, S) -> (4B, C, S, S), and the
    quarters (4B,), upright ones first.
    """
    turned = torch.cat([x.rot90(quarter, (2, 3)) for quarter in range(4)])
    quarters = torch.arange(4, device=x.device).repeat_interleave(len(x))
    return turned.contiguous(memory_format=torch.channels_last), quarters
