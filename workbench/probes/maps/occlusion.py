"""Occlusion: cover a part of the picture, and see what the net loses."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from workbench.forms import Range
from workbench.probes.maps import methods
from workbench.probes.maps.base import Method, Question


@methods.add("occlusion")
class Occlusion(Method):
    """How far the target's score falls when a grey square covers each part in turn: slow, and hard to misread.

    Args:
        window: edge of the square, as a share of the picture's.
        steps: squares along an edge of the picture.
    """

    source = "Zeiler & Fergus 2013, arXiv:1311.2901"
    signed = True

    def __init__(
        self, *, window: Annotated[float, Range(0.02, 1.0)] = 0.25, steps: Annotated[int, Range(2, 112)] = 8
    ) -> None:
        self.window, self.steps = window, steps

    @torch.no_grad()
    def maps(self, asked: Question) -> Tensor:
        """The fall of the score, at each place the mean over the squares that cover it."""
        x, grey = asked.x, asked.grey()
        edge = x.shape[-1]
        wide = max(round(self.window * edge), 1)
        starts = torch.linspace(0, edge - wide, self.steps).round().int().unique().tolist()
        whole = asked.score()
        fall, often = torch.zeros_like(x[:, 0]), torch.zeros_like(x[0, 0])
        for top in starts:
            for left in starts:
                spot = (slice(top, top + wide), slice(left, left + wide))
                covered = x.clone()
                covered[..., spot[0], spot[1]] = grey
                fall[:, spot[0], spot[1]] += (whole - asked.score(covered))[:, None, None]
                often[spot] += 1
        return fall / often.clamp(min=1)
