"""Target layer: the stage whose feature map a saliency method uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from workbench.errors import BadValue
from workbench.nets.feature_maps import FeatureMap, find_feature_map, list_feature_maps
from workbench.nets.hooks import record_stage_output
from workbench.probes.eval_mode import freeze_in_eval_mode

if TYPE_CHECKING:
    from workbench.nets.net import Net

MIN_SIDE = 4  # width of a feature map below which it is too coarse, so that an earlier stage is chosen if there is one


def select_feature_map(net: Net, layer: str | None) -> FeatureMap:
    """Return the feature map to use: that of the named stage, or the last one that the head depends on.

    Raises:
        UnknownName: no such stage.
        BadValue: a stage without a feature map, or a net of which no stage has one.
    """
    if layer is not None:
        return find_feature_map(net, layer)
    feature_maps = [feature_map for feature_map in list_feature_maps(net) if feature_map.map_size > 1]
    if not feature_maps:
        raise BadValue(
            f"no stage of {net.choice.name} has a feature map at {net.preprocessing.size} px; "
            "load it with a larger image size, or use a method that needs no feature map, such as "
            "'integrated-gradients'"
        )
    large_maps = [feature_map for feature_map in feature_maps if feature_map.map_size >= MIN_SIDE]
    return next(
        (feature_map for feature_map in reversed(large_maps or feature_maps) if _is_read_by_head(net, feature_map)),
        (large_maps or feature_maps)[-1],
    )


def _is_read_by_head(net: Net, feature_map: FeatureMap) -> bool:
    """Return whether the logits depend on the feature map; after the last use of a class token they do not."""
    size = net.preprocessing.size
    x = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    with freeze_in_eval_mode(net), torch.enable_grad(), record_stage_output(net, feature_map) as output:
        logits = net(x.to(next(net.parameters()).device))
        if output.value is None or not logits.requires_grad:
            return False
        (gradient,) = torch.autograd.grad(logits.square().sum(), output.value, allow_unused=True)
    return gradient is not None and bool(feature_map.to_map(gradient).any())
