"""Transforms of data sets: the standard ones give way to a net's own preprocessing, any other is refused."""

from __future__ import annotations

import copy
from typing import Any

from workbench.errors import BadData

# deterministic steps that only bring an image into the form that a net wants
STANDARD = frozenset((
    *("ToTensor", "PILToTensor", "ToImage", "ToPILImage", "ToDtype", "ConvertImageDtype", "ToPureTensor", "Identity"),
    *("Resize", "CenterCrop", "Normalize", "RGB", "ImageClassification"),
    *("MaybeToTensor", "MaybePILToTensor", "ToNumpy"),  # of timm
))  # fmt: skip
MAKERS = ("torchvision.transforms", "timm.data")


def without_transform(dataset: Any) -> tuple[Any, list[str]]:
    """A shallow copy that gives its images as they are, and the names of the steps that it no longer takes.

    Raises:
        BadData: a step that a net's preprocessing does not replace.
    """
    joint = getattr(dataset, "transforms", None)
    # torchvision's pair of a transform for images and one for targets, which stays
    paired = hasattr(joint, "target_transform") and hasattr(joint, "transform")
    found = [getattr(dataset, "transform", None), None if paired else joint]
    names = [name for transform in found for name in _steps(transform, type(dataset).__name__)]
    if not names:
        return dataset, []
    for nothing in (None, _as_is):
        plain = copy.copy(dataset)
        if getattr(plain, "transform", None) is not None:
            plain.transform = nothing
        if joint is not None:
            plain.transforms = type(joint)(None, joint.target_transform) if paired else nothing
        try:
            plain[0]
        except Exception:  # whatever a person's own data set does without its transform
            continue
        return plain, names
    return dataset, []


def _as_is(*given: Any) -> Any:
    return given[0] if len(given) == 1 else given


def _steps(transform: Any, owner: str) -> list[str]:
    """The names of a transform's steps.

    Raises:
        BadData: a step that is none of the standard ones.
    """
    if transform is None or not (callable(transform) or isinstance(transform, (list, tuple))):
        return []
    inner = transform if isinstance(transform, (list, tuple)) else _parts(transform)
    if inner is not None:
        return [name for step in inner for name in _steps(step, owner)]
    name, module = type(transform).__name__, type(transform).__module__
    if name in STANDARD and module.startswith(MAKERS):
        return [name]
    word = getattr(transform, "__name__", name)
    raise BadData(
        f"the data set {owner} has the transform {word}, which changes its images before anybody sees them, and is not "
        "one that the net's own preprocessing replaces (such as ToTensor, Resize, Normalize). Make it with "
        "transform=None, and give random views to the plan (augment=); or apply it yourself and give arrays (x, y)"
    )


def _parts(transform: Any) -> list[Any] | None:
    """The steps of several in a row."""
    name, module = type(transform).__name__, type(transform).__module__
    if name == "Compose" and module.startswith(MAKERS):
        return list(transform.transforms)
    return list(transform) if name == "Sequential" and module.startswith(("torch.nn", "torchvision")) else None
