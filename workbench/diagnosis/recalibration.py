"""Batch norms given the statistics of other images."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.probes.stage_features import centre_views

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.images import Images
    from workbench.nets import Net

MOST = 512  # images


def has_statistics(net: Net) -> bool:
    """Whether a net has batch norms that remember."""
    return any(isinstance(m, _BatchNorm) and m.running_mean is not None for m in net.modules())


def recalibrated(case: Case) -> Net:
    """The case's net with statistics of its training images; made once."""
    if "recalibrated" not in case.kept:
        case.kept["recalibrated"] = taken_anew(case.net, case.images.part("train"))
    return case.kept["recalibrated"]


@torch.no_grad()
def taken_anew(net: Net, images: Images, most: int = MOST) -> Net:
    """A copy of a net whose batch norms have the means and variances of these images; its weights are the same.

    Args:
        most: images that are looked at, from all over the set.
    """
    new = copy.deepcopy(net).eval()
    rows = torch.linspace(0, len(images) - 1, min(most, len(images))).long().unique().numpy()
    norms = [m for m in new.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
        norm.train()
    for _, x in centre_views(net, images.part(rows=rows)):
        if len(x) > 1:
            new.features(x)
    for norm, old in zip(norms, (m for m in net.modules() if isinstance(m, _BatchNorm)), strict=False):
        norm.momentum = old.momentum
    return new.eval()
