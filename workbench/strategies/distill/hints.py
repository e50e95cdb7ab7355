"""Hints: a student's maps tell a teacher's on the way to its features, so that every place of an image teaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.errors import BadValue
from workbench.nets import Net
from workbench.nets.grids import Grid, grids_of, maps, named_grid
from workbench.strategies import Batch, Losses, strategies
from workbench.strategies.distill.features import DistillFeatures


@strategies.add("distill-hints")
class DistillHints(DistillFeatures):
    """Learning a teacher's features and its maps: the student learns where things are before it learns what they are.

    At each hint a linear map of the student's channels tells the teacher's, place by place, each in units of its own
    spread; the finer of the two maps is averaged to the places of the coarser one. The loss is the share of variance
    that is not told, as the mean over the hints, beside that of the features.

    Args:
        teacher: what `wb.load` takes, of any architecture and any classes.
        hints: the teacher's stage that a stage of the student tells, by the student's; the last map of each for none.
        others: further teachers, of whom only the features are told.
    """

    source = "Romero et al. 2015, arXiv:1412.6550"
    teachers: nn.ModuleList

    def __init__(self, *, teacher: str, hints: Mapping[str, str] | None = None, others: Sequence[str] = ()) -> None:
        super().__init__(teacher=teacher, others=others)
        self.hints = dict(hints or {})
        self.pairs: list[tuple[Grid, Grid]]
        self.tells, self.spreads = nn.ModuleList(), nn.ModuleList()

    def prepare(self, net: Net) -> None:
        super().prepare(net)
        teacher = cast(Net, self.teachers[0])
        named = [(named_grid(net, mine), named_grid(teacher, its)) for mine, its in self.hints.items()]
        self.pairs = named or [(last_grid(net), last_grid(teacher))]
        for mine, its in self.pairs:
            self.tells.append(nn.Conv2d(mine.channels, its.channels, 1))
            self.spreads.append(nn.BatchNorm2d(its.channels, affine=False))

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        ours, theirs = zip(*self.pairs, strict=True)
        with maps(net, ours) as told, maps(cast(Net, self.teachers[0]), theirs) as seen:
            terms = super().losses(net, batch, progress)
        lost = []
        for (mine, its), tell, spread in zip(self.pairs, self.tells, self.spreads, strict=True):
            if mine.stage.name in told:  # what is frozen may be stored rather than computed: no hint helps it
                x, y = at_same_places(told[mine.stage.name], seen[its.stage.name].float())
                lost.append(F.mse_loss(tell(x).float(), spread(y)))
        return {"hints": torch.stack(lost).mean(), **terms} if lost else terms


def last_grid(net: Net) -> Grid:
    """How the output lies of the last stage that has places.

    Raises:
        BadValue: no stage of the net has any.
    """
    grids = grids_of(net)
    if not grids:
        raise BadValue(f"no stage of {net.choice.name} has places in the picture; take 'distill-features'")
    return grids[-1]


def at_same_places(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Two maps (B, C, h, w) and (B, C', h', w'), both at the places of the coarser one."""
    places = min(x.shape[-1], y.shape[-1])
    return F.adaptive_avg_pool2d(x, places), F.adaptive_avg_pool2d(y, places)
