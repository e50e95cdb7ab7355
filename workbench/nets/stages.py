"""Stages of a backbone from stem to head: the units of freezing, painting and comparison."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from workbench.nets import layer_groups, stage_names

__all__ = ["Stage"]

GroupKey = tuple[float, ...]
# positions enter every block, the first one included
POSITION_PATTERN = re.compile(r"rope|rel_pos|shared_rel_pos|pos_")
MAX_STAGES = 18  # above this number of stages, each list of blocks becomes one stage
MIN_STAGES = 6  # unless fewer stages than this would remain


@dataclass(frozen=True)
class Stage:
    """Consecutive part of a net that is frozen or trained as a unit.

    Attributes:
        name: unique name in the net; the last one is `head`.
        module_names: dotted names, from the net's root, of every module entirely inside.
        n_parameters: number of trainable values.
        parameter_fraction: fraction of the net's parameters, 0 to 1.
        tensor_names: dotted names of every parameter and buffer.
        measure_shapes: function that returns the output shapes of all stages by name; called on first use of `shape`.
    """

    name: str
    module_names: tuple[str, ...]
    n_parameters: int
    parameter_fraction: float
    tensor_names: tuple[str, ...]
    measure_shapes: Callable[[], Mapping[str, tuple[int, ...] | None]] = field(repr=False, compare=False, default=dict)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Output shape for one image, without the batch axis; None where the stage returns no single tensor."""
        return self.measure_shapes().get(self.name)


def find_stages(net: nn.Module, measure_shapes: Callable[[], Mapping[str, tuple[int, ...] | None]]) -> list[Stage]:
    """Find the stages of a net that has a `backbone` and a `head`, in the order of data flow.

    Every parameter, buffer and leaf module of the net is in exactly one stage.
    """
    backbone: nn.Module = net.backbone  # type: ignore[assignment]
    groups = [(name, [f"backbone.{unit}" for unit in units]) for name, units in split_backbone(backbone)]
    tensors = {n for n, _ in net.named_parameters()} | {n for n, _ in net.named_buffers()}
    # the net's own constants (mean and std) come before everything
    own = [n for n in tensors if not n.startswith(("backbone.", "head."))]
    if not groups:
        groups = [("stem", ["backbone"])]
    groups[0][1].extend(own)
    groups.append(("head", ["head"] + [f"head.{n}" for n, m in net.head.named_modules() if n]))  # type: ignore[union-attr]
    return _make_stages(net, groups, measure_shapes)


def describe_structure(net: nn.Module) -> list[object]:
    """Describe everything that determines a net's stages: equal for equal modules, parameters and buffers.

    The description consists of plain values rather than object ids, which are reused once an object is gone.
    """
    description: list[object] = []
    queue: list[nn.Module] = [net]
    for module in queue:  # the list grows during the loop
        if module is not net:  # a net is the same under any class, such as PartitionedNet
            description.append(type(module))
        for own in (module._parameters, module._buffers):
            for name, tensor in own.items():
                if tensor is not None:
                    description += (name, tensor.shape)
        for name, child in module._modules.items():
            if child is not None:
                description.append(name)
                queue.append(child)
    return description


def split_backbone(backbone: nn.Module) -> list[tuple[str, list[str]]]:
    """Split a backbone's leaf modules and loose tensors into stages: `(name of the stage, units)`, stem first."""
    units = list(_iter_units(backbone))
    match = layer_groups.get_timm_matcher(backbone)
    positions = _match_units(units, match) if match else {}
    if len({position[0] for position in positions.values()}) < 2:
        positions = _match_units(units, layer_groups.infer_matcher(backbone))
    keys = _complete_keys(units, {name: key for name, (key, _) in positions.items()})
    groups: dict[GroupKey, list[str]] = {}
    for unit in units:
        groups.setdefault(keys[unit.name], []).append(unit.name)
    units_by_name = {u.name: u for u in units}
    ordered = _join_groups_without_parameters([groups[key] for key in sorted(groups)], units_by_name)
    return _merge_block_lists(
        stage_names.name_stages(
            ordered, {u.name: u.n_parameters for u in units}, {n: p[1] for n, p in positions.items()}
        )
    )


@dataclass(frozen=True)
class _Unit:
    """Leaf module, or a tensor owned directly by a module with children."""

    name: str
    tensor_names: tuple[str, ...]
    n_parameters: int


def _iter_units(backbone: nn.Module) -> Iterator[_Unit]:
    shared: set[str] = {n for n, _ in backbone.named_parameters()} | {n for n, _ in backbone.named_buffers()}
    for name, module in backbone.named_modules():
        own = [*module.named_parameters(name, recurse=False), *module.named_buffers(name, recurse=False)]
        own = [(n, t) for n, t in own if n in shared]
        size = {n: t.numel() if isinstance(t, nn.Parameter) else 0 for n, t in own}
        if next(module.children(), None) is None:
            yield _Unit(name, tuple(size), sum(size.values()))
        else:
            yield from (_Unit(n, (n,), count) for n, count in size.items())


def _match_units(units: list[_Unit], match: layer_groups.GroupMatcher) -> dict[str, layer_groups.GroupPosition]:
    positions = {u.name: match(u.tensor_names[0]) if u.tensor_names else match(f"{u.name}.weight") for u in units}
    return {name: position for name, position in positions.items() if position is not None}


def _complete_keys(units: list[_Unit], keys: Mapping[str, GroupKey]) -> dict[str, GroupKey]:
    """Assign a key to every unit: units without a match take a neighbor's key, or come last if they have weights."""
    first, last = min(keys.values(), default=(0.0,)), (float("inf"),)
    completed = dict(keys)
    for unit in units:
        if unit.name not in completed and unit.n_parameters:
            completed[unit.name] = first if POSITION_PATTERN.match(unit.name) else last
    names = [u.name for u in units]
    for position, unit in enumerate(units):
        if unit.name not in completed:
            completed[unit.name] = _find_neighbor_key(names, position, completed) or last
    return completed


def _find_neighbor_key(names: list[str], position: int, keys: Mapping[str, GroupKey]) -> GroupKey | None:
    """Find the key of the nearest unit under the same parent, earlier ones first; otherwise one level up, and so on."""
    parent = names[position]
    while parent:
        parent = parent.rpartition(".")[0]
        inside = f"{parent}." if parent else ""
        for near in (*range(position - 1, -1, -1), *range(position + 1, len(names))):
            if names[near].startswith(inside) and names[near] in keys:
                return keys[names[near]]
    return None


def _join_groups_without_parameters(groups: list[list[str]], units: Mapping[str, _Unit]) -> list[list[str]]:
    """Join groups without parameters to the group before, or to the first one after."""
    joined: list[list[str]] = []
    pending: list[str] = []
    for group in groups:
        if any(units[name].n_parameters for name in group):
            joined.append(pending + group)
            pending = []
        elif joined:
            joined[-1].extend(group)
        else:
            pending.extend(group)
    return joined or ([pending] if pending else [])


def _merge_block_lists(groups: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """Merge the blocks of each list into one stage for nets with many stages, unless too few stages would remain."""
    if len(groups) <= MAX_STAGES:
        return groups
    runs: list[list[tuple[str, list[str]]]] = []
    for group in groups:
        parent = group[0].rpartition(".")[0]
        if parent and runs and runs[-1][0][0].rpartition(".")[0] == parent:
            runs[-1].append(group)
        else:
            runs.append([group])
    names = [run[0][0] if len(run) == 1 else run[0][0].rpartition(".")[0] for run in runs]
    if len(runs) < MIN_STAGES or len(set(names)) < len(names):
        return groups
    return [(name, [unit for _, units in run for unit in units]) for name, run in zip(names, runs, strict=True)]


def _make_stages(net: nn.Module, groups: list[tuple[str, list[str]]], measure_shapes: Any) -> list[Stage]:
    owner = {unit: name for name, units in groups for unit in units}
    sizes = {n: p.numel() for n, p in net.named_parameters()}
    tensors: dict[str, list[str]] = {name: [] for name, _ in groups}
    for tensor in [*sizes, *(n for n, _ in net.named_buffers())]:
        tensors[owner.get(tensor) or owner[tensor.rpartition(".")[0]]].append(tensor)
    modules = _assign_modules(net, owner, tensors)
    total = max(1, sum(sizes.values()))
    stages = []
    for name, _ in groups:
        count = sum(sizes.get(t, 0) for t in tensors[name])
        stages.append(Stage(name, tuple(modules[name]), count, count / total, tuple(tensors[name]), measure_shapes))
    return stages


def _assign_modules(net: nn.Module, owner: Mapping[str, str], tensors: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Assign each module entirely inside one stage to that stage: all its leaves and tensors belong to it."""
    inside: dict[str, set[str]] = {}
    pieces = [(n, owner[n]) for n, m in net.named_modules() if n in owner and next(m.children(), None) is None]
    pieces += [(tensor, stage) for stage, names in tensors.items() for tensor in names]
    for name, stage in pieces:
        inside.setdefault(name, set()).add(stage)
        while name:
            name = name.rpartition(".")[0]
            inside.setdefault(name, set()).add(stage)
    owned: dict[str, list[str]] = {stage: [] for stage in tensors}
    for name, _ in net.named_modules():
        stages = inside.get(name, set())
        if name and len(stages) == 1:
            owned[next(iter(stages))].append(name)
    return owned
