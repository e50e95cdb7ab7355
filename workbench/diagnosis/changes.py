"""What one plan does otherwise than another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.runs.assembly import open_images

if TYPE_CHECKING:
    from workbench.plan import Plan

YOURS, MENDED = "yours", "put right, kept with the plan"


def changes(before: Plan, after: Plan) -> list[tuple[str, str, str]]:
    """The fields that differ: name, value before, value after; images and a net in memory count as one field each."""
    old, new = (dict(_flat(json.loads(plan.to_json()))) for plan in (before, after))
    told, skipped = [], []
    if not _same_images(before, after):
        told.append(("data", YOURS, MENDED))
    skipped.append("data.")
    if "backbone" in after.held or "backbone" in before.held or (_file(before) and _file(after)):
        skipped.append("backbone.")
        if not _same_net(before, after):
            told.append(("backbone", YOURS, MENDED))
    apart = [n for n in dict.fromkeys([*old, *new]) if old.get(n) != new.get(n) and not n.startswith(tuple(skipped))]
    return [*told, *((name, _said(old.get(name)), _said(new.get(name))) for name in apart)]


def _same_images(before: Plan, after: Plan) -> bool:
    held = before.held.get("data"), after.held.get("data")
    if held[0] is held[1] and (held[0] is not None or before.data == after.data):
        return True
    try:
        first, second = open_images(before), open_images(after)
    except WorkbenchError:  # moved or deleted since: what they are called is all there is
        return before.data == after.data
    return first.fingerprint == second.fingerprint


def _same_net(before: Plan, after: Plan) -> bool:
    if "backbone" in before.held or "backbone" in after.held:
        return before.held.get("backbone") is after.held.get("backbone")
    return before.backbone.params == after.backbone.params and _weights(_file(before)) == _weights(_file(after))


def _weights(file: str) -> bytes:
    """What follows the header of a file of safetensors, whose words may stand in any order."""
    with open(file, "rb") as opened:
        opened.seek(8 + int.from_bytes(opened.read(8), "little") if file.endswith(".safetensors") else 0)
        return opened.read()


def _file(plan: Plan) -> str:
    """The file of the backbone's weights, where it is one."""
    return plan.backbone.name if Path(plan.backbone.name).is_file() else ""


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _said(value: Any) -> str:
    return "not set" if value is None or value == {} else f"{value:g}" if isinstance(value, float) else str(value)
