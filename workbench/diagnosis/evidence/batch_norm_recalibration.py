"""Recalibration of batch norms with the statistics of other images."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.probes.stage_features import iter_center_views

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.nets.net import Net

MAX_IMAGES = 512  # images used at most


def has_batch_norm_statistics(net: Net) -> bool:
    """Return whether a net has batch norms with running statistics."""
    return any(isinstance(m, _BatchNorm) and m.running_mean is not None for m in net.modules())


@torch.no_grad()
def recalibrate_batch_norms(net: Net, images: Images, max_images: int = MAX_IMAGES) -> Net:
    """Return a copy of a net whose batch norms have the means and variances of these images; its weights are unchanged.

    Args:
        max_images: images used at most, evenly spaced over the set.
    """
    new = copy.deepcopy(net).eval()
    rows = torch.linspace(0, len(images) - 1, min(max_images, len(images))).long().unique().numpy()
    norms = [m for m in new.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average over all batches
        norm.train()
    for _, x in iter_center_views(net, images.subset(rows=rows)):
        if len(x) > 1:
            new.features(x)
    for norm, old in zip(norms, (m for m in net.modules() if isinstance(m, _BatchNorm)), strict=False):
        norm.momentum = old.momentum
    return new.eval()
