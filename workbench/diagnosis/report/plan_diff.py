"""Differences between two plans."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.runs.build import open_images

if TYPE_CHECKING:
    from workbench.plan import Plan

YOURS, FIXED = "yours", "fixed, in memory"


def diff_plans(before: Plan, after: Plan) -> list[tuple[str, str, str]]:
    """List the fields that differ: name, value before, value after.

    Images count as one field, and so does a net in memory.
    """
    old, new = (dict(_flatten_json(json.loads(plan.to_json()))) for plan in (before, after))
    differences, skipped = [], []
    if not _has_same_images(before, after):
        differences.append(("data", YOURS, FIXED))
    skipped.append("data.")
    if (
        "backbone" in after.in_memory
        or "backbone" in before.in_memory
        or (_weights_file(before) and _weights_file(after))
    ):
        skipped.append("backbone.")
        if not _has_same_net(before, after):
            differences.append(("backbone", YOURS, FIXED))
    names = [n for n in dict.fromkeys([*old, *new]) if old.get(n) != new.get(n) and not n.startswith(tuple(skipped))]
    return [*differences, *((name, _format_value(old.get(name)), _format_value(new.get(name))) for name in names)]


def _has_same_images(before: Plan, after: Plan) -> bool:
    images = before.in_memory.get("data"), after.in_memory.get("data")
    if images[0] is images[1] and (images[0] is not None or before.data == after.data):
        return True
    try:
        first, second = open_images(before), open_images(after)
    except WorkbenchError:  # moved or deleted since: only their names can be compared
        return before.data == after.data
    return first.fingerprint == second.fingerprint


def _has_same_net(before: Plan, after: Plan) -> bool:
    if "backbone" in before.in_memory or "backbone" in after.in_memory:
        return before.in_memory.get("backbone") is after.in_memory.get("backbone")
    return before.backbone.params == after.backbone.params and _read_weights(_weights_file(before)) == _read_weights(
        _weights_file(after)
    )


def _read_weights(path: str) -> bytes:
    """Read the bytes of a weights file; of safetensors those after the header, whose keys may come in any order."""
    with open(path, "rb") as file:
        file.seek(8 + int.from_bytes(file.read(8), "little") if path.endswith(".safetensors") else 0)
        return file.read()


def _weights_file(plan: Plan) -> str:
    """Return the path of the backbone's weights file; empty if the backbone is not a file."""
    return plan.backbone.name if Path(plan.backbone.name).is_file() else ""


def _flatten_json(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flatten_json(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _format_value(value: Any) -> str:
    return "not set" if value is None or value == {} else f"{value:g}" if isinstance(value, float) else str(value)
