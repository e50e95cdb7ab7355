"""Activation maps of a stage, and the image crops with the highest activations of a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue
from workbench.nets.feature_maps import FeatureMap
from workbench.nets.hooks import record_stage_output
from workbench.probes.eval_mode import freeze_in_eval_mode
from workbench.probes.input_images import InputImages
from workbench.probes.target_layer import select_feature_map

if TYPE_CHECKING:
    from workbench.nets.net import Net

__all__ = ["ActivationMaps", "TopActivations", "activation_maps", "top_activations"]

BATCH_SIZE = 64  # images per forward pass
MAX_BYTES = 1_000_000_000  # bytes of maps in memory at once
BOX_MASS = 0.95  # share of a unit's gradient inside the box of its receptive field, along each edge


@dataclass(frozen=True)
class ActivationMaps:
    """Activations of every channel of a stage for N images.

    Attributes:
        stage: its name.
        maps: (N, C, h, w) float32.
        images: (N, S, S, 3) uint8, as the net received them.
        ids: (N,) their names.
    """

    stage: str
    maps: np.ndarray
    images: np.ndarray
    ids: np.ndarray


@dataclass(frozen=True)
class TopActivations:
    """Positions in a data set with the highest activations of one channel, highest first.

    Attributes:
        stage: its name.
        channel: number of the channel.
        crops: receptive field of the unit in each image, (h, w, 3) uint8.
        images: (n, S, S, 3) uint8, the whole images.
        boxes: (n, 4) int: top, left, bottom, right of each crop in its image.
        frame: id, row (index in the images), true (if known), and value of the channel there.
    """

    stage: str
    channel: int
    crops: list[np.ndarray]
    images: np.ndarray
    boxes: np.ndarray
    frame: pd.DataFrame


@check_arguments
def activation_maps(net: Net, images: Any, layer: str | None = None) -> ActivationMaps:
    """Compute the activation maps of images at a stage; for transformers, those of the patch tokens.

    Args:
        images: as for `saliency`.
        layer: a stage; if left out, the last one with a feature map that the head depends on.

    Raises:
        UnknownName: no such stage.
        BadValue: a stage without a feature map.
        BadData: no images, or more than their maps fit into memory.
    """
    feature_map, inputs = select_feature_map(net, layer), InputImages.from_images(net, images)
    n_values = int(np.prod(feature_map.stage.shape or ()))
    if len(inputs) * n_values * 4 > MAX_BYTES:
        max_images = MAX_BYTES // n_values // 4
        raise BadData(
            f"the maps of {len(inputs):,} images at {feature_map.stage.name} do not fit into memory: use at most "
            f"{max_images:,}"
        )
    maps = [feature_map.to_map(output).cpu().numpy() for _, output in _iter_stage_outputs(net, inputs, feature_map)]
    return ActivationMaps(feature_map.stage.name, np.concatenate(maps), inputs.images, inputs.ids)


@check_arguments
def top_activations(net: Net, images: Any, layer: str, channel: int, n_images: int = 9) -> TopActivations:
    """Find the images, and the crops of them, with the highest activations of a channel.

    For each image its position with the highest activation counts. The receptive field of that position is the box that
    contains 95 % of the gradient of the activation with respect to the pixels, along each edge.

    Source: Zeiler & Fergus 2013, arXiv:1311.2901; Luo et al. 2016, arXiv:1701.04128 (the effective receptive field).

    Args:
        images: as for `saliency`.
        layer: a stage with a feature map.
        channel: number of the channel.
        n_images: number of images, 1 to 100.

    Raises:
        UnknownName: no such stage.
        BadValue: a stage without a feature map, or a channel or number out of range.
        BadData: no images.
    """
    feature_map = select_feature_map(net, layer)
    channels = feature_map.n_channels
    if isinstance(channel, bool) or not isinstance(channel, (int, np.integer)) or not 0 <= channel < channels:
        raise BadValue(f"{layer} has {channels} channels, numbered 0 to {channels - 1}; got {channel!r}")
    if isinstance(n_images, bool) or not isinstance(n_images, int) or not 1 <= n_images <= 100:
        raise BadValue(f"expected n_images from 1 to 100; got {n_images!r}")
    inputs = InputImages.from_images(net, images)
    flat = np.concatenate(
        [
            feature_map.to_map(output)[:, channel].flatten(1).cpu().numpy()
            for _, output in _iter_stage_outputs(net, inputs, feature_map)
        ]
    )
    best = np.argsort(-flat.max(1), kind="stable")[:n_images]
    positions = flat[best].argmax(1)
    boxes = np.array(
        [
            receptive_field_box(net, feature_map, inputs.to_tensor(slice(row, row + 1)), channel, int(p))
            for row, p in zip(best, positions, strict=True)
        ]
    )
    squares = inputs.images[best]
    crops = [square[a:c, b:d] for square, (a, b, c, d) in zip(squares, boxes, strict=True)]
    columns: dict[str, Any] = {"id": inputs.ids[best], "row": inputs.rows[best]}
    if inputs.labels is not None:
        columns["true"] = [inputs.labels[row] for row in best]
    frame = pd.DataFrame({**columns, "value": flat[best].max(1)})
    return TopActivations(feature_map.stage.name, int(channel), crops, squares, boxes, frame)


def receptive_field_box(
    net: Net, feature_map: FeatureMap, x: Tensor, channel: int, position: int
) -> tuple[int, int, int, int]:
    """Return top, left, bottom, right of a unit's receptive field in x (1, 3, S, S); the image if the gradient is 0."""
    with freeze_in_eval_mode(net), torch.enable_grad(), record_stage_output(net, feature_map, graph="pixels") as output:
        x = x.to(next(net.parameters()).device).requires_grad_(True)
        net(x)
        assert output.value is not None
        unit = feature_map.to_map(output.value)[0, channel].flatten()[position]
        gradient = torch.autograd.grad(unit, x, allow_unused=True)[0] if unit.requires_grad else None
    size = x.shape[-1]
    if gradient is None or not gradient.any():
        return 0, 0, size, size
    magnitude = gradient[0].abs().sum(0)
    (top, bottom), (left, right) = (_mass_interval(magnitude.sum(axis).cpu().numpy()) for axis in (1, 0))
    return top, left, bottom, right


def _mass_interval(mass: np.ndarray) -> tuple[int, int]:
    """Return the range of indices that leaves the same small share of the mass on either side."""
    share = np.cumsum(mass.astype(float)) / mass.sum(dtype=float)
    tail = (1 - BOX_MASS) / 2
    low, high = int(np.searchsorted(share, tail)), int(np.searchsorted(share, 1 - tail)) + 1
    return low, max(min(high, len(mass)), low + 1)


@torch.no_grad()
def _iter_stage_outputs(net: Net, inputs: InputImages, feature_map: FeatureMap) -> Any:
    """Yield rows and output of the stage, one batch of images at a time."""
    with freeze_in_eval_mode(net), record_stage_output(net, feature_map, graph=None) as output:
        device = next(net.parameters()).device
        for start in range(0, len(inputs), BATCH_SIZE):
            part = slice(start, start + BATCH_SIZE)
            net(inputs.to_tensor(part).to(device))
            assert output.value is not None
            yield part, output.value
