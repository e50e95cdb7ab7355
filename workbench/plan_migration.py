"""Plans saved by older versions of the workbench, in today's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

# version 0.1: name in the schedule -> name today
SCHEDULE_NAMES = {
    "shape": "lr_schedule",
    "clip": "clip_grad",
    "keep": "select",
    "store": "cache_activations",
    "views": "augment_views",
}
BATCH_NORM_VALUES = {"follow": "train", "still": "eval"}
DATA_OPTIONS = {"source": "source_domain", "target": "target_domain"}
METHOD_PARAMS = {"simclr": {"colour": "color", "grey": "gray", "smallest": "min_area"}}


def migrate_plan(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of a plan with the names of older versions replaced; a plan of today is returned unchanged."""
    migrated = dict(data)
    if isinstance(schedule := data.get("schedule"), Mapping):
        migrated["schedule"] = _migrate_schedule(schedule)
    if _is_choice(images := data.get("data")):
        migrated["data"] = {**images, "params": _rename_keys(images["params"], DATA_OPTIONS)}
    if _is_choice(strategy := data.get("strategy")) and strategy["name"] in METHOD_PARAMS:
        migrated["strategy"] = {**strategy, "params": _rename_keys(strategy["params"], METHOD_PARAMS[strategy["name"]])}
    return migrated


def _migrate_schedule(schedule: Mapping[str, Any]) -> dict[str, Any]:
    renamed = _rename_keys(schedule, SCHEDULE_NAMES)
    if renamed.get("batch_norm") in BATCH_NORM_VALUES:
        renamed["batch_norm"] = BATCH_NORM_VALUES[renamed["batch_norm"]]
    return renamed


def _rename_keys(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in values.items()}


def _is_choice(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and "name" in value and isinstance(value.get("params"), Mapping)
