"""Backbones to rank, given by name, choice, net or frame, in a common form with a label and a loader."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from workbench.errors import BadValue
from workbench.nets.loading.net_loader import BackboneLike, load_net
from workbench.plan import Choice, to_choice

if TYPE_CHECKING:
    from workbench.nets.net import Net


# one backbone, several, or a frame from the catalogue
Backbones = BackboneLike | Sequence[BackboneLike] | pd.DataFrame


class BackboneSpec(NamedTuple):
    """Backbone to rank: label, choice for `wb.load_net`, loader, and whether the choice alone reproduces it."""

    name: str
    choice: Choice
    load: Callable[[], Net]
    is_named: bool


def parse_backbones(backbones: Any) -> list[BackboneSpec]:
    """Parse backbones given as names, choices, mappings, nets, a frame from the catalogue, or a single one of these.

    Raises:
        BadValue: no backbone, an object of another type, or the same name or net twice.
    """
    if isinstance(backbones, pd.DataFrame):
        backbones = list(backbones["name"])
    if isinstance(backbones, (str, dict, Choice)) or hasattr(backbones, "choice"):
        backbones = [backbones]
    specs = []
    for backbone in backbones:
        choice = to_choice(backbone, "backbone")
        is_net = hasattr(backbone, "features") and hasattr(backbone, "stages")
        load = (
            functools.partial(_get_net, backbone)
            if is_net
            else functools.partial(load_net, choice.name, **choice.params)
        )
        specs.append(BackboneSpec(backbone_label(choice), choice, load, not is_net))
    if not specs:
        raise BadValue("expected at least one backbone, got none: pass their names")
    names = [spec.name for spec in specs if spec.is_named]
    nets = [id(spec.load()) for spec in specs if not spec.is_named]
    twice = [
        spec.name for spec in specs if (names.count(spec.name) if spec.is_named else nets.count(id(spec.load()))) > 1
    ]
    if twice:
        raise BadValue(f"{twice[0]} was given twice")
    return _number_duplicates(specs)


def _number_duplicates(specs: list[BackboneSpec]) -> list[BackboneSpec]:
    """Number nets in memory that share a name: a name gives a net's origin, not its identity."""
    names, numbered = [spec.name for spec in specs], []
    numbers: Counter[str] = Counter()
    for spec in specs:
        if not spec.is_named and names.count(spec.name) > 1:
            numbers[spec.name] += 1
            spec = spec._replace(name=f"{spec.name} (net {numbers[spec.name]})")
        numbered.append(spec)
    return numbered


def backbone_label(choice: Choice) -> str:
    """Return the label of a backbone in a ranking."""
    params = dict(choice.params)
    random = "random weights" if not params.pop("pretrained", True) else ""
    rest = ", ".join([random] * bool(random) + [f"{k}={v!r}" for k, v in params.items() if k != "classes"])
    return f"{choice.name} ({rest})" if rest else choice.name


def _get_net(net: Net) -> Net:
    return net
