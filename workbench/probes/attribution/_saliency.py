"""Saliency maps: one call for every method, on images or arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.argument_checks import check_arguments
from workbench.probes.class_targets import resolve_targets
from workbench.probes.eval_mode import freeze_in_eval_mode
from workbench.probes.input_images import InputImages
from workbench.probes.maps import methods
from workbench.probes.maps.base import SaliencyQuery
from workbench.probes.target_layer import select_feature_map

if TYPE_CHECKING:
    from workbench.nets.net import Net

__all__ = ["Saliency", "describe_saliency_methods", "grad_cam", "saliency"]

BATCH_SIZE = 32  # images per forward pass


@dataclass(frozen=True)
class Saliency:
    """Saliency maps of N images.

    Attributes:
        maps: (N, S, S) float32, importance of each pixel; in the method's own units, below 0 only if `signed`.
        images: (N, S, S, 3) uint8, as the net received them.
        target: (N,) the explained outputs, as indices.
        frame: one row per image: id, true (if known, and among the net's classes), predicted, confidence, target and
            its probability.
        method: its name.
        layer: the stage whose feature map is used; None for methods that use pixels.
        signed: True if values below 0 are evidence against the target.
    """

    maps: np.ndarray
    images: np.ndarray
    target: np.ndarray
    frame: pd.DataFrame
    method: str
    layer: str | None
    signed: bool

    def __len__(self) -> int:
        return len(self.maps)

    @property
    def normalized_maps(self) -> np.ndarray:
        """Maps divided by their largest absolute value: 0 to 1, or -1 to 1 if `signed`; a map of zeros stays zero."""
        scale = np.abs(self.maps).max(axis=(1, 2), keepdims=True)
        return self.maps / np.where(scale > 0, scale, 1)


@check_arguments
def saliency(
    net: Net,
    images: Any,
    method: str = "grad-cam",
    target: int | str | Sequence[int | str] | np.ndarray | Tensor | None = None,
    layer: str | None = None,
    **params: Any,
) -> Saliency:
    """Compute saliency maps: how much each pixel contributes to a net's score of the target.

    The net is left unchanged (modes, gradients, hooks), also after an error.

    Args:
        images: an `Images`; or pixels, uint8 or floats from 0 to 1, as an array (N, H, W, 3), (H, W, 3) or a list of
            such, or a tensor (N, 3, H, W). They are cropped and resized as by the net's preprocessing.
        method: one of `wb.probes.describe_saliency_methods()`.
        target: a class by name or index, or one per image; each image's prediction if left out.
        layer: a stage of the net, for methods that use one; if left out, the last one that the head depends on and
            whose feature map is at least 4 wide, for any family of nets.
        params: of the method.

    Raises:
        UnknownName: no such method, parameter, stage or class.
        BadValue: a class index out of range, a stage without a feature map, or a method that does not support this net.
        BadData: no images, or invalid pixels.
    """
    explainer, inputs = methods.create(method, **params), InputImages.from_images(net, images)
    map_parts: list[np.ndarray] = []
    logits: list[Tensor] = []
    with freeze_in_eval_mode(net):
        targets = resolve_targets(net, target, len(inputs))
        feature_map = select_feature_map(net, layer) if explainer.reads_stage else None
        device = next(net.parameters()).device
        for start in range(0, len(inputs), BATCH_SIZE):
            part = slice(start, start + BATCH_SIZE)
            x = inputs.to_tensor(part).to(device)
            query = SaliencyQuery(net, x, None if targets is None else targets[part].to(device), feature_map)
            map_parts.append(_upsample_maps(explainer.maps(query), x.shape[2]))
            assert query.logits is not None
            logits.append(query.logits.float().cpu())
    probabilities = torch.cat(logits).softmax(1)
    explained = probabilities.argmax(1) if targets is None else targets
    frame = _prediction_frame(net, inputs, probabilities, explained)
    stage = feature_map.stage.name if feature_map is not None else None
    return Saliency(
        np.concatenate(map_parts), inputs.images, explained.numpy(), frame, explainer.name, stage, explainer.signed
    )


@check_arguments
def grad_cam(net: Net, images: Any, target: Any = None, layer: str | None = None) -> Saliency:
    """Compute Grad-CAM maps for any net: `saliency` with the most common method.

    Source: Selvaraju et al. 2017, arXiv:1610.02391.

    Args:
        images: as for `saliency`.
        target: a class, or one per image; each image's prediction if left out.
        layer: a stage of the net; chosen if left out.
    """
    return saliency(net, images, "grad-cam", target, layer)


@check_arguments
def describe_saliency_methods() -> pd.DataFrame:
    """Return the saliency methods as a frame: name, description, paper, parameters."""
    return methods.describe()


def concatenate_saliency(parts: Sequence[Saliency]) -> Saliency:
    """Concatenate results of `saliency` with the same settings into the result for all of their images."""
    first = parts[0]
    maps, images, target = (np.concatenate([getattr(p, n) for p in parts]) for n in ("maps", "images", "target"))
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    return Saliency(maps, images, target, frame, first.method, first.layer, first.signed)


def _upsample_maps(maps: Tensor, size: int) -> np.ndarray:
    """Resize maps (B, h, w) to the whole image, (B, size, size)."""
    maps = maps.detach().float()[:, None]
    if maps.shape[2:] != (size, size):
        maps = F.interpolate(maps, (size, size), mode="bilinear")
    return maps[:, 0].cpu().numpy()


def _prediction_frame(net: Net, inputs: InputImages, probabilities: Tensor, target: Tensor) -> pd.DataFrame:
    predicted = probabilities.argmax(1)
    names = net.classes or [str(k) for k in range(probabilities.shape[1])]
    columns: dict[str, Any] = {"id": inputs.ids}
    # true labels are left out if the net has other classes: its prediction is then not an error
    if inputs.labels is not None and not set(names).isdisjoint(inputs.labels):
        columns["true"] = inputs.labels
    columns["predicted"] = [names[k] for k in predicted]
    columns["confidence"] = probabilities.amax(1).numpy()
    columns["target"] = [names[k] for k in target]
    columns["probability"] = probabilities.gather(1, target[:, None])[:, 0].numpy()
    return pd.DataFrame(columns)
