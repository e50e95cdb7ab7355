"""Feature visualisation: the picture that a neuron, a channel or a class answers to most, found by optimisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.forms import Range
from workbench.markers import Seed
from workbench.probes.canvas import Canvas
from workbench.probes.places import chosen_grid, listening
from workbench.probes.quiet import quiet
from workbench.probes.targets import indices

if TYPE_CHECKING:
    from workbench.nets import Net

WAKING = 8  # steps in which a silent unit is shown louder noise
RATE = 0.1  # of Adam, in the whitened coefficients
SHIFT, ZOOM, TURN = 1 / 16, 0.1, 0.12  # share of the edge, share of the size, radians


@dataclass(frozen=True)
class Visualised:
    """What units answer to most.

    Attributes:
        pictures: (n, S, S, 3) float32 from 0 to 1, a picture a unit.
        units: their names, such as `layer2, channel 5`.
        history: (steps, n) what each unit answered, step by step.
        finished: whether all steps were taken.
    """

    pictures: np.ndarray
    units: list[str]
    history: np.ndarray
    finished: bool


@check_arguments
def visualise(
    net: Net,
    layer: str | None = None,
    channel: int | Sequence[int] | None = None,
    *,
    neuron: tuple[int, int] | None = None,
    target: int | str | Sequence[int | str] | None = None,
    steps: Annotated[int, Range(1, 5000)] = 128,
    seed: Seed = 0,
    progress: bool = False,
    watch: Callable[[int, int, np.ndarray], bool | None] | None = None,
) -> Visualised:
    """Pictures that channels, single neurons or classes answer to most.

    Coefficients of frequencies in decorrelated colours are climbed, under small random shifts, turns and changes of
    size, so that the picture must hold where the net would see it in life.

    Olah et al. 2017, "Feature visualization", doi:10.23915/distill.00007.

    Args:
        layer: a stage; the one that `saliency` would read if left out.
        channel: one channel of it, or several: their mean over places is climbed.
        neuron: row and column of the one place to climb instead of the mean, from 0.
        target: a class, or several, in place of channels: their logits are climbed.
        steps: of the climb, 1 to 5000.
        seed: of the start and of the shifts.
        progress: whether to show a bar.
        watch: called at every step with its number, their count and the pictures (n, S, S, 3); True ends the climb.

    Raises:
        UnknownName, BadValue: no such stage, channel, place or class; neither a channel nor a target, or both.
    """
    history: list[np.ndarray] = []
    with quiet(net), torch.enable_grad():
        units, climb = _goal(net, layer, channel, neuron, target)
        place = next(net.parameters()).device
        canvas, dice = Canvas(len(units), net.preprocessing.size, seed, place), torch.Generator().manual_seed(seed + 1)
        adam = torch.optim.Adam([canvas.spectrum], lr=RATE)
        for step in tqdm(range(steps), disable=not progress, desc="climbing", unit="step"):
            answers = climb(jittered(canvas.pictures(), dice))
            adam.zero_grad()
            (-answers.sum()).backward()
            adam.step()
            if step < WAKING:
                canvas.stir(answers.detach() == 0, dice)
            history.append(answers.detach().cpu().numpy())
            if watch is not None and watch(step + 1, steps, _shown(canvas)):
                break
    return Visualised(_shown(canvas), units, np.stack(history), len(history) == steps)


def jittered(x: Tensor, dice: torch.Generator) -> Tensor:
    """The pictures shifted, turned and resized a little, all alike, (n, 3, S, S)."""
    turn, zoom, across, down = (2 * torch.rand(4, generator=dice) - 1).tolist()
    angle, scale = TURN * turn, 1 + ZOOM * zoom
    cos, sin = scale * float(np.cos(angle)), scale * float(np.sin(angle))
    map_ = torch.tensor([[cos, -sin, 2 * SHIFT * across], [sin, cos, 2 * SHIFT * down]]).to(x)
    where = F.affine_grid(map_.expand(len(x), 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, where, padding_mode="reflection", align_corners=False)


def _goal(net: Net, layer: Any, channel: Any, neuron: Any, target: Any) -> tuple[list[str], Any]:
    """What is climbed: the units' names, and pictures (n, 3, S, S) -> answers (n,)."""
    if (channel is None) == (target is None):
        raise BadValue("name either channels of a stage (channel=5, layer='layer2') or classes (target='fish')")
    if target is not None:
        if layer is not None or neuron is not None:
            raise BadValue("layer and neuron belong to channels; a class is climbed at the net's end: leave them out")
        wanted = [target] if isinstance(target, (str, bytes)) or np.ndim(target) == 0 else list(target)
        chosen = indices(net, wanted, len(wanted))
        assert chosen is not None
        names = [net.classes[k] if net.classes else f"class {k}" for k in chosen.tolist()]
        rows = torch.arange(len(chosen))
        return names, lambda x: net(x)[rows, chosen.to(x.device)]
    grid = chosen_grid(net, layer)
    channels = [channel] if np.ndim(channel) == 0 else list(channel)
    if not channels:
        raise BadValue(f"name at least one of the {grid.channels} channels of {grid.stage.name}; got none")
    for one in channels:
        if isinstance(one, bool) or not isinstance(one, (int, np.integer)) or not 0 <= one < grid.channels:
            raise BadValue(
                f"{grid.stage.name} has {grid.channels} channels, numbered 0 to {grid.channels - 1}; got {one!r}"
            )
    at = "" if neuron is None else f", place {neuron[0]}, {neuron[1]}"
    if neuron is not None and not all(0 <= n < grid.side for n in neuron):
        raise BadValue(f"{grid.stage.name} has {grid.side} × {grid.side} places, numbered from 0; got {tuple(neuron)}")
    rows = torch.arange(len(channels))

    def climb(x: Tensor) -> Tensor:
        with listening(net, grid, graph="pixels") as heard:
            net(x)
        assert heard.out is not None
        maps = grid.map(heard.out)[rows, channels]
        return maps.mean((1, 2)) if neuron is None else maps[:, neuron[0], neuron[1]]

    return [f"{grid.stage.name}, channel {one}{at}" for one in channels], climb


def _shown(canvas: Canvas) -> np.ndarray:
    return canvas.pictures().detach().permute(0, 2, 3, 1).cpu().numpy()
