"""SimCLR: two views of one image get similar features, views of different images do not."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.forms import Range
from workbench.nets.net import Net
from workbench.strategies import Batch, Losses, Strategy, strategies
from workbench.strategies.functional import online_probe_loss
from workbench.strategies.self_supervised.augmentations import crop_randomly, jitter_colors


@strategies.add("simclr")
class SimCLR(Strategy):
    """Contrastive learning without labels: find the other view of the same image among all views of the batch.

    The labels train the head alone, on features that it cannot change: an online probe, which validation shows.

    Args:
        temperature: τ of the paper; lower values weight the most similar negatives more.
        width: dimension of the projection in which views are compared; its hidden layer is as wide as the features.
        min_area: smallest fraction of an image's area in a view.
        color: strength of the color jitter; 0 keeps hue as a cue.
        gray: fraction of the views without color.
    """

    paper = "Chen et al. 2020, arXiv:2002.05709"
    whole_batch = True

    def __init__(
        self,
        *,
        temperature: Annotated[float, Range(0.01, 10.0, log=True)] = 0.2,
        width: Annotated[int, Range(2, 8192)] = 64,
        min_area: Annotated[float, Range(0.01, 1.0)] = 0.2,
        color: Annotated[float, Range(0.0, 1.0)] = 0.5,
        gray: Annotated[float, Range(0.0, 1.0)] = 0.2,
    ) -> None:
        super().__init__()
        self.temperature, self.width = temperature, width
        self.min_area, self.color, self.gray = min_area, color, gray
        self.projection: nn.Sequential

    def prepare(self, net: Net) -> None:
        inside = net.feature_dim
        self.projection = nn.Sequential(nn.Linear(inside, inside), nn.ReLU(), nn.Linear(inside, self.width))

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        x, y = batch["labelled"]
        features = net.features(torch.cat([self.draw_view(x), self.draw_view(x)]))
        first, second = self.projection(features).chunk(2)
        contrast = nt_xent(first, second, self.temperature)
        return {"contrast": contrast, "probe": online_probe_loss(net, features[: len(x)], y, self.label_spec)}

    def draw_view(self, x: Tensor) -> Tensor:
        """Draw a random view of each image, (B, 3, H, W) -> (B, 3, H, W)."""
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            view = jitter_colors(crop_randomly(x, self.min_area), self.color, self.gray)
            return view.contiguous(memory_format=torch.channels_last)


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Compute the cross-entropy of each view's pair among 2B - 1 others, by cosine similarity, (B, D), (B, D) -> ()."""
    z = F.normalize(torch.cat([first, second]).float(), dim=1)
    with torch.autocast(z.device.type, enabled=False):  # bf16 would round neighboring similarities to one number
        alike = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    twins = torch.arange(len(z), device=z.device).roll(len(first))
    return F.cross_entropy(alike, twins)
