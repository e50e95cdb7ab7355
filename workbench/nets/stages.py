"""The stages of a backbone, stem to head: what a person freezes, paints and compares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from workbench.nets import naming, orders

Key = tuple[float, ...]
EARLY = re.compile(r"rope|rel_pos|shared_rel_pos|pos_")  # positions enter every block, the first one included
ROWS = 18  # from here on lists of blocks are shown as one stage each
FEWEST = 6  # unless that leaves fewer stages than this


@dataclass(frozen=True)
class Stage:
    """A stretch of a net that is frozen and trained as one.

    Args:
        name: unique in its net; the last one is `head`.
        modules: dotted names, from the net's root, of every module that lies wholly inside.
        parameters: how many numbers training could move.
        share: of the net's parameters, 0 to 1.
        tensors: dotted names of every parameter and buffer.
        measured: gives the output shapes of all stages by name; asked on first use of `shape`.
    """

    name: str
    modules: tuple[str, ...]
    parameters: int
    share: float
    tensors: tuple[str, ...]
    measured: Callable[[], Mapping[str, tuple[int, ...] | None]] = field(repr=False, compare=False, default=dict)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Output for one image, without the batch axis; None where the stage gives no single tensor."""
        return self.measured().get(self.name)


def find(net: nn.Module, measured: Callable[[], Mapping[str, tuple[int, ...] | None]]) -> list[Stage]:
    """The stages of a net that has a `backbone` and a `head`, in the order data flows.

    Every parameter, buffer and leaf module of the net is in exactly one stage.
    """
    backbone: nn.Module = net.backbone  # type: ignore[assignment]
    groups = [(name, [f"backbone.{unit}" for unit in units]) for name, units in split(backbone)]
    tensors = {n for n, _ in net.named_parameters()} | {n for n, _ in net.named_buffers()}
    # the net's own constants (mean and std) come before everything
    own = [n for n in tensors if not n.startswith(("backbone.", "head."))]
    if not groups:
        groups = [("stem", ["backbone"])]
    groups[0][1].extend(own)
    groups.append(("head", ["head"] + [f"head.{n}" for n, m in net.head.named_modules() if n]))  # type: ignore[union-attr]
    return _described(net, groups, measured)


def describe_structure(net: nn.Module) -> list[object]:
    """Describe all that the stages of a net follow from: equal for equal modules, parameters and buffers.

    It is made of plain values rather than of objects, whose numbers are given again once they are gone.
    """
    found: list[object] = []
    waiting: list[nn.Module] = [net]
    for module in waiting:  # grows as it is read
        found.append(type(module))
        for own in (module._parameters, module._buffers):
            for name, tensor in own.items():
                if tensor is not None:
                    found += (name, tensor.shape)
        for name, child in module._modules.items():
            if child is not None:
                found.append(name)
                waiting.append(child)
    return found


def split(backbone: nn.Module) -> list[tuple[str, list[str]]]:
    """Names of leaf modules and loose tensors of a backbone by stage: `(name of the stage, units)`, stem first."""
    units = list(_units(backbone))
    match = orders.matcher(backbone)
    places = _places(units, match) if match else {}
    if len({place[0] for place in places.values()}) < 2:
        places = _places(units, orders.inferred(backbone))
    keys = _completed(units, {name: key for name, (key, _) in places.items()})
    groups: dict[Key, list[str]] = {}
    for unit in units:
        groups.setdefault(keys[unit.name], []).append(unit.name)
    known = {u.name: u for u in units}
    ordered = _with_parameters([groups[key] for key in sorted(groups)], known)
    return _merged(naming.named(ordered, {u.name: u.parameters for u in units}, {n: p[1] for n, p in places.items()}))


@dataclass(frozen=True)
class _Unit:
    """A leaf module, or a tensor that a module with children holds itself."""

    name: str
    tensors: tuple[str, ...]
    parameters: int


def _units(backbone: nn.Module) -> Iterator[_Unit]:
    shared: set[str] = {n for n, _ in backbone.named_parameters()} | {n for n, _ in backbone.named_buffers()}
    for name, module in backbone.named_modules():
        own = [*module.named_parameters(name, recurse=False), *module.named_buffers(name, recurse=False)]
        own = [(n, t) for n, t in own if n in shared]
        size = {n: t.numel() if isinstance(t, nn.Parameter) else 0 for n, t in own}
        if next(module.children(), None) is None:
            yield _Unit(name, tuple(size), sum(size.values()))
        else:
            yield from (_Unit(n, (n,), count) for n, count in size.items())


def _places(units: list[_Unit], match: orders.Match) -> dict[str, orders.Place]:
    found = {u.name: match(u.tensors[0]) if u.tensors else match(f"{u.name}.weight") for u in units}
    return {name: place for name, place in found.items() if place is not None}


def _completed(units: list[_Unit], keys: Mapping[str, Key]) -> dict[str, Key]:
    """A key for every unit: those that nothing matched follow their neighbour, or come last if they have weights."""
    first, last = min(keys.values(), default=(0.0,)), (float("inf"),)
    done = dict(keys)
    for unit in units:
        if unit.name not in done and unit.parameters:
            done[unit.name] = first if EARLY.match(unit.name) else last
    names = [u.name for u in units]
    for position, unit in enumerate(units):
        if unit.name not in done:
            done[unit.name] = _neighbour(names, position, done) or last
    return done


def _neighbour(names: list[str], position: int, done: Mapping[str, Key]) -> Key | None:
    """The key of the nearest unit under the same parent, before rather than after; then under its parent, and so on."""
    parent = names[position]
    while parent:
        parent = parent.rpartition(".")[0]
        inside = f"{parent}." if parent else ""
        for near in (*range(position - 1, -1, -1), *range(position + 1, len(names))):
            if names[near].startswith(inside) and names[near] in done:
                return done[names[near]]
    return None


def _with_parameters(groups: list[list[str]], units: Mapping[str, _Unit]) -> list[list[str]]:
    """Groups without any parameter join the one before, or the first one after."""
    kept: list[list[str]] = []
    waiting: list[str] = []
    for group in groups:
        if any(units[name].parameters for name in group):
            kept.append(waiting + group)
            waiting = []
        elif kept:
            kept[-1].extend(group)
        else:
            waiting.extend(group)
    return kept or ([waiting] if waiting else [])


def _merged(groups: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """Fewer rows for nets of many lists: the blocks of each list as one stage, unless next to nothing were left."""
    if len(groups) <= ROWS:
        return groups
    runs: list[list[tuple[str, list[str]]]] = []
    for group in groups:
        parent = group[0].rpartition(".")[0]
        if parent and runs and runs[-1][0][0].rpartition(".")[0] == parent:
            runs[-1].append(group)
        else:
            runs.append([group])
    names = [run[0][0] if len(run) == 1 else run[0][0].rpartition(".")[0] for run in runs]
    if len(runs) < FEWEST or len(set(names)) < len(names):
        return groups
    return [(name, [unit for _, units in run for unit in units]) for name, run in zip(names, runs, strict=True)]


def _described(net: nn.Module, groups: list[tuple[str, list[str]]], measured: Any) -> list[Stage]:
    owner = {unit: name for name, units in groups for unit in units}
    sizes = {n: p.numel() for n, p in net.named_parameters()}
    tensors: dict[str, list[str]] = {name: [] for name, _ in groups}
    for tensor in [*sizes, *(n for n, _ in net.named_buffers())]:
        tensors[owner.get(tensor) or owner[tensor.rpartition(".")[0]]].append(tensor)
    modules = _owned(net, owner, tensors)
    total = max(1, sum(sizes.values()))
    stages = []
    for name, _ in groups:
        count = sum(sizes.get(t, 0) for t in tensors[name])
        stages.append(Stage(name, tuple(modules[name]), count, count / total, tuple(tensors[name]), measured))
    return stages


def _owned(net: nn.Module, owner: Mapping[str, str], tensors: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Modules that lie wholly inside one stage: all their leaves and tensors are its own."""
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
