"""What a state belongs to: the plan, the images and the weights that a run began with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import BadValue
from workbench.images.contents import content_digest
from workbench.images.items import SPLITS
from workbench.nets.structure import digest
from workbench.runs.saved_state import begin_anew

if TYPE_CHECKING:
    from workbench.images import Images
    from workbench.nets import Net
    from workbench.plan import Plan

# where a run computes may change while it stands still, and where its images lie: it is what they hold that counts
FREE = ("schedule.threads", "schedule.device", "data.name", "data.params.path")
MOST = 5  # differences that a sentence names


def describe(plan: Plan, images: Images, net: Net) -> dict[str, Any]:
    """Return what a run is made of, as plain data.

    Args:
        net: as it was opened, before its first step.
    """
    return {"plan": json.loads(plan.to_json()), "images": _images(images), "weights": _weights(plan, net)}


def check_unchanged(folder: Path, kept: Mapping[str, Any] | None, now: Mapping[str, Any]) -> None:
    """Refuse to go on with another plan, other images or other weights.

    Args:
        kept: what the state belongs to; None for one from before it was noted.

    Raises:
        BadValue: something differs; says what, and how to begin anew.
    """
    found = list(differences(kept, now)) if kept else []
    if not found:
        return
    said = "; ".join(found[:MOST]) + (f"; and {len(found) - MOST} more" if len(found) > MOST else "")
    raise BadValue(
        f"{folder.name} cannot go on, since it is not what it was when its state was saved: {said}. "
        f"Put that back and resume() goes on; or {begin_anew(folder)}"
    )


def differences(kept: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield in words what differs between two descriptions."""
    same_weights = kept["weights"] == now["weights"]
    free = (*FREE, "backbone.name") if same_weights and now["weights"] else FREE
    before, after = (dict(_flat(made["plan"])) for made in (kept, now))
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name, "not given"), after.get(name, "not given")
        if old != new and name not in free:
            yield f"{name.removeprefix('schedule.').replace('.params.', ' ').replace('.name', '')} was {old}, is {new}"
    yield from _image_differences(kept["images"], now["images"])
    if not same_weights:
        yield "the weights that it began with are others"


def _image_differences(kept: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for part in ("classes", "splits"):
        for name in dict.fromkeys((*kept[part], *now[part])):
            old, new = kept[part].get(name), now[part].get(name)
            if old != new:
                yield f"{name} had {_images_in_words(old)}, has {_images_in_words(new)}"
    same_counts = kept["classes"] == now["classes"] and kept["splits"] == now["splits"]
    if kept["labels"] != now["labels"] and same_counts:
        yield "images have other names, labels, splits or domains"
    elif kept["content"] != now["content"] and same_counts:
        yield "what the image files hold has changed"


def _images_in_words(count: int | None) -> str:
    return "not been there" if count is None else f"{count} image{'' if count == 1 else 's'}"


def _images(images: Images) -> dict[str, Any]:
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
    splits = images._items.splits[images._rows]
    return {
        "classes": counts,
        "splits": {
            f"the split {name}": int((splits == at).sum()) for at, name in enumerate(SPLITS) if np.any(splits == at)
        },
        "labels": images.fingerprint,
        "content": content_digest(images),
    }


def _weights(plan: Plan, net: Net) -> str | None:
    """Return a hash of the weights; None for random ones, which come from the seed, and with it from the plan."""
    if plan.backbone.params.get("pretrained") is False:
        return None
    return digest(net.state_dict().values())


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield name, value
        return
    for key, inner in value.items():
        yield from _flat(inner, f"{name}.{key}" if name else key)
