"""Transforms of data sets: standard ones are replaced by the net's own preprocessing, any other is refused."""

from __future__ import annotations

import copy
from typing import Any

from workbench.errors import BadData

# deterministic steps that only convert an image to a net's input format
STANDARD_STEPS = frozenset((
    *("ToTensor", "PILToTensor", "ToImage", "ToPILImage", "ToDtype", "ConvertImageDtype", "ToPureTensor", "Identity"),
    *("Resize", "CenterCrop", "Normalize", "RGB", "ImageClassification"),
    *("MaybeToTensor", "MaybePILToTensor", "ToNumpy"),  # of timm
))  # fmt: skip
STEP_MODULES = ("torchvision.transforms", "timm.data")


def remove_transform(dataset: Any) -> tuple[Any, list[str]]:
    """Return a shallow copy without its transform, and the names of the removed steps.

    Raises:
        BadData: a step that a net's preprocessing does not replace.
    """
    joint = getattr(dataset, "transforms", None)
    # torchvision's pair of an image transform and a target transform; the latter is kept
    is_paired = hasattr(joint, "target_transform") and hasattr(joint, "transform")
    transforms = [getattr(dataset, "transform", None), None if is_paired else joint]
    names = [name for transform in transforms for name in _list_step_names(transform, type(dataset).__name__)]
    if not names:
        return dataset, []
    for replacement in (None, _return_unchanged):
        plain = copy.copy(dataset)
        if getattr(plain, "transform", None) is not None:
            plain.transform = replacement
        if joint is not None:
            plain.transforms = type(joint)(None, joint.target_transform) if is_paired else replacement
        try:
            plain[0]
        except Exception:  # a user's data set may raise anything without its transform
            continue
        return plain, names
    return dataset, []


def _return_unchanged(*given: Any) -> Any:
    return given[0] if len(given) == 1 else given


def _list_step_names(transform: Any, owner: str) -> list[str]:
    """List the names of a transform's steps.

    Raises:
        BadData: a step that is not a standard one.
    """
    if transform is None or not (callable(transform) or isinstance(transform, (list, tuple))):
        return []
    inner = transform if isinstance(transform, (list, tuple)) else _unpack_composed(transform)
    if inner is not None:
        return [name for step in inner for name in _list_step_names(step, owner)]
    name, module = type(transform).__name__, type(transform).__module__
    if name in STANDARD_STEPS and module.startswith(STEP_MODULES):
        return [name]
    word = getattr(transform, "__name__", name)
    raise BadData(
        f"the data set {owner} has the transform {word}, which changes its images and is not "
        "one that the net's own preprocessing replaces (such as ToTensor, Resize, Normalize). Make it with "
        "transform=None, and set random views in the plan (augment=); or apply it yourself and pass arrays (x, y)"
    )


def _unpack_composed(transform: Any) -> list[Any] | None:
    """List the steps of a composed transform; None for a single one."""
    name, module = type(transform).__name__, type(transform).__module__
    if name == "Compose" and module.startswith(STEP_MODULES):
        return list(transform.transforms)
    return list(transform) if name == "Sequential" and module.startswith(("torch.nn", "torchvision")) else None
