"""Target outputs of a net, by class name, by index, or one per image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from workbench.errors import BadValue, UnknownName
from workbench.nets.shape_inference import run_test_image

if TYPE_CHECKING:
    from workbench.nets.net import Net


def count_classes(net: Net) -> int:
    """Return K, the number of the net's classes."""
    return len(net.classes) if net.classes else int(run_test_image(net, net.preprocessing.size).shape[1])


def resolve_targets(net: Net, target: Any, n_images: int) -> Tensor | None:
    """Return the indices of the target outputs, (n_images,) int64; None without a target.

    Raises:
        UnknownName: no class of that name.
        BadValue: an index out of range, or not one target per image.
    """
    if target is None:
        return None
    if isinstance(target, Tensor):
        target = target.detach().cpu().numpy()
    is_sequence = not isinstance(target, (str, bytes)) and np.ndim(target) == 1
    targets = list(target) if is_sequence else [target] * n_images
    if len(targets) != n_images:
        raise BadValue(f"there are {n_images} images and {len(targets)} targets: give one class, or one per image")
    classes = count_classes(net)
    return torch.tensor([_resolve_target(net, item, classes) for item in targets], dtype=torch.int64)


def _resolve_target(net: Net, target: Any, n_classes: int) -> int:
    if isinstance(target, (str, np.str_)):
        if not net.classes:
            raise BadValue(f"{net.choice.name} has no class names: name the class {str(target)!r} by its number")
        if target not in net.classes:
            raise UnknownName.of(f"class of {net.choice.name}", target, net.classes)
        return net.classes.index(target)
    if isinstance(target, (bool, np.bool_)) or not isinstance(target, (int, np.integer)):
        raise BadValue(f"expected a target as class name or index; got {target!r}")
    if not 0 <= target < n_classes:
        raise BadValue(f"{net.choice.name} has {n_classes} classes, numbered 0 to {n_classes - 1}; got {int(target)}")
    return int(target)
