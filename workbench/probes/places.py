"""Where in the picture: the stage whose places the head listens to, and what it says there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from workbench.errors import BadValue
from workbench.nets.grids import Grid, grids_of, named_grid
from workbench.nets.hearing import hooked, outer
from workbench.probes.quiet import quiet, replaced

if TYPE_CHECKING:
    from workbench.nets import Net

FEWEST = 4  # places a side below which a map says little, so that an earlier stage is read where there is one


@dataclass
class Heard:
    """What a stage said during a forward pass.

    Attributes:
        out: its last output of the stage's shape; None before the pass.
    """

    out: Tensor | None = field(default=None)


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
    if layer is not None:
        return named_grid(net, layer)
    grids = [grid for grid in grids_of(net) if grid.side > 1]
    if not grids:
        raise BadValue(
            f"no stage of {net.choice.name} has places at {net.preprocessing.size} px, so that nothing says where; "
            "load it for a larger size, or take a method that reads pixels, such as 'integrated-gradients'"
        )
    wide = [grid for grid in grids if grid.side >= FEWEST]
    return next((grid for grid in reversed(wide or grids) if _listened_to(net, grid)), (wide or grids)[-1])


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
