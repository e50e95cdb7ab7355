"""Pooled features of any stage of a net, the input of probes of domains, embeddings and similarity."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
from torch import Tensor

from workbench._threads import limit_to_free_cores
from workbench.annotated_types import Device
from workbench.argument_checks import check_arguments
from workbench.data.batches import prefetch_batches
from workbench.data.pixels.augmentation import center_crop
from workbench.errors import BadData, BadValue, UnknownName
from workbench.nets.feature_maps import has_channels_last
from workbench.nets.hooks import capture_stage_outputs
from workbench.nets.shape_inference import inference_batch_size, with_net_lock
from workbench.probes.eval_mode import use_eval_mode

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.nets.net import Net
    from workbench.nets.stages import Stage

__all__ = ["StageFeatures", "extract_features_by_stage", "extract_stage_features"]


@dataclass(frozen=True)
class StageFeatures:
    """Features of a stage, one row per image.

    Attributes:
        stage: its name; `features` is the input of the head.
        x: (N, D) float32: feature maps averaged over positions; of tokens the class token if the net uses it, else the
            mean.
        y: labels of the rows, as from `images.labels()`.
        ids: (N,) names of the images.
    """

    stage: str
    x: np.ndarray
    y: np.ndarray
    ids: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


@check_arguments
def extract_stage_features(net: Net, images: Images, stage: str | None = None, **options: Any) -> StageFeatures:
    """Extract pooled features of `images` at one stage; images that cannot be read are left out.

    Args:
        stage: a name in `net.stages`; None is the input of the head.
        options: `split`, `domain` and `device`, as for `extract_features_by_stage`.

    Raises:
        UnknownName: no such stage.
        BadValue: a stage without a single tensor as output.
        BadData: no images.
    """
    return next(iter(extract_features_by_stage(net, images, [stage], **options).values()))


@check_arguments
@limit_to_free_cores()
@with_net_lock
def extract_features_by_stage(
    net: Net,
    images: Images,
    stages: Sequence[str | None] | None = None,
    *,
    split: str | None = None,
    domain: str | None = None,
    device: Annotated[str | torch.device | None, Device()] = None,
) -> dict[str, StageFeatures]:
    """Extract pooled features of `images` at several stages in one pass, by the stages' names.

    The net is left unchanged (modes, gradients, hooks), also after an error.

    Args:
        stages: names in `net.stages`; None among them is the input of the head. All but the head if left out.
        split: one split only.
        domain: one domain only.
        device: to run on; the net's own by default.

    Raises:
        UnknownName: no such stage.
        BadValue: a stage without a single tensor as output.
        BadData: no images, or none that can be read.
    """
    part = images.subset(split=split, domain=domain)
    if not len(part):
        raise BadData(f"{images.name} has no such images: split {split!r}, domain {domain!r}")
    names = [s.name for s in net.stages[:-1] if s.shape is not None] if stages is None else list(stages)
    stages_by_name = {name: _find_stage(net, name) for name in names if name is not None}
    parts: dict[str, list[np.ndarray]] = {name or "features": [] for name in names}
    row_parts: list[np.ndarray] = []
    target_device = torch.device(device) if device is not None else next(net.parameters()).device
    with torch.no_grad(), use_eval_mode(net.to(target_device)), _capture_pooled(net, stages_by_name) as outputs:
        for rows, x in iter_center_views(net, part):
            outputs["features"] = net.features(x.to(target_device))
            if "head" in stages_by_name:
                net(x.to(target_device))
            for name, values in parts.items():
                values.append(outputs[name].float().cpu().numpy())
            row_parts.append(rows)
    if not row_parts:
        raise BadData(f"none of the {len(part)} images of {part.name} can be read; see images.problems")
    rows = np.concatenate(row_parts)
    labels, ids = part.labels()[rows], part.frame["id"].to_numpy()[rows]
    return {name: StageFeatures(name, np.concatenate(values), labels, ids) for name, values in parts.items()}


def iter_center_views(net: Net, images: Images) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Yield indices of readable images and their centre crops (B, 3, H, W) from 0 to 1."""
    pre = net.preprocessing
    view = images.view(**pre.view_options)
    batch_size = inference_batch_size(next(net.parameters()).device)
    chunks = range(0, len(images), batch_size)
    indices = np.arange(len(images))
    batches = prefetch_batches(lambda first: view.load_batch(indices[first : first + batch_size]), chunks, 2)
    for start, (x, is_readable) in zip(chunks, batches, strict=True):
        if is_readable.any():
            yield indices[start : start + batch_size][is_readable], center_crop(x, pre.size).float() / 255


def _find_stage(net: Net, name: str) -> Stage:
    stages = {s.name: s for s in net.stages}
    if name not in stages:
        raise UnknownName.of(f"stage of {net.choice.name}", name, stages)
    if stages[name].shape is None:
        raise BadValue(f"the stage {name} of {net.choice.name} has no single tensor as output; choose another")
    return stages[name]


def _capture_pooled(net: Net, stages: dict[str, Stage]) -> contextlib.AbstractContextManager[dict[str, Tensor]]:
    """Capture the stages' pooled outputs (B, D) by name: of each, the last output that has the stage's shape."""

    def read(stage: Stage, value: Tensor) -> Tensor | None:
        return _pool_output(net, value, stage).clone() if tuple(value.shape[1:]) == stage.shape else None

    return capture_stage_outputs(net, list(stages.values()), read)


def _pool_output(net: Net, x: Tensor, stage: Stage) -> Tensor:
    """Pool a vector, a feature map of either layout, or tokens to (B, D)."""
    if x.ndim == 2:
        return x
    if x.ndim == 4:
        return x.mean((1, 2)) if has_channels_last(net, stage) else x.mean((2, 3))
    if x.ndim == 3:
        prefix = _count_prefix_tokens(net, x.shape[1])
        if prefix and (net.class_token or getattr(net.backbone, "global_pool", "") == "token"):
            return x[:, 0]
        return x[:, prefix:].mean(1)
    return x.flatten(2).mean(2)


def _count_prefix_tokens(net: Net, n_tokens: int) -> int:
    """Return the number of class and register tokens before the patch tokens of a square feature map at this stage."""
    n_prefix_tokens = int(getattr(net.backbone, "num_prefix_tokens", 0) or 0)
    return (
        n_prefix_tokens
        if n_prefix_tokens and round((n_tokens - n_prefix_tokens) ** 0.5) ** 2 == n_tokens - n_prefix_tokens
        else 0
    )
