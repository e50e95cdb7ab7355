"""Readers of the files in a run's folder; each checks the structure of its file and refuses a damaged one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from workbench.errors import BadData
from workbench.plan import Schedule

PLAN, POINTS, GRID, ENVIRONMENT, FROZEN_CHECK = (
    "plan.json",
    "points.jsonl",
    "grid.json",
    "environment.json",
    "proof.json",
)
FROZEN_CHECK_FIELDS = ("stage", "from_epoch", "to_epoch", "before", "after", "unchanged")
NUMBER_TYPES = (int, float)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        BadData: the file cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise damaged_file_error(path, getattr(error, "strerror", None) or error) from error


def damaged_file_error(path: Path, reason: object) -> BadData:
    """Return the error for a damaged file in a run's folder."""
    return BadData(f"{path.name} in the run {path.parent} is damaged: {reason}")


def read_plan_summary(folder: Path) -> dict[str, Any]:
    """Return a summary of the plan in a folder: names of backbone, data, tuning and strategy, and the number of epochs.

    Unlike `Plan.from_json` it resolves no name, so that listing runs imports nothing that trains.

    Raises:
        BadData: the plan is damaged.
    """
    path = folder / PLAN
    plan = read_json(path)
    if not isinstance(plan, Mapping):
        raise damaged_file_error(path, f"expected a mapping as plan, got {_describe_type(plan)}")
    parts = {"tuning": "full", "strategy": "fine-tune", **plan}
    named = {part: _read_part_name(path, part, parts.get(part)) for part in ("backbone", "data", "tuning", "strategy")}
    schedule = plan.get("schedule") or {}
    if not isinstance(schedule, Mapping):
        raise damaged_file_error(path, f"expected a mapping as schedule, got {_describe_type(schedule)}")
    epochs = plan.get("epochs", schedule.get("epochs", Schedule.epochs))
    if isinstance(epochs, bool) or not isinstance(epochs, NUMBER_TYPES):
        raise damaged_file_error(path, f"expected a number of epochs, got {_describe_type(epochs)}")
    return {**named, "epochs": epochs}


def read_points(path: Path, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the points written since byte `start`, and the byte at which to continue.

    A half-written last line is left for the next call.

    Raises:
        BadData: a line is not a point.
    """
    try:
        with path.open("rb") as file:
            if start > os.fstat(file.fileno()).st_size:  # the file was truncated when the run was resumed
                start = 0
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise damaged_file_error(path, error.strerror or error) from error
    whole = data.rfind(b"\n") + 1
    return [parse_point(path, line) for line in data[:whole].splitlines() if line], start + whole


def parse_point(path: Path, line: bytes) -> dict[str, Any]:
    """Parse one line of the points file.

    Raises:
        BadData: the line is not a point.
    """
    try:
        point = json.loads(line)
    except (ValueError, RecursionError):
        point = None
    if not isinstance(point, dict) or not _is_point(point):
        excerpt = line[:40].decode(errors="replace")
        raise damaged_file_error(
            path, f"expected one point per line, got {excerpt!r}; delete that line to make the file readable"
        )
    return point


def read_lr_grid(folder: Path) -> dict[str, Any]:
    """Return the learning rates of a run: `stages`, and `rates` with one row per stage; empty before training starts.

    Raises:
        BadData: the file is damaged.
    """
    path = folder / GRID
    if not path.exists():
        return {}
    grid = read_json(path)
    try:
        stages, rates = grid["stages"], grid["rates"]
        words = all(isinstance(stage, str) for stage in stages)
        numbers = all(isinstance(rate, NUMBER_TYPES) for row in rates for rate in row)
        fits = len(stages) == len(rates) and len({len(row) for row in rates}) <= 1
    except (TypeError, KeyError, IndexError):
        words = numbers = fits = False
    if not (words and numbers and fits):
        raise damaged_file_error(path, "expected stages and one row of rates per stage")
    return grid


def read_frozen_check(folder: Path) -> list[dict[str, Any]]:
    """Return the frozen stages with their hashes before and after training; empty before training ends.

    Raises:
        BadData: the file is damaged.
    """
    path = folder / FROZEN_CHECK
    if not path.exists():
        return []
    content = read_json(path)
    rows = content.get("stages") if isinstance(content, Mapping) else None
    if not isinstance(rows, list) or not all(
        isinstance(row, Mapping) and set(FROZEN_CHECK_FIELDS) <= set(row) for row in rows
    ):
        raise damaged_file_error(path, f"expected stages, each with {', '.join(FROZEN_CHECK_FIELDS)}")
    return rows


def read_environment(folder: Path) -> dict[str, Any]:
    """Return the environment of a run; empty before it starts.

    Raises:
        BadData: the file is damaged.
    """
    path = folder / ENVIRONMENT
    if not path.exists():
        return {}
    environment = read_json(path)
    if not isinstance(environment, dict):
        raise damaged_file_error(path, f"expected a mapping, got {_describe_type(environment)}")
    return environment


def _is_point(point: dict[str, Any]) -> bool:
    """True if a mapping is a point: a split, and otherwise numbers, among them step and epoch."""
    values = [value for name, value in point.items() if name != "split"]
    numbers = all(isinstance(value, NUMBER_TYPES) and not isinstance(value, bool) for value in values)
    return numbers and isinstance(point.get("split"), str) and "step" in point and "epoch" in point


def _read_part_name(path: Path, part: str, value: Any) -> str:
    """Return the name of a part of a plan, given as a string or as a mapping with `name`."""
    name = value.get("name") if isinstance(value, Mapping) else value
    if not isinstance(name, str):
        raise damaged_file_error(path, f"expected a name of the {part}, got {_describe_type(name)}")
    return PurePath(name).name


def _describe_type(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
