"""File of a net: weights and recipe in safetensors; a net that its recipe would not rebuild is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from workbench import _paths
from workbench.errors import BadValue
from workbench.formatting import truncate_end
from workbench.nets import structure
from workbench.nets.loading import net_assembly, saved_recipe
from workbench.nets.loading.saved_recipe import METADATA_KEY

if TYPE_CHECKING:
    from workbench.nets.net import Net


def save_net(net: Net, path: Path, *, half_precision: bool = False, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a net to `path`, atomically.

    Args:
        half_precision: store matrices and kernels in half precision; norms, biases and statistics, which are few and
            may exceed its range, keep their type. `load_net` returns float32 again.
        metadata: further metadata by name, written as JSON.

    Raises:
        BadValue: the name does not end in .safetensors, its folder does not exist, or the net was changed by hand.
    """
    from safetensors.torch import save

    if path.suffix != ".safetensors":
        raise BadValue(f"a net is saved as a .safetensors file; got {path.name}")
    if not path.parent.is_dir():
        raise BadValue(f"there is no folder {path.parent} to save {path.name} in")
    recipe = make_verified_recipe(net)
    # cloned: safetensors refuses tensors that share memory
    state = {k: v.detach().cpu().clone().contiguous() for k, v in net.state_dict().items()}
    if half_precision:
        state = {k: v.half() if v.is_floating_point() and v.ndim > 1 else v for k, v in state.items()}
    texts = {name: json.dumps(value) for name, value in (metadata or {}).items()}
    _paths.write_file(path, save(state, {**texts, METADATA_KEY: json.dumps(recipe), "format": "pt"}))


def make_verified_recipe(net: Net) -> dict[str, Any]:
    """Describe the construction of a net, after comparing the rebuilt net with the original.

    Raises:
        BadValue: they differ, so that a file of the net would open as another one.
    """
    recipe = json.loads(json.dumps(saved_recipe.describe_recipe(net)))
    difference = _find_difference(net, recipe)
    if difference and structure.is_inside(difference[0], ("head",)) and (outputs := _count_linear_outputs(net)):
        recipe |= {"fresh": True, "outputs": outputs}  # a user's linear layer equals the head that `reset_head` makes
        difference = _find_difference(net, recipe)
    if difference:
        name, mine, theirs = difference
        raise BadValue(
            f"the net was changed by hand: {name} is {truncate_end(mine)}, and {recipe['name']}, opened again from a "
            f"file, would have {truncate_end(theirs)} there. Save its weights with torch.save(net.state_dict(), "
            "'weights.pt'), or register the changed architecture with timm (timm.models.register_model) and open that "
            "by its name"
        )
    return recipe


def _find_difference(net: Net, recipe: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Find the first difference between a net and what its recipe builds: dotted name, value in each of the two."""
    try:
        other = net_assembly.rebuild_net(recipe)
    except BadValue as error:
        return "it", "another net", f"nothing ({error})"
    return next(structure.iter_differences(net, other), None)


def _count_linear_outputs(net: Net) -> int | None:
    """Return the number of outputs of a head that is a linear layer over the features; None for any other head."""
    head = net.head
    if type(head) is not nn.Linear or head.bias is None or head.in_features != net.feature_dim:
        return None
    return head.out_features
