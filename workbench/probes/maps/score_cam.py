"""Score-CAM: channels weighted by the score of the image masked by them."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.forms import Range
from workbench.nets.hooks import record_stage_output
from workbench.probes.maps import methods
from workbench.probes.maps.base import SaliencyMethod, SaliencyQuery


@methods.add("score-cam")
class ScoreCam(SaliencyMethod):
    """Channels as masks over the image, weighted by the score of the masked image: no gradients, many passes.

    Args:
        channels: number of channels used, those that vary most over positions.
    """

    paper = "Wang et al. 2020, arXiv:1910.01279"
    reads_stage = True

    def __init__(self, *, channels: Annotated[int, Range(1, 4096)] = 32) -> None:
        self.channels = channels

    @torch.no_grad()
    def maps(self, query: SaliencyQuery) -> Tensor:
        """Return the sum of the channels, weighted by the softmax of the scores of the images masked by them."""
        with record_stage_output(query.net, query.feature_map, graph=None) as output:
            query.score()
        assert output.value is not None
        a = query.feature_map.to_map(output.value)
        channels = a.flatten(2).var(2, correction=0).topk(min(self.channels, a.shape[1]), dim=1).indices
        a = a.gather(1, channels[:, :, None, None].expand(-1, -1, *a.shape[2:]))
        low, high = a.amin((2, 3), keepdim=True), a.amax((2, 3), keepdim=True)
        masks = F.interpolate((a - low) / (high - low).clamp(min=1e-12), query.x.shape[2:], mode="bilinear")
        gray = query.gray_baseline()
        scores = [query.score(gray + (query.x - gray) * mask[:, None]) for mask in masks.unbind(1)]
        baseline_score = query.score(gray.expand_as(query.x))
        weights = (torch.stack(scores, dim=1) - baseline_score[:, None]).softmax(1)
        return torch.einsum("bc,bchw->bhw", weights, a).relu()
