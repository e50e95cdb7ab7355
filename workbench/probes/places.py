"""Where in the picture: a stage's output as a map of places, for every family of nets."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from workbench.errors import BadValue, UnknownName
from workbench.probes.quiet import hooked, quiet, replaced
from workbench.probes.stage_features import TURN, channels_last, outer

if TYPE_CHECKING:
    from workbench.nets import Net
    from workbench.nets.stages import Stage

FEWEST = 4  # places a side below which a map says little, so that an earlier stage is read where there is one
TOKENS = (0, 1, 2, 4, 5, 8)  # class and register tokens that nets put before the places


@dataclass(frozen=True)
class Grid:
    """How the output of a stage lies in the picture.

    Attributes:
        stage: whose output it is.
        side: places along an edge of the picture.
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
            return places.transpose(1, 2).unflatten(2, (self.side, self.side))
        return out.permute(0, 3, 1, 2) if self.last else out


@dataclass
class Heard:
    """What a stage said during a forward pass.

    Attributes:
        out: its last output of the stage's shape; None before the pass.
    """

    out: Tensor | None = field(default=None)


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


@contextlib.contextmanager
def listening(net: Net, grid: Grid, graph: str | None = "stage") -> Iterator[Heard]:
    """What a stage says in the passes of the block.

    Args:
        graph: `stage`, where gradients to the stage's output will be asked for: the graph begins there, so that what
            lies before it is neither recorded nor walked back through. `pixels` leaves the graph as it is, None cuts
            the output off from it.
    """
    heard = Heard()

    def change(value: Tensor) -> Tensor | None:
        if tuple(value.shape[1:]) != grid.stage.shape:
            return None
        heard.out = value if graph == "pixels" else value.detach()
        if graph != "stage":
            return None
        heard.out.requires_grad_(True)
        # what follows may write into it, which a tensor that asks for gradients forbids
        return heard.out.clone()

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        return replaced(output, change)

    with hooked([net.get_submodule(name) for name in outer(net, grid.stage)], hook):
        yield heard


def chosen_grid(net: Net, layer: str | None) -> Grid:
    """The stage to read: the one named, or the last whose places the head listens to.

    Raises:
        UnknownName: no such stage.
        BadValue: a stage without places, or a net of which no stage has any.
    """
    known = {stage.name: stage for stage in net.stages}
    if layer is not None and layer not in known:
        raise UnknownName.of(f"stage of {net.choice.name}", layer, known)
    if layer is not None:
        grid = grid_of(net, known[layer])
        if grid is None:
            raise BadValue(f"the stage {layer} of {net.choice.name} has no places in the picture: {_with_places(net)}")
        return grid
    grids = [grid for stage in net.stages[:-1] if (grid := grid_of(net, stage)) is not None and grid.side > 1]
    if not grids:
        raise BadValue(
            f"no stage of {net.choice.name} has places at {net.preprocessing.size} px, so that nothing says where; "
            "load it for a larger size, or take a method that reads pixels, such as 'integrated-gradients'"
        )
    wide = [grid for grid in grids if grid.side >= FEWEST]
    return next((grid for grid in reversed(wide or grids) if _listened_to(net, grid)), (wide or grids)[-1])


def _with_places(net: Net) -> str:
    names = [stage.name for stage in net.stages if grid_of(net, stage) is not None]
    return f"choose one of {', '.join(names)}" if names else "none of its stages has"


def _listened_to(net: Net, grid: Grid) -> bool:
    """Whether what the net says depends on the places: after a class token's last look, it does not."""
    size = net.preprocessing.size
    x = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    with quiet(net), torch.enable_grad(), listening(net, grid) as heard:
        logits = net(x.to(next(net.parameters()).device))
        if heard.out is None or not logits.requires_grad:
            return False
        (gradient,) = torch.autograd.grad(logits.square().sum(), heard.out, allow_unused=True)
    return gradient is not None and bool(grid.map(gradient).any())
