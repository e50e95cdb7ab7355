"""Provenance of a saved state: the plan, the images and the weights with which the run began."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.checks.content_hash import content_digest
from workbench.data.items import SPLITS
from workbench.errors import BadValue
from workbench.formatting import format_quantity
from workbench.nets.structure import hash_tensors
from workbench.plan_migration import migrate_plan
from workbench.runs.folder.saved_state import restart_hint

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.nets.net import Net
    from workbench.plan import Plan

# device, threads and the path of the images may change between stop and resume; their content may not
CHANGEABLE_KEYS = ("schedule.threads", "schedule.device", "data.name", "data.params.path")
MAX_DIFFERENCES = 5  # differences listed in a message


def describe_provenance(plan: Plan, images: Images, net: Net) -> dict[str, Any]:
    """Describe the plan, the images and the initial weights of a run as plain data.

    Args:
        net: as opened, before its first step.
    """
    return {"plan": json.loads(plan.to_json()), "images": _describe_images(images), "weights": _hash_weights(plan, net)}


def check_unchanged(folder: Path, saved: Mapping[str, Any] | None, current: Mapping[str, Any]) -> None:
    """Refuse to resume with another plan, other images or other weights.

    Args:
        saved: provenance of the state; None for a state from before it was recorded.

    Raises:
        BadValue: something differs; the message lists it and how to restart.
    """
    differences = list(iter_differences(saved, current)) if saved else []
    if not differences:
        return
    listed = "; ".join(differences[:MAX_DIFFERENCES]) + (
        f"; and {len(differences) - MAX_DIFFERENCES} more" if len(differences) > MAX_DIFFERENCES else ""
    )
    raise BadValue(
        f"{folder.name} cannot be resumed, because it has changed since its state was saved: {listed}. "
        f"Undo the change and call resume(); or {restart_hint(folder)}"
    )


def iter_differences(saved: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[str]:
    """Iterate over the differences between two descriptions, in words."""
    same_weights = saved["weights"] == current["weights"]
    free = (*CHANGEABLE_KEYS, "backbone.name") if same_weights and current["weights"] else CHANGEABLE_KEYS
    before, after = (dict(_flatten_mapping(migrate_plan(description["plan"]))) for description in (saved, current))
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name, "not given"), after.get(name, "not given")
        if old != new and name not in free:
            yield f"{name.removeprefix('schedule.').replace('.params.', ' ').replace('.name', '')} was {old}, is {new}"
    yield from _iter_image_differences(saved["images"], current["images"])
    if not same_weights:
        yield "the initial weights differ"


def _iter_image_differences(saved: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[str]:
    for part in ("classes", "splits"):
        for name in dict.fromkeys((*saved[part], *current[part])):
            old, new = saved[part].get(name), current[part].get(name)
            if old != new:
                yield f"{name} had {_format_image_count(old)}, has {_format_image_count(new)}"
    same_counts = saved["classes"] == current["classes"] and saved["splits"] == current["splits"]
    if saved["labels"] != current["labels"] and same_counts:
        yield "images have other names, labels, splits or domains"
    elif saved["content"] != current["content"] and same_counts:
        yield "the content of the image files has changed"


def _format_image_count(count: int | None) -> str:
    return "no images" if count is None else format_quantity(count, "image")


def _describe_images(images: Images) -> dict[str, Any]:
    values = images.labels()
    if images.kind == "tags":
        counts = {name: int(values[:, at].sum()) for at, name in enumerate(images.classes)}
    else:
        columns = values.reshape(len(images), -1).T
        counts = {
            f"{task} {name}" if images.kind == "tasks" else name: int((column == at).sum())
            for column, (task, names) in zip(columns, images.tasks.items(), strict=True)
            for at, name in enumerate(names)
        }
    splits = images.items.splits[images.rows]
    return {
        "classes": counts,
        "splits": {
            f"the split {name}": int((splits == at).sum()) for at, name in enumerate(SPLITS) if np.any(splits == at)
        },
        "labels": images.fingerprint,
        "content": content_digest(images),
    }


def _hash_weights(plan: Plan, net: Net) -> str | None:
    """Return a hash of the weights; None for random ones, which follow from the seed in the plan."""
    if plan.backbone.params.get("pretrained") is False:
        return None
    return hash_tensors(net.state_dict().values())


def _flatten_mapping(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield name, value
        return
    for key, inner in value.items():
        yield from _flatten_mapping(inner, f"{name}.{key}" if name else key)
