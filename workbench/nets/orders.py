"""Which stage of an architecture a tensor belongs to: timm's own grouping, or one read off the module tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from torch import nn

Key = tuple[float, ...]
Match = Callable[[str], Key | None]


def matcher(backbone: nn.Module) -> Match | None:
    """timm's grouping of a backbone, as a function from a tensor's name to a sortable key (None: nowhere)."""
    own = getattr(backbone, "group_matcher", None)
    if own is None:
        return None
    spec = own(coarse=True)
    return _from_patterns(spec) if isinstance(spec, Mapping) else _from_function(spec)


def inferred(backbone: nn.Module) -> Match:
    """A grouping read off the module tree: children in order, and long lists of blocks one by one."""
    order: list[str] = []
    for name, child in backbone.named_children():
        weighty = [n for n, c in child.named_children() if any(True for _ in c.parameters())]
        if isinstance(child, (nn.Sequential, nn.ModuleList)) and len(weighty) > 1:
            order.extend(f"{name}.{n}" for n in weighty)
        elif any(True for _ in child.parameters()):
            order.append(name)
    places = {name: float(place) for place, name in enumerate(order)}

    def match(tensor: str) -> Key | None:
        parts = tensor.split(".")
        for depth in (2, 1):
            place = places.get(".".join(parts[:depth]))
            if place is not None:
                return (place,)
        # what the net itself holds (class token, positions) enters with the stem
        return (0.0,) if len(parts) == 1 else None

    return match


def _from_patterns(spec: Mapping[str, Any]) -> Match:
    """The rule of `timm.models.group_with_matcher`, except that a closing norm stays a group of its own."""
    compiled: list[tuple[re.Pattern[str], float, tuple[float, ...] | None]] = []
    for place, patterns in enumerate(spec.values()):
        if patterns is None:
            continue
        several = patterns if isinstance(patterns, (tuple, list)) else [(patterns, None)]
        compiled += [(re.compile(pattern), float(place), suffix) for pattern, suffix in several]

    def match(tensor: str) -> Key | None:
        for pattern, place, suffix in compiled:
            if found := pattern.match(tensor):
                return (place, *map(float, chain(filter(None, found.groups()), suffix or ())))
        return None

    return match


def _from_function(function: Callable[[str], Any]) -> Match:
    def match(tensor: str) -> Key | None:
        key = function(tensor)
        if key is None:
            return None
        return tuple(map(float, key)) if isinstance(key, (tuple, list)) else (float(key),)

    return match
