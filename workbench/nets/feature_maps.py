"""Feature maps of stages: a stage's output as a spatial map (B, C, h, w), for every family of nets."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from workbench.errors import BadValue, UnknownName
from workbench.nets.hooks import capture_stage_outputs
from workbench.nets.shape_inference import NET_LOCK

if TYPE_CHECKING:
    from workbench.nets.net import Net
    from workbench.nets.stages import Stage

PREFIX_TOKEN_COUNTS = (0, 1, 2, 4, 5, 8)  # possible numbers of class and register tokens before the patch tokens


@dataclass(frozen=True)
class FeatureMap:
    """Spatial layout of a stage's output.

    Attributes:
        stage: stage of the output.
        map_size: positions along one edge of the image, at the net's own size.
        is_channels_last: True if the channels are the last axis.
        n_prefix_tokens: class and register tokens before the patch tokens; None where the output is a map.
    """

    stage: Stage
    map_size: int
    is_channels_last: bool
    n_prefix_tokens: int | None

    @property
    def n_channels(self) -> int:
        """Number of channels of the map, C."""
        assert self.stage.shape is not None
        return (
            self.stage.shape[-1] if self.is_channels_last or self.n_prefix_tokens is not None else self.stage.shape[0]
        )

    def to_map(self, out: Tensor) -> Tensor:
        """Convert the stage's output to a map (B, C, h, w)."""
        if self.n_prefix_tokens is not None:
            tokens = out[:, self.n_prefix_tokens :]
            side = math.isqrt(tokens.shape[1])
            return tokens.transpose(1, 2).unflatten(2, (side, side))
        return out.permute(0, 3, 1, 2) if self.is_channels_last else out

    def is_stage_output(self, out: Tensor) -> bool:
        """Return whether a tensor is an output of this stage, for images of any size."""
        assert self.stage.shape is not None
        if out.ndim != len(self.stage.shape) + 1:
            return False
        return out.shape[-1 if self.is_channels_last or self.n_prefix_tokens is not None else 1] == self.n_channels


def get_feature_map(net: Net, stage: Stage) -> FeatureMap | None:
    """Return the feature map of a stage; None where its output has no spatial positions."""
    with NET_LOCK:  # the shape is inferred on first use, on a copy of the net
        shape = stage.shape
    if shape is None or len(shape) not in (2, 3):
        return None
    if len(shape) == 3:
        last = has_channels_last(net, stage)
        side, other = shape[:2] if last else shape[1:]
        return FeatureMap(stage, side, last, None) if side == other else None
    n_own = int(getattr(net.backbone, "num_prefix_tokens", 0) or 0)
    for prefix in (n_own, *PREFIX_TOKEN_COUNTS):
        side = math.isqrt(max(shape[0] - prefix, 0))
        if side and side**2 == shape[0] - prefix:
            return FeatureMap(stage, side, False, prefix)
    return None


def list_feature_maps(net: Net) -> list[FeatureMap]:
    """List the feature maps of all stages that have one, from stem to head."""
    return [feature_map for stage in net.stages[:-1] if (feature_map := get_feature_map(net, stage)) is not None]


def find_feature_map(net: Net, name: str) -> FeatureMap:
    """Find the feature map of a stage by name.

    Raises:
        UnknownName: no such stage.
        BadValue: a stage without spatial positions; the message names those that have some.
    """
    stages = {stage.name: stage for stage in net.stages}
    if name not in stages:
        raise UnknownName.of(f"stage of {net.choice.name}", name, stages)
    feature_map = get_feature_map(net, stages[name])
    if feature_map is None:
        names = [feature_map.stage.name for feature_map in list_feature_maps(net)]
        hint = f"choose one of {', '.join(names)}" if names else "none of its stages has any"
        raise BadValue(f"the stage {name} of {net.choice.name} has no spatial positions: {hint}")
    return feature_map


def capture_feature_maps(
    net: Net, feature_maps: Sequence[FeatureMap]
) -> contextlib.AbstractContextManager[dict[str, Tensor]]:
    """Capture the stages' outputs of the passes inside the block, by name, each as (B, C, h, w), with gradients."""
    by_name = {feature_map.stage.name: feature_map for feature_map in feature_maps}

    def read(stage: Stage, value: Tensor) -> Tensor | None:
        feature_map = by_name[stage.name]
        return feature_map.to_map(value) if feature_map.is_stage_output(value) else None

    return capture_stage_outputs(net, [feature_map.stage for feature_map in feature_maps], read)


def has_channels_last(net: Net, stage: Stage) -> bool:
    """Return whether a map's channels are the last axis; maps of square images are square."""
    a, b, c = stage.shape or (0, 0, 0)
    if a == b != c:
        return True
    return a == b == c and getattr(net.backbone, "output_fmt", "NCHW") == "NHWC"
