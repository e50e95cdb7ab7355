"""Rotation prediction: a net that predicts the rotation of an image has to recognize its content."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.net import Net
from workbench.strategies import Batch, Losses, Strategy, strategies
from workbench.strategies.functional import online_probe_loss


@strategies.add("rotation")
class Rotation(Strategy):
    """Training without labels to classify rotations of 0, 90, 180 and 270 degrees, all four of each image.

    The labels train the head alone, on features that it cannot change: an online probe, which validation shows.
    """

    paper = "Gidaris et al. 2018, arXiv:1803.07728"

    def __init__(self) -> None:
        super().__init__()
        self.judge: nn.Linear

    def prepare(self, net: Net) -> None:
        self.judge = nn.Linear(net.feature_dim, 4)

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        x, y = batch["labelled"]
        turned, quarters = rotate_by_quarters(x)
        features = net.features(turned)
        rotation = F.cross_entropy(self.judge(features).float(), quarters)
        return {"rotation": rotation, "probe": online_probe_loss(net, features[: len(x)], y, self.label_spec)}


def rotate_by_quarters(x: Tensor) -> tuple[Tensor, Tensor]:
    """Rotate images by 0, 90, 180 and 270 degrees counterclockwise, (B, C, S, S) -> (4B, C, S, S).

    Returns:
        The images, unrotated ones first, and the number of quarter turns of each (4B,).
    """
    turned = torch.cat([x.rot90(quarter, (2, 3)) for quarter in range(4)])
    quarters = torch.arange(4, device=x.device).repeat_interleave(len(x))
    return turned.contiguous(memory_format=torch.channels_last), quarters
