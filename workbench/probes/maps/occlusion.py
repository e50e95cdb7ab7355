"""Occlusion: the decrease of the score when a part of the image is covered."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from workbench.forms import Range
from workbench.probes.maps import methods
from workbench.probes.maps.base import SaliencyMethod, SaliencyQuery


@methods.add("occlusion")
class Occlusion(SaliencyMethod):
    """Decrease of the target's score when a grey square covers each part in turn: slow, and hard to misinterpret.

    Args:
        window: edge of the square, as a share of the image's.
        steps: squares along an edge of the image.
    """

    paper = "Zeiler & Fergus 2013, arXiv:1311.2901"
    signed = True

    def __init__(
        self, *, window: Annotated[float, Range(0.02, 1.0)] = 0.25, steps: Annotated[int, Range(2, 112)] = 8
    ) -> None:
        self.window, self.steps = window, steps

    @torch.no_grad()
    def maps(self, query: SaliencyQuery) -> Tensor:
        """Return the decrease of the score, at each pixel the mean over the squares that cover it."""
        x, gray = query.x, query.gray_baseline()
        image_size = x.shape[-1]
        window_size = max(round(self.window * image_size), 1)
        starts = torch.linspace(0, image_size - window_size, self.steps).round().int().unique().tolist()
        whole = query.score()
        decrease, counts = torch.zeros_like(x[:, 0]), torch.zeros_like(x[0, 0])
        for top in starts:
            for left in starts:
                window = (slice(top, top + window_size), slice(left, left + window_size))
                covered = x.clone()
                covered[..., window[0], window[1]] = gray
                decrease[:, window[0], window[1]] += (whole - query.score(covered))[:, None, None]
                counts[window] += 1
        return decrease / counts.clamp(min=1)
