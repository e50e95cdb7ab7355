"""Pooled features of any stage of a net: what probes of domains, embeddings and similarity read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue, UnknownName
from workbench.images.batches import ahead
from workbench.images.crops import centre
from workbench.markers import Device
from workbench.nets.grids import channels_last
from workbench.nets.hearing import heard
from workbench.nets.measure import TURN, at_once, in_turn, still
from workbench.threads import spare

if TYPE_CHECKING:
    from workbench.images import Images
    from workbench.nets import Net
    from workbench.nets.stages import Stage


@dataclass(frozen=True)
class StageFeatures:
    """What a stage says of images, a row an image.

    Attributes:
        stage: its name; `features` is what the head reads.
        x: (N, D) float32: maps averaged over places, tokens by the class token where the net reads it, else averaged.
        y: labels of the rows, as `images.labels()` gives them.
        ids: (N,) the images' names.
    """

    stage: str
    x: np.ndarray
    y: np.ndarray
    ids: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


@check_arguments
def features_at(net: Net, images: Images, stage: str | None = None, **options: Any) -> StageFeatures:
    """Pooled features of `images` at one stage; images that cannot be read are left out.

    Args:
        stage: a name that `net.stages` lists; None is what the head reads.
        options: `split`, `domain` and `device`, as `features_by_stage` takes them.

    Raises:
        UnknownName: no such stage.
        BadValue: a stage that gives no single tensor.
        BadData: no images.
    """
    return next(iter(features_by_stage(net, images, [stage], **options).values()))


@check_arguments
@spare()
@in_turn
def features_by_stage(
    net: Net,
    images: Images,
    stages: Sequence[str | None] | None = None,
    *,
    split: str | None = None,
    domain: str | None = None,
    device: Annotated[str | torch.device | None, Device()] = None,
) -> dict[str, StageFeatures]:
    """Pooled features of `images` at several stages in one pass, by the stages' names.

    The net is left as it was: modes, gradients, hooks, also after an error.

    Args:
        stages: names that `net.stages` lists; None among them is what the head reads. All but the head if left out.
        split: one split only.
        domain: one domain only.
        device: where to run; the net's own by default.

    Raises:
        UnknownName: no such stage.
        BadValue: a stage that gives no single tensor.
        BadData: no images, or none that can be read.
    """
    part = images.part(split=split, domain=domain)
    if not len(part):
        raise BadData(f"{images.name} has no such images: split {split!r}, domain {domain!r}")
    wanted = [s.name for s in net.stages[:-1] if s.shape is not None] if stages is None else list(stages)
    chosen = {name: _stage(net, name) for name in wanted if name is not None}
    found: dict[str, list[np.ndarray]] = {name or "features": [] for name in wanted}
    kept: list[np.ndarray] = []
    place = torch.device(device) if device is not None else next(net.parameters()).device
    with torch.no_grad(), evaluating(net.to(place)), _listening(net, chosen) as heard:
        for rows, x in centre_views(net, part):
            heard["features"] = net.features(x.to(place))
            if "head" in chosen:
                net(x.to(place))
            for name, values in found.items():
                values.append(heard[name].float().cpu().numpy())
            kept.append(rows)
    if not kept:
        raise BadData(f"none of the {len(part)} images of {part.name} can be read; see images.problems")
    rows = np.concatenate(kept)
    labels, ids = part.labels()[rows], part.frame["id"].to_numpy()[rows]
    return {name: StageFeatures(name, np.concatenate(values), labels, ids) for name, values in found.items()}


def centre_views(net: Net, part: Images) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Rows that can be read and their centre views (B, 3, H, W) from 0 to 1."""
    pre = net.preprocessing
    view = part.view(**pre.view_options)
    count = at_once(next(net.parameters()).device)
    chunks = range(0, len(part), count)
    every = np.arange(len(part))
    read = ahead(lambda at: view.batch(every[at : at + count]), chunks, 2)
    for start, (x, good) in zip(chunks, read, strict=True):
        if good.any():
            yield every[start : start + count][good], centre(x, pre.size).float() / 255


@contextlib.contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Evaluation mode for as long as the block lasts; every module's own mode is put back.

    One thread at a time: two that hear the same net would hear each other, and put back each other's modes.
    """
    with TURN, still(net):
        yield


def _stage(net: Net, name: str) -> Stage:
    known = {s.name: s for s in net.stages}
    if name not in known:
        raise UnknownName.of(f"stage of {net.choice.name}", name, known)
    if known[name].shape is None:
        raise BadValue(f"the stage {name} of {net.choice.name} gives no single tensor; choose another")
    return known[name]


def _listening(net: Net, stages: dict[str, Stage]) -> contextlib.AbstractContextManager[dict[str, Tensor]]:
    """What stages say, pooled (B, D), by name: of each, the last output that has the stage's shape."""

    def read(stage: Stage, value: Tensor) -> Tensor | None:
        return _pooled(net, value, stage).clone() if tuple(value.shape[1:]) == stage.shape else None

    return heard(net, list(stages.values()), read)


def _pooled(net: Net, x: Tensor, stage: Stage) -> Tensor:
    """(B, D) from a vector, a map of either layout, or tokens."""
    if x.ndim == 2:
        return x
    if x.ndim == 4:
        return x.mean((1, 2)) if channels_last(net, stage) else x.mean((2, 3))
    if x.ndim == 3:
        prefix = _prefix(net, x.shape[1])
        if prefix and (net.class_token or getattr(net.backbone, "global_pool", "") == "token"):
            return x[:, 0]
        return x[:, prefix:].mean(1)
    return x.flatten(2).mean(2)


def _prefix(net: Net, tokens: int) -> int:
    """How many class and register tokens stand before the places of a square grid at this stage."""
    most = int(getattr(net.backbone, "num_prefix_tokens", 0) or 0)
    return most if most and round((tokens - most) ** 0.5) ** 2 == tokens - most else 0
