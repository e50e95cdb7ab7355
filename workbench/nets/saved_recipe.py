"""The recipe of a saved net, as its file carries it, and how a net is made again from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from workbench.errors import BadValue
from workbench.nets import weights
from workbench.nets.recipe import Recipe
from workbench.plan import plain

if TYPE_CHECKING:
    from workbench.nets.net import Net

KEY = "workbench"
FORMAT = "net-1"


def described(net: Net) -> dict[str, Any]:
    """How to build a net, as plain data."""
    recipe = net.recipe
    pixels = net.preprocessing
    return {
        "format": FORMAT,
        "name": recipe.name,
        "architecture": recipe.architecture,
        "builder": recipe.builder,
        "kwargs": plain(recipe.kwargs),
        "fresh": net.fresh,
        "outputs": _outputs(net),
        "classes": plain(net.classes),
        "preprocessing": plain(dataclasses.asdict(pixels)),
        "source": plain(net.source),
    }


def recipe_of(saved: Mapping[str, Any], path: Path) -> Recipe:
    """The recipe that `described` wrote.

    Raises:
        BadValue: of another format.
    """
    try:
        if saved["format"] != FORMAT:
            raise KeyError(f"format {saved['format']!r}")
        return Recipe(
            saved["name"],
            saved["architecture"],
            saved["builder"],
            saved["kwargs"],
            None if saved["classes"] is None else tuple(saved["classes"]),
            {"crop_mode": "center", **saved["preprocessing"]},  # as nets saw before there was another
            weights=path,
            source=saved["source"],
        )
    except (KeyError, TypeError) as error:
        raise BadValue(f"{path} was not written by this version of the workbench ({error})") from error


def restore(net: Net, saved: Mapping[str, Any], state: Mapping[str, Tensor] | None, path: Path, seed: int = 0) -> None:
    """Makes the net built from its recipe what it was when saved: its head, its classes, its weights.

    Args:
        state: the saved tensors; None leaves the random ones.
        seed: of the head, where it was a new one.
    """
    if saved["fresh"]:
        net.new_head(int(saved["outputs"]), seed)
    net.classes = None if saved["classes"] is None else tuple(saved["classes"])
    for part in ("backbone", "head") if state is not None else ():
        held = {k.removeprefix(f"{part}."): v for k, v in (state or {}).items() if k.startswith(f"{part}.")}
        weights.fill(getattr(net, part), held, f"the {part} in {path}")


def _outputs(net: Net) -> int | None:
    return net.head.out_features if net.fresh else None  # type: ignore[return-value]
