"""Hints: a student's feature maps predict a teacher's, so that every position in an image contributes to the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.errors import BadValue
from workbench.nets.feature_maps import FeatureMap, capture_feature_maps, find_feature_map, list_feature_maps
from workbench.nets.net import Net
from workbench.strategies import Batch, Losses, strategies
from workbench.strategies.distill.features import DistillFeatures


@strategies.add("distill-hints")
class DistillHints(DistillFeatures):
    """Training on a teacher's features and feature maps: the student learns where objects are before what they are.

    At each hint a 1×1 convolution of the student's channels predicts the teacher's, position by position, each in units
    of its own spread; the finer of the two maps is averaged to the size of the coarser one. The loss is the fraction of
    variance that is not explained, averaged over the hints, beside that of the features.

    Args:
        teacher: what `wb.load_net` takes, of any architecture and any classes.
        hints: teacher's stage by student's stage, for each hint; by default the last feature map of each.
        others: further teachers, of which only the features are predicted.
    """

    paper = "Romero et al. 2015, arXiv:1412.6550"
    teachers: nn.ModuleList
    pairs: list[tuple[FeatureMap, FeatureMap]]

    def __init__(self, *, teacher: str, hints: Mapping[str, str] | None = None, others: Sequence[str] = ()) -> None:
        super().__init__(teacher=teacher, others=others)
        self.hints = dict(hints or {})
        self.tells, self.spreads = nn.ModuleList(), nn.ModuleList()

    def prepare(self, net: Net) -> None:
        super().prepare(net)
        teacher = cast(Net, self.teachers[0])
        named = [(find_feature_map(net, mine), find_feature_map(teacher, its)) for mine, its in self.hints.items()]
        self.pairs = named or [(find_last_feature_map(net), find_last_feature_map(teacher))]
        for mine, its in self.pairs:
            self.tells.append(nn.Conv2d(mine.n_channels, its.n_channels, 1))
            self.spreads.append(nn.BatchNorm2d(its.n_channels, affine=False))

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        ours, theirs = zip(*self.pairs, strict=True)
        teacher = cast(Net, self.teachers[0])
        with capture_feature_maps(net, ours) as student_maps, capture_feature_maps(teacher, theirs) as teacher_maps:
            terms = super().losses(net, batch, progress)
        hint_losses = []
        for (mine, its), predict, spread in zip(self.pairs, self.tells, self.spreads, strict=True):
            # frozen stages may be cached and not computed: a hint cannot train them
            if mine.stage.name in student_maps:
                x, y = resize_to_coarser(student_maps[mine.stage.name], teacher_maps[its.stage.name].float())
                hint_losses.append(F.mse_loss(predict(x).float(), spread(y)))
        return {"hints": torch.stack(hint_losses).mean(), **terms} if hint_losses else terms


def find_last_feature_map(net: Net) -> FeatureMap:
    """Find the feature map of the last stage that has spatial positions.

    Raises:
        BadValue: no stage of the net has any.
    """
    if not (maps := list_feature_maps(net)):
        raise BadValue(f"no stage of {net.choice.name} has a spatial feature map; use 'distill-features'")
    return maps[-1]


def resize_to_coarser(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Average two maps (B, C, h, w) and (B, C', h', w') to the size of the coarser one."""
    size = min(x.shape[-1], y.shape[-1])
    return F.adaptive_avg_pool2d(x, size), F.adaptive_avg_pool2d(y, size)
