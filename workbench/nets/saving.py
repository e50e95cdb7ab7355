"""A net as one safetensors file that says how to build it; one that its recipe would not build again is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from workbench import disk
from workbench.errors import BadValue
from workbench.nets import assembling, saved_recipe, structure
from workbench.nets.saved_recipe import KEY

if TYPE_CHECKING:
    from workbench.nets.net import Net


def write(net: Net, path: Path, *, half: bool = False, notes: Mapping[str, Any] | None = None) -> None:
    """Writes a net to `path`, whole or not at all.

    Args:
        half: whether matrices and kernels take half precision; norms, biases and statistics, which are few and may
            lie out of its range, keep theirs. `load` gives float32 again.
        notes: further metadata by name, written as JSON.

    Raises:
        BadValue: the name does not end in .safetensors, its folder does not exist, or the net was changed by hand.
    """
    from safetensors.torch import save

    if path.suffix != ".safetensors":
        raise BadValue(f"a net is saved as a .safetensors file; got {path.name}")
    if not path.parent.is_dir():
        raise BadValue(f"there is no folder {path.parent} to save {path.name} in")
    recipe = checked_recipe(net)
    # cloned: safetensors refuses tensors that share memory
    state = {k: v.detach().cpu().clone().contiguous() for k, v in net.state_dict().items()}
    if half:
        state = {k: v.half() if v.is_floating_point() and v.ndim > 1 else v for k, v in state.items()}
    told = {name: json.dumps(value) for name, value in (notes or {}).items()}
    disk.write(path, save(state, {**told, KEY: json.dumps(recipe), "format": "pt"}))


def checked_recipe(net: Net) -> dict[str, Any]:
    """Describe how to build a net, after comparing what that gives with the net itself.

    Raises:
        BadValue: they differ, so that a file of the net would open as another one.
    """
    recipe = json.loads(json.dumps(saved_recipe.described(net)))
    found = _difference(net, recipe)
    if found and structure.is_inside(found[0], ("head",)) and (outputs := _plain_outputs(net)):
        recipe |= {"fresh": True, "outputs": outputs}  # a linear layer of one's own is the head that `new_head` makes
        found = _difference(net, recipe)
    if found:
        name, mine, theirs = found
        raise BadValue(
            f"the net was changed by hand: {name} is {_short(mine)}, and {recipe['name']}, opened again from a file, "
            f"would have {_short(theirs)} there. Keep its weights with torch.save(net.state_dict(), 'weights.pt'), or "
            "register the changed architecture with timm (timm.models.register_model) and open that by its name"
        )
    return recipe


def _difference(net: Net, recipe: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """The first place where a net is not what a recipe builds: dotted name, what it is, what the recipe gives."""
    try:
        other = assembling.rebuilt(recipe)
    except BadValue as error:
        return "it", "another net", f"nothing ({error})"
    return next(structure.differences(net, other), None)


def _plain_outputs(net: Net) -> int | None:
    """How many classes a head tells apart that is a linear layer over the features; None for any other head."""
    head = net.head
    if type(head) is not nn.Linear or head.bias is None or head.in_features != net.feature_dim:
        return None
    return head.out_features


def _short(text: str) -> str:
    """The text of a setting, in a line."""
    return text if len(text) < 80 else f"{text[:77]}…"
