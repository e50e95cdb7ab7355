"""Layer groups of an architecture: the stage of each tensor, by timm's own grouping or from the module tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from torch import nn

GroupKey = tuple[float, ...]
GroupPosition = tuple[GroupKey, str]  # position in the order of data flow, and label ("" for none)
GroupMatcher = Callable[[str], GroupPosition | None]

# timm's grouping of these is too fine, or moves early layers to the end
CORRECTED_GROUPS: dict[str, Mapping[str, Any]] = {
    "EfficientViM": {"stem": r"^patch_embed", "stages": [(r"^stages\.(\d+)", None), (r"^norm\.(\d+)", None)]},
    "EfficientViMDistilled": {"stem": r"^patch_embed", "stages": [(r"^stages\.(\d+)", None), (r"^norm\.(\d+)", None)]},
    "Visformer": {
        "stem": r"^patch_embed1|pos_embed1|stem",
        "stages": [(r"^stage(\d+)", None), (r"^(?:patch_embed|pos_embed)(\d+)", None), (r"^norm", (99999,))],
    },
}
# timm puts the blocks of the class token together with the last blocks, which run before them
INFERRED_ARCHITECTURES = {"Cait"}


def get_timm_matcher(backbone: nn.Module) -> GroupMatcher | None:
    """Return timm's grouping of a backbone, as a function from a tensor's name to its position (None: no group)."""
    kind = type(backbone).__name__
    own = getattr(backbone, "group_matcher", None)
    if own is None or kind in INFERRED_ARCHITECTURES:
        return None
    if kind in CORRECTED_GROUPS:
        return _make_matcher_from_patterns(CORRECTED_GROUPS[kind])
    try:
        spec = own(coarse=True)
    except AssertionError:  # RDNet has only the fine grouping, which is one stage per group already
        spec = own(coarse=False)
    return _make_matcher_from_patterns(spec) if isinstance(spec, Mapping) else _make_matcher_from_function(spec)


def infer_matcher(backbone: nn.Module) -> GroupMatcher:
    """Infer a grouping from the module tree: children in order, and lists of blocks one by one."""
    order: list[str] = []
    for name, child in backbone.named_children():
        weighty = [n for n, c in child.named_children() if any(True for _ in c.parameters())]
        if isinstance(child, (nn.Sequential, nn.ModuleList)) and len(weighty) > 1:
            order.extend(f"{name}.{n}" for n in weighty)
        elif any(True for _ in child.parameters()):
            order.append(name)
    positions = {name: float(position) for position, name in enumerate(order)}

    def match(tensor: str) -> GroupPosition | None:
        parts = tensor.split(".")
        for depth in (2, 1):
            name = ".".join(parts[:depth])
            if name in positions:
                return (positions[name],), name
        # the net's own tensors (class token, positions) belong to the stem
        return ((0.0,), "") if len(parts) == 1 else None

    return match


def _make_matcher_from_patterns(spec: Mapping[str, Any]) -> GroupMatcher:
    """Apply the rule of `timm.models.group_with_matcher`, except that a closing norm remains a group of its own."""
    compiled: list[tuple[re.Pattern[str], float, tuple[float, ...] | None]] = []
    for position, patterns in enumerate(spec.values()):
        if patterns is None:
            continue
        several = patterns if isinstance(patterns, (tuple, list)) else [(patterns, None)]
        compiled += [(re.compile(pattern), float(position), suffix) for pattern, suffix in several]

    def match(tensor: str) -> GroupPosition | None:
        for pattern, position, suffix in compiled:
            if match_result := pattern.match(tensor):
                numbers = [g for g in match_result.groups() if g]
                ends = [match_result.end(i + 1) for i, g in enumerate(match_result.groups()) if g]
                label = tensor[: max(ends)] if numbers else ""
                return (position, *map(float, chain(numbers, suffix or ()))), label
        return None

    return match


def _make_matcher_from_function(function: Callable[[str], Any]) -> GroupMatcher:
    def match(tensor: str) -> GroupPosition | None:
        key = function(tensor)
        if key is None or key == float("inf"):
            return None
        return (tuple(map(float, key)) if isinstance(key, (tuple, list)) else (float(key),)), ""

    return match
