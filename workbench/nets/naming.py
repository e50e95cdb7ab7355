"""What a stage is called: as its modules are, since that is how papers and code speak of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

EMBEDDING = re.compile(r"(^|\.)(patch_embed|pos_embed|cls_token|embeds?\b)")
LISTED = re.compile(r"(blocks|layers|stages)\.\d+")


def named(
    groups: list[list[str]], parameters: Mapping[str, int], labels: Mapping[str, str]
) -> list[tuple[str, list[str]]]:
    """Groups of units with unique names.

    Args:
        groups: names of leaf modules and tensors, stem first.
        parameters: of each unit.
        labels: what the grouping itself calls a unit's group, or "".
    """
    names = [_label(group, parameters, labels) or _shared(group, parameters) for group in groups]
    if names and not LISTED.fullmatch(names[0]):
        names[0] = "embed" if any(EMBEDDING.search(unit) for unit in groups[0]) else "stem"
    # layers of timm's head that stay in the backbone: the head proper is the classifier alone
    names = ["neck" if name == "head" else name.removeprefix("head.") for name in names]
    return list(zip(_unique(names), groups, strict=True))


def _label(group: list[str], parameters: Mapping[str, int], labels: Mapping[str, str]) -> str:
    """The label under which most of the group's parameters stand."""
    counts: dict[str, int] = {}
    for unit in group:
        if labels.get(unit) not in (None, "", "head"):
            counts[labels[unit]] = counts.get(labels[unit], 0) + parameters[unit]
    return max(counts, key=lambda label: counts[label]) if counts else ""


def _shared(group: list[str], parameters: Mapping[str, int]) -> str:
    """The longest dotted beginning that all units with weights share, else the first word of the heaviest."""
    weighty = [unit for unit in group if parameters[unit]] or group
    return _beginning(weighty) or max(weighty, key=lambda unit: parameters[unit]).split(".")[0]


def _beginning(names: Iterable[str]) -> str:
    shared = []
    for parts in zip(*(name.split(".") for name in names), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return ".".join(shared)


def _unique(names: list[str]) -> list[str]:
    taken = {"head"}
    for place, name in enumerate(names):
        names[place] = next(n for n in (name, *(f"{name}-{i}" for i in range(2, 9999))) if n not in taken)
        taken.add(names[place])
    return names
