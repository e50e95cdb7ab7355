"""Which stage of an architecture a tensor belongs to: timm's own grouping, or one read off the module tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from torch import nn

Key = tuple[float, ...]
Place = tuple[Key, str]  # where in the order of data flow, and what to call it ("" leaves that open)
Match = Callable[[str], Place | None]

# timm's grouping of these is too fine, or puts what runs early at the end
CORRECTED: dict[str, Mapping[str, Any]] = {
    "EfficientViM": {"stem": r"^patch_embed", "stages": [(r"^stages\.(\d+)", None), (r"^norm\.(\d+)", None)]},
    "EfficientViMDistilled": {"stem": r"^patch_embed", "stages": [(r"^stages\.(\d+)", None), (r"^norm\.(\d+)", None)]},
    "Visformer": {
        "stem": r"^patch_embed1|pos_embed1|stem",
        "stages": [(r"^stage(\d+)", None), (r"^(?:patch_embed|pos_embed)(\d+)", None), (r"^norm", (99999,))],
    },
}
# timm puts the blocks of the class token together with the last blocks, which run before them
READ_OFF = {"Cait"}


def matcher(backbone: nn.Module) -> Match | None:
    """timm's grouping of a backbone, as a function from a tensor's name to its place (None: nowhere)."""
    kind = type(backbone).__name__
    own = getattr(backbone, "group_matcher", None)
    if own is None or kind in READ_OFF:
        return None
    if kind in CORRECTED:
        return _from_patterns(CORRECTED[kind])
    try:
        spec = own(coarse=True)
    except AssertionError:  # RDNet knows the fine grouping only, which is a stage a row already
        spec = own(coarse=False)
    return _from_patterns(spec) if isinstance(spec, Mapping) else _from_function(spec)


def inferred(backbone: nn.Module) -> Match:
    """A grouping read off the module tree: children in order, and lists of blocks one by one."""
    order: list[str] = []
    for name, child in backbone.named_children():
        weighty = [n for n, c in child.named_children() if any(True for _ in c.parameters())]
        if isinstance(child, (nn.Sequential, nn.ModuleList)) and len(weighty) > 1:
            order.extend(f"{name}.{n}" for n in weighty)
        elif any(True for _ in child.parameters()):
            order.append(name)
    places = {name: float(place) for place, name in enumerate(order)}

    def match(tensor: str) -> Place | None:
        parts = tensor.split(".")
        for depth in (2, 1):
            name = ".".join(parts[:depth])
            if name in places:
                return (places[name],), name
        # what the net itself holds (class token, positions) enters with the stem
        return ((0.0,), "") if len(parts) == 1 else None

    return match


def _from_patterns(spec: Mapping[str, Any]) -> Match:
    """The rule of `timm.models.group_with_matcher`, except that a closing norm stays a group of its own."""
    compiled: list[tuple[re.Pattern[str], float, tuple[float, ...] | None]] = []
    for place, patterns in enumerate(spec.values()):
        if patterns is None:
            continue
        several = patterns if isinstance(patterns, (tuple, list)) else [(patterns, None)]
        compiled += [(re.compile(pattern), float(place), suffix) for pattern, suffix in several]

    def match(tensor: str) -> Place | None:
        for pattern, place, suffix in compiled:
            if found := pattern.match(tensor):
                numbers = [g for g in found.groups() if g]
                label = tensor[: max(found.end(i + 1) for i, g in enumerate(found.groups()) if g)] if numbers else ""
                return (place, *map(float, chain(numbers, suffix or ()))), label
        return None

    return match


def _from_function(function: Callable[[str], Any]) -> Match:
    def match(tensor: str) -> Place | None:
        key = function(tensor)
        if key is None or key == float("inf"):
            return None
        return (tuple(map(float, key)) if isinstance(key, (tuple, list)) else (float(key),)), ""

    return match
