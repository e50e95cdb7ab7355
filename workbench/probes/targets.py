"""Which output of a net is meant: by name, by number, or one a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from workbench.errors import BadValue, UnknownName
from workbench.nets.measure import forward

if TYPE_CHECKING:
    from workbench.nets import Net


def outputs(net: Net) -> int:
    """K, how many classes the net tells apart."""
    return len(net.classes) if net.classes else int(forward(net, net.preprocessing.size).shape[1])


def indices(net: Net, target: Any, count: int) -> Tensor | None:
    """The outputs meant, (count,) int64; None where none is named.

    Raises:
        UnknownName: no class of that name.
        BadValue: a number out of range, or not one a picture.
    """
    if target is None:
        return None
    if isinstance(target, Tensor):
        target = target.detach().cpu().numpy()
    several = not isinstance(target, (str, bytes)) and np.ndim(target) == 1
    wanted = list(target) if several else [target] * count
    if len(wanted) != count:
        raise BadValue(f"there are {count} pictures and {len(wanted)} targets: name one class, or one a picture")
    classes = outputs(net)
    return torch.tensor([_index(net, one, classes) for one in wanted], dtype=torch.int64)


def _index(net: Net, one: Any, classes: int) -> int:
    if isinstance(one, (str, np.str_)):
        if not net.classes:
            raise BadValue(f"{net.choice.name} has no class names: name the class {str(one)!r} by its number")
        if one not in net.classes:
            raise UnknownName.of(f"class of {net.choice.name}", one, net.classes)
        return net.classes.index(one)
    if isinstance(one, (bool, np.bool_)) or not isinstance(one, (int, np.integer)):
        raise BadValue(f"a target is the name or the number of a class; got {one!r}")
    if not 0 <= one < classes:
        raise BadValue(f"{net.choice.name} tells {classes} classes apart, numbered 0 to {classes - 1}; got {int(one)}")
    return int(one)
