"""Names of stages, taken from their modules, as papers and code name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

EMBEDDING_PATTERN = re.compile(r"(^|\.)(patch_embed|pos_embed|cls_token|embeds?\b)")
BLOCK_PATTERN = re.compile(r"(blocks|layers|stages)\.\d+")


def name_stages(
    groups: list[list[str]], n_parameters: Mapping[str, int], labels: Mapping[str, str]
) -> list[tuple[str, list[str]]]:
    """Pair each group of units with a unique name.

    Args:
        groups: names of leaf modules and tensors, stem first.
        n_parameters: number of parameters of each unit.
        labels: label that the grouping itself gives a unit's group, or "".
    """
    names = [_choose_label(group, n_parameters, labels) or _derive_name(group, n_parameters) for group in groups]
    if names and not BLOCK_PATTERN.fullmatch(names[0]):
        names[0] = "embed" if any(EMBEDDING_PATTERN.search(unit) for unit in groups[0]) else "stem"
    # layers of timm's head that stay in the backbone: the head proper is the classifier alone
    names = ["neck" if name == "head" else name.removeprefix("head.") for name in names]
    return list(zip(_make_unique(names), groups, strict=True))


def _choose_label(group: list[str], n_parameters: Mapping[str, int], labels: Mapping[str, str]) -> str:
    """Choose the label that covers most of the group's parameters."""
    counts: dict[str, int] = {}
    for unit in group:
        if labels.get(unit) not in (None, "", "head"):
            counts[labels[unit]] = counts.get(labels[unit], 0) + n_parameters[unit]
    return max(counts, key=lambda label: counts[label]) if counts else ""


def _derive_name(group: list[str], n_parameters: Mapping[str, int]) -> str:
    """Derive a name: the longest dotted prefix shared by all units with weights, or the largest unit's first word."""
    weighty = [unit for unit in group if n_parameters[unit]] or group
    return _common_prefix(weighty) or max(weighty, key=lambda unit: n_parameters[unit]).split(".")[0]


def _common_prefix(names: Iterable[str]) -> str:
    shared = []
    for parts in zip(*(name.split(".") for name in names), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return ".".join(shared)


def _make_unique(names: list[str]) -> list[str]:
    taken = {"head"}
    for index, name in enumerate(names):
        names[index] = next(n for n in (name, *(f"{name}-{i}" for i in range(2, 9999))) if n not in taken)
        taken.add(names[index])
    return names
