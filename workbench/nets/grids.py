"""How a stage's output lies in the picture: a map of places, for every family of nets."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from workbench.errors import BadValue, UnknownName
from workbench.nets.hearing import heard
from workbench.nets.measure import TURN

if TYPE_CHECKING:
    from workbench.nets.net import Net
    from workbench.nets.stages import Stage

TOKENS = (0, 1, 2, 4, 5, 8)  # class and register tokens that nets put before the places


@dataclass(frozen=True)
class Grid:
    """How the output of a stage lies in the picture.

    Attributes:
        stage: whose output it is.
        side: places along an edge of the picture, at the net's own size.
        last: whether channels come last.
        prefix: class and register tokens before the places; None where the output is a map.
    """

    stage: Stage
    side: int
    last: bool
    prefix: int | None

    @property
    def channels(self) -> int:
        """C, how many channels the map has."""
        assert self.stage.shape is not None
        return self.stage.shape[-1] if self.last or self.prefix is not None else self.stage.shape[0]

    def map(self, out: Tensor) -> Tensor:
        """The stage's output as (B, C, h, w)."""
        if self.prefix is not None:
            places = out[:, self.prefix :]
            side = math.isqrt(places.shape[1])
            return places.transpose(1, 2).unflatten(2, (side, side))
        return out.permute(0, 3, 1, 2) if self.last else out

    def reads(self, out: Tensor) -> bool:
        """Whether this is what the stage gives, for pictures of whatever size."""
        assert self.stage.shape is not None
        if out.ndim != len(self.stage.shape) + 1:
            return False
        return out.shape[-1 if self.last or self.prefix is not None else 1] == self.channels


def grid_of(net: Net, stage: Stage) -> Grid | None:
    """How the output of a stage lies in the picture; None where it has no places."""
    with TURN:  # the shape is measured on first use, with the weights away for a moment
        shape = stage.shape
    if shape is None or len(shape) not in (2, 3):
        return None
    if len(shape) == 3:
        last = channels_last(net, stage)
        side, other = shape[:2] if last else shape[1:]
        return Grid(stage, side, last, None) if side == other else None
    own = int(getattr(net.backbone, "num_prefix_tokens", 0) or 0)
    for prefix in (own, *TOKENS):
        side = math.isqrt(max(shape[0] - prefix, 0))
        if side and side**2 == shape[0] - prefix:
            return Grid(stage, side, False, prefix)
    return None


def grids_of(net: Net) -> list[Grid]:
    """How the outputs lie of all stages that have places, stem to head."""
    return [grid for stage in net.stages[:-1] if (grid := grid_of(net, stage)) is not None]


def named_grid(net: Net, name: str) -> Grid:
    """How the output of the stage of that name lies in the picture.

    Raises:
        UnknownName: no such stage.
        BadValue: a stage without places, with those that have some.
    """
    known = {stage.name: stage for stage in net.stages}
    if name not in known:
        raise UnknownName.of(f"stage of {net.choice.name}", name, known)
    grid = grid_of(net, known[name])
    if grid is None:
        names = [grid.stage.name for grid in grids_of(net)]
        there = f"choose one of {', '.join(names)}" if names else "none of its stages has"
        raise BadValue(f"the stage {name} of {net.choice.name} has no places in the picture: {there}")
    return grid


def maps(net: Net, grids: Sequence[Grid]) -> contextlib.AbstractContextManager[dict[str, Tensor]]:
    """What stages say in the passes of the block, by name, each as (B, C, h, w), gradients and all."""
    by_name = {grid.stage.name: grid for grid in grids}

    def read(stage: Stage, value: Tensor) -> Tensor | None:
        grid = by_name[stage.name]
        return grid.map(value) if grid.reads(value) else None

    return heard(net, [grid.stage for grid in grids], read)


def channels_last(net: Net, stage: Stage) -> bool:
    """Whether a map's channels come last: maps of square images are square."""
    a, b, c = stage.shape or (0, 0, 0)
    if a == b != c:
        return True
    return a == b == c and getattr(net.backbone, "output_fmt", "NCHW") == "NHWC"
