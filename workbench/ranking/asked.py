"""The backbones that were asked for, in whatever words: each with its label and a way to open it."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from workbench.errors import BadValue
from workbench.nets.load import Backbone, load
from workbench.plan import Choice, to_choice

if TYPE_CHECKING:
    from workbench.nets import Net


# one backbone, several, or a frame of the catalogue
Backbones = Backbone | Sequence[Backbone] | pd.DataFrame


class Asked(NamedTuple):
    """One of them: what it is called, what `wb.load` takes, what gives the net, and whether the choice alone does."""

    name: str
    choice: Choice
    load: Callable[[], Net]
    by_name: bool


def asked(backbones: Any) -> list[Asked]:
    """Backbones from names, choices, mappings, nets, a frame of the catalogue, or one of these alone.

    Raises:
        BadValue: none, one that is none of these, or the same name or net twice.
    """
    if isinstance(backbones, pd.DataFrame):
        backbones = list(backbones["name"])
    if isinstance(backbones, (str, dict, Choice)) or hasattr(backbones, "choice"):
        backbones = [backbones]
    found = []
    for backbone in backbones:
        choice = to_choice(backbone, "backbone")
        whole = hasattr(backbone, "features") and hasattr(backbone, "stages")
        opened = functools.partial(_held, backbone) if whole else functools.partial(load, choice.name, **choice.params)
        found.append(Asked(label(choice), choice, opened, not whole))
    if not found:
        raise BadValue("there are no backbones to compare: hand in their names")
    names = [one.name for one in found if one.by_name]
    nets = [id(one.load()) for one in found if not one.by_name]
    twice = [one.name for one in found if (names.count(one.name) if one.by_name else nets.count(id(one.load()))) > 1]
    if twice:
        raise BadValue(f"{twice[0]} was asked for twice")
    return _told_apart(found)


def _told_apart(found: list[Asked]) -> list[Asked]:
    """Nets in memory that bear another one's name are numbered: a name says how a net began, not what it is."""
    names, told = [one.name for one in found], []
    numbers: Counter[str] = Counter()
    for one in found:
        if not one.by_name and names.count(one.name) > 1:
            numbers[one.name] += 1
            one = one._replace(name=f"{one.name} (net {numbers[one.name]})")
        told.append(one)
    return told


def label(choice: Choice) -> str:
    """What a ranking calls a backbone."""
    params = dict(choice.params)
    random = "random weights" if not params.pop("pretrained", True) else ""
    rest = ", ".join([random] * bool(random) + [f"{k}={v!r}" for k, v in params.items() if k != "classes"])
    return f"{choice.name} ({rest})" if rest else choice.name


def _held(net: Net) -> Net:
    return net
