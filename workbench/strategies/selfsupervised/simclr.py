"""SimCLR: two views of one image are alike, views of different images are not."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.forms import Range
from workbench.nets import Net
from workbench.strategies import Batch, Losses, Strategy, strategies
from workbench.strategies.functional import probe
from workbench.strategies.selfsupervised.views import coloured, cropped


@strategies.add("simclr")
class SimCLR(Strategy):
    """Contrastive learning without labels: each view finds its twin among all views of the batch.

    The labels train the head alone, on features that it cannot change: an online probe, which validation shows.

    Args:
        temperature: τ of the paper; lower ones look at the nearest rivals.
        width: of the projection that the views are compared in; its hidden layer is as wide as the features.
        smallest: least share of an image's area that a view shows.
        colour: strength of the changes of colour; 0 keeps hue as a cue.
        grey: share of the views without colour.
    """

    source = "Chen et al. 2020, arXiv:2002.05709"
    whole_batch = True

    def __init__(
        self,
        *,
        temperature: Annotated[float, Range(0.01, 10.0, log=True)] = 0.2,
        width: Annotated[int, Range(2, 8192)] = 64,
        smallest: Annotated[float, Range(0.01, 1.0)] = 0.2,
        colour: Annotated[float, Range(0.0, 1.0)] = 0.5,
        grey: Annotated[float, Range(0.0, 1.0)] = 0.2,
    ) -> None:
        super().__init__()
        self.temperature, self.width = temperature, width
        self.smallest, self.colour, self.grey = smallest, colour, grey
        self.projection: nn.Sequential

    def prepare(self, net: Net) -> None:
        inside = net.feature_dim
        self.projection = nn.Sequential(nn.Linear(inside, inside), nn.ReLU(), nn.Linear(inside, self.width))

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        x, y = batch["labelled"]
        features = net.features(torch.cat([self.view(x), self.view(x)]))
        first, second = self.projection(features).chunk(2)
        contrast = nt_xent(first, second, self.temperature)
        return {"contrast": contrast, "probe": probe(net, features[: len(x)], y, self.target)}

    def view(self, x: Tensor) -> Tensor:
        """A random view of each image, (B, 3, H, W) -> (B, 3, H, W)."""
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            shown = coloured(cropped(x, self.smallest), self.colour, self.grey)
            return shown.contiguous(memory_format=torch.channels_last)


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding one's twin among 2B - 1 others by cosine similarity, (B, D), (B, D) -> ()."""
    z = F.normalize(torch.cat([first, second]).float(), dim=1)
    with torch.autocast(z.device.type, enabled=False):  # in bf16 neighbouring similarities would be one number
        alike = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    twins = torch.arange(len(z), device=z.device).roll(len(first))
    return F.cross_entropy(alike, twins)
