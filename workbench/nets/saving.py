"""A net as one safetensors file that says how to build it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from workbench import disk
from workbench.errors import BadValue
from workbench.nets import weights
from workbench.nets.recipe import Recipe
from workbench.plan import plain

if TYPE_CHECKING:
    from workbench.nets.net import Net

KEY = "workbench"
FORMAT = "net-1"


def write(net: Net, path: Path, *, half: bool = False, notes: Mapping[str, Any] | None = None) -> None:
    """Writes a net to `path`, whole or not at all.

    Args:
        half: whether matrices and kernels take half precision; norms, biases and statistics, which are few and may
            lie out of its range, keep theirs. `load` gives float32 again.
        notes: further metadata by name, written as JSON.

    Raises:
        BadValue: the name does not end in .safetensors, or its folder does not exist.
    """
    from safetensors.torch import save

    if path.suffix != ".safetensors":
        raise BadValue(f"a net is saved as a .safetensors file; got {path.name}")
    if not path.parent.is_dir():
        raise BadValue(f"there is no folder {path.parent} to save {path.name} in")
    # cloned: safetensors refuses tensors that share memory
    state = {k: v.detach().cpu().clone().contiguous() for k, v in net.state_dict().items()}
    if half:
        state = {k: v.half() if v.is_floating_point() and v.ndim > 1 else v for k, v in state.items()}
    told = {name: json.dumps(value) for name, value in (notes or {}).items()}
    disk.write(path, save(state, {**told, KEY: json.dumps(described(net)), "format": "pt"}))


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
