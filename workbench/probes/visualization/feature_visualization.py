"""Feature visualisation: images that maximise a neuron, a channel or a class, found by optimisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.forms import Range
from workbench.nets.hooks import record_stage_output
from workbench.probes.class_targets import resolve_targets
from workbench.probes.eval_mode import freeze_in_eval_mode
from workbench.probes.target_layer import select_feature_map
from workbench.probes.visualization.fourier_image import FourierImage

if TYPE_CHECKING:
    from workbench.nets.net import Net

__all__ = ["FeatureVisualization", "visualize_features"]

N_NOISE_STEPS = 8  # steps in which images whose unit does not respond get strong noise
LEARNING_RATE = 0.1  # of Adam, on the whitened coefficients
MAX_SHIFT, MAX_ZOOM, MAX_ROTATION = 1 / 16, 0.1, 0.12  # share of the edge, share of the size, radians


@dataclass(frozen=True)
class FeatureVisualization:
    """Images that maximise units.

    Attributes:
        images: (n, S, S, 3) float32 from 0 to 1, one image per unit.
        unit_names: such as `layer2, channel 5`.
        history: (steps, n) response of each unit, step by step.
        is_complete: True if all steps were computed.
    """

    images: np.ndarray
    unit_names: list[str]
    history: np.ndarray
    is_complete: bool


@check_arguments
def visualize_features(
    net: Net,
    layer: str | None = None,
    channel: int | Sequence[int] | None = None,
    *,
    neuron: tuple[int, int] | None = None,
    target: int | str | Sequence[int | str] | None = None,
    steps: Annotated[int, Range(1, 5000)] = 128,
    seed: Seed = 0,
    progress: bool = False,
    callback: Callable[[int, int, np.ndarray], bool | None] | None = None,
) -> FeatureVisualization:
    """Find images that maximise channels, single neurons or classes.

    Fourier coefficients in decorrelated colours are optimised under small random shifts, rotations and changes of size,
    so that the image is robust to them.

    Source: Olah et al. 2017, "Feature visualization", doi:10.23915/distill.00007.

    Args:
        layer: a stage; that of `saliency` if left out.
        channel: one channel of it, or several: their mean over positions is maximised.
        neuron: row and column of the one position to maximise instead of the mean, from 0.
        target: a class, or several, instead of channels: their logits are maximised.
        steps: of the optimisation, 1 to 5000.
        seed: of the initial image and of the random changes.
        progress: True to show a progress bar.
        callback: called at every step with its number, the number of steps and the images (n, S, S, 3); True stops
            there.

    Raises:
        UnknownName, BadValue: no such stage, channel, position or class; neither a channel nor a target, or both.
    """
    history: list[np.ndarray] = []
    with freeze_in_eval_mode(net), torch.enable_grad():
        unit_names, objective = _build_objective(net, layer, channel, neuron, target)
        device = next(net.parameters()).device
        image, rng = (
            FourierImage(len(unit_names), net.preprocessing.size, seed, device),
            torch.Generator().manual_seed(seed + 1),
        )
        adam = torch.optim.Adam([image.spectrum], lr=LEARNING_RATE)
        for step in tqdm(range(steps), disable=not progress, desc="optimising", unit="step"):
            responses = objective(jitter_images(image.to_images(), rng))
            adam.zero_grad()
            (-responses.sum()).backward()
            adam.step()
            if step < N_NOISE_STEPS:
                image.add_noise(responses.detach() == 0, rng)
            history.append(responses.detach().cpu().numpy())
            if callback is not None and callback(step + 1, steps, _to_numpy_images(image)):
                break
    return FeatureVisualization(_to_numpy_images(image), unit_names, np.stack(history), len(history) == steps)


def jitter_images(x: Tensor, rng: torch.Generator) -> Tensor:
    """Shift, rotate and resize the images slightly, all in the same way, (n, 3, S, S)."""
    rotation, zoom, across, down = (2 * torch.rand(4, generator=rng) - 1).tolist()
    angle, scale = MAX_ROTATION * rotation, 1 + MAX_ZOOM * zoom
    cos, sin = scale * float(np.cos(angle)), scale * float(np.sin(angle))
    transform = torch.tensor([[cos, -sin, 2 * MAX_SHIFT * across], [sin, cos, 2 * MAX_SHIFT * down]]).to(x)
    grid = F.affine_grid(transform.expand(len(x), 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def _build_objective(net: Net, layer: Any, channel: Any, neuron: Any, target: Any) -> tuple[list[str], Any]:
    """Return the units' names, and the objective: images (n, 3, S, S) -> responses (n,)."""
    if (channel is None) == (target is None):
        raise BadValue("expected either channels of a stage (channel=5, layer='layer2') or classes (target='fish')")
    if target is not None:
        if layer is not None or neuron is not None:
            raise BadValue("layer and neuron are arguments for channels: leave them out for a class")
        targets = [target] if isinstance(target, (str, bytes)) or np.ndim(target) == 0 else list(target)
        classes = resolve_targets(net, targets, len(targets))
        assert classes is not None
        names = [net.classes[k] if net.classes else f"class {k}" for k in classes.tolist()]
        rows = torch.arange(len(classes))
        return names, lambda x: net(x)[rows, classes.to(x.device)]
    feature_map = select_feature_map(net, layer)
    channels = [channel] if np.ndim(channel) == 0 else list(channel)
    if not channels:
        raise BadValue(
            f"name at least one of the {feature_map.n_channels} channels of {feature_map.stage.name}; got none"
        )
    for one in channels:
        if isinstance(one, bool) or not isinstance(one, (int, np.integer)) or not 0 <= one < feature_map.n_channels:
            raise BadValue(
                f"{feature_map.stage.name} has {feature_map.n_channels} channels, numbered 0 to "
                f"{feature_map.n_channels - 1}; got {one!r}"
            )
    suffix = "" if neuron is None else f", position {neuron[0]}, {neuron[1]}"
    if neuron is not None and not all(0 <= n < feature_map.map_size for n in neuron):
        raise BadValue(
            f"{feature_map.stage.name} has {feature_map.map_size} × {feature_map.map_size} positions, numbered from 0; "
            f"got {tuple(neuron)}"
        )
    rows = torch.arange(len(channels))

    def objective(x: Tensor) -> Tensor:
        with record_stage_output(net, feature_map, graph="pixels") as output:
            net(x)
        assert output.value is not None
        maps = feature_map.to_map(output.value)[rows, channels]
        return maps.mean((1, 2)) if neuron is None else maps[:, neuron[0], neuron[1]]

    return [f"{feature_map.stage.name}, channel {one}{suffix}" for one in channels], objective


def _to_numpy_images(image: FourierImage) -> np.ndarray:
    return image.to_images().detach().permute(0, 2, 3, 1).cpu().numpy()
