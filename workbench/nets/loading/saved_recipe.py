"""Recipe of a saved net as metadata of its file, and the restoration of a net from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from workbench.errors import BadValue
from workbench.nets.loading import weight_files
from workbench.nets.loading.recipe import Recipe
from workbench.plan import to_plain_data

if TYPE_CHECKING:
    from workbench.nets.net import Net

METADATA_KEY = "workbench"
RECIPE_FORMAT = "net-1"


def describe_recipe(net: Net) -> dict[str, Any]:
    """Describe the construction of a net as plain data."""
    recipe = net.recipe
    pixels = net.preprocessing
    return {
        "format": RECIPE_FORMAT,
        "name": recipe.name,
        "architecture": recipe.architecture,
        "builder": recipe.builder,
        "kwargs": to_plain_data(recipe.kwargs),
        "fresh": net.has_new_head,
        "outputs": _count_new_head_outputs(net),
        "classes": to_plain_data(net.classes),
        "preprocessing": to_plain_data(dataclasses.asdict(pixels)),
        "source": to_plain_data(net.provenance),
    }


def parse_recipe(saved: Mapping[str, Any], path: Path) -> Recipe:
    """Parse the recipe that `describe_recipe` wrote.

    Raises:
        BadValue: another format.
    """
    try:
        if saved["format"] != RECIPE_FORMAT:
            raise KeyError(f"format {saved['format']!r}")
        return Recipe(
            saved["name"],
            saved["architecture"],
            saved["builder"],
            saved["kwargs"],
            None if saved["classes"] is None else tuple(saved["classes"]),
            {"crop_mode": "center", **saved["preprocessing"]},  # the only crop mode of files without this field
            weights=path,
            provenance=saved["source"],
        )
    except (KeyError, TypeError) as error:
        raise BadValue(f"{path} was not written by this version of the workbench ({error})") from error


def restore_net(
    net: Net, saved: Mapping[str, Any], state: Mapping[str, Tensor] | None, path: Path, seed: int = 0
) -> None:
    """Restore a net built from its recipe to its saved state: head, classes, weights.

    Args:
        state: saved tensors; None keeps the random ones.
        seed: seed of the head, where it was a new one.
    """
    if saved["fresh"]:
        net.reset_head(int(saved["outputs"]), seed)
    net.classes = None if saved["classes"] is None else tuple(saved["classes"])
    for part in ("backbone", "head") if state is not None else ():
        tensors = {k.removeprefix(f"{part}."): v for k, v in (state or {}).items() if k.startswith(f"{part}.")}
        weight_files.load_into_module(getattr(net, part), tensors, f"the {part} in {path}")


def _count_new_head_outputs(net: Net) -> int | None:
    return net.head.out_features if net.has_new_head else None  # type: ignore[return-value]
