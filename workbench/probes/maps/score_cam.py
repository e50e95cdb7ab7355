"""Score-CAM: channels weighed by what the net says when only they can be seen."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.forms import Range
from workbench.probes.maps import methods
from workbench.probes.maps.base import Method, Question
from workbench.probes.places import listening


@methods.add("score-cam")
class ScoreCam(Method):
    """Each channel as a mask over the picture, weighed by the target's score behind it: no gradients, many passes.

    Args:
        channels: how many of the stage's channels are tried, those that vary most from place to place.
    """

    source = "Wang et al. 2020, arXiv:1910.01279"
    reads_stage = True

    def __init__(self, *, channels: Annotated[int, Range(1, 4096)] = 32) -> None:
        self.channels = channels

    @torch.no_grad()
    def maps(self, asked: Question) -> Tensor:
        """The sum of the tried channels, weighed by the softmax of the scores that their masks leave."""
        with listening(asked.net, asked.grid, graph=None) as heard:
            asked.score()
        assert heard.out is not None
        a = asked.grid.map(heard.out)
        tried = a.flatten(2).var(2, correction=0).topk(min(self.channels, a.shape[1]), dim=1).indices
        a = a.gather(1, tried[:, :, None, None].expand(-1, -1, *a.shape[2:]))
        low, high = a.amin((2, 3), keepdim=True), a.amax((2, 3), keepdim=True)
        masks = F.interpolate((a - low) / (high - low).clamp(min=1e-12), asked.x.shape[2:], mode="bilinear")
        grey = asked.grey()
        scores = [asked.score(grey + (asked.x - grey) * mask[:, None]) for mask in masks.unbind(1)]
        blank = asked.score(grey.expand_as(asked.x))
        weights = (torch.stack(scores, dim=1) - blank[:, None]).softmax(1)
        return torch.einsum("bc,bchw->bhw", weights, a).relu()
