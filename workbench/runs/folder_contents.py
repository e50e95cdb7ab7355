"""Reading the files of a run's folder: each is checked for its shape, and a damaged one is a sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from workbench.errors import BadData
from workbench.plan import Schedule

PLAN, POINTS, GRID, ENVIRONMENT, PROOF = "plan.json", "points.jsonl", "grid.json", "environment.json", "proof.json"
PROVED = ("stage", "from_epoch", "to_epoch", "before", "after", "unchanged")
NUMBER = (int, float)


def read_json(path: Path) -> Any:
    """Return what a file of JSON holds.

    Raises:
        BadData: it cannot be read or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, getattr(error, "strerror", None) or error) from error


def damaged(path: Path, why: object) -> BadData:
    """Return the refusal of a damaged file in a run's folder."""
    return BadData(f"{path.name} in the run {path.parent} is damaged: {why}")


def read_plan(folder: Path) -> dict[str, Any]:
    """Return what is planned in a folder, in words: backbone, data, tuning, strategy, and the number of epochs.

    Unlike `Plan.from_json` it looks up no name, so that a list of runs imports nothing that trains.

    Raises:
        BadData: the plan is damaged.
    """
    path = folder / PLAN
    plan = read_json(path)
    if not isinstance(plan, Mapping):
        raise damaged(path, f"a plan is a mapping; it holds {_kind(plan)}")
    parts = {"tuning": "full", "strategy": "fine-tune", **plan}
    named = {part: _name(path, part, parts.get(part)) for part in ("backbone", "data", "tuning", "strategy")}
    schedule = plan.get("schedule") or {}
    if not isinstance(schedule, Mapping):
        raise damaged(path, f"its schedule is a mapping; it holds {_kind(schedule)}")
    epochs = plan.get("epochs", schedule.get("epochs", Schedule.epochs))
    if isinstance(epochs, bool) or not isinstance(epochs, NUMBER):
        raise damaged(path, f"its epochs are a number; it holds {_kind(epochs)}")
    return {**named, "epochs": epochs}


def read_points(path: Path, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the points written since byte `start`, and the byte to go on from.

    A half-written line is left for later.

    Raises:
        BadData: a line is no point.
    """
    try:
        with path.open("rb") as file:
            if start > os.fstat(file.fileno()).st_size:  # the file was cut back when the run was resumed
                start = 0
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise damaged(path, error.strerror or error) from error
    whole = data.rfind(b"\n") + 1
    return [parse_point(path, line) for line in data[:whole].splitlines() if line], start + whole


def parse_point(path: Path, line: bytes) -> dict[str, Any]:
    """Return the point that a line holds.

    Raises:
        BadData: it holds none.
    """
    try:
        point = json.loads(line)
    except (ValueError, RecursionError):
        point = None
    if not isinstance(point, dict) or not _measured(point):
        shown = line[:40].decode(errors="replace")
        raise damaged(path, f"a line of it is no point but {shown!r}; without that line it can be read again")
    return point


def read_grid(folder: Path) -> dict[str, Any]:
    """Return the rates that a run obeys: `stages` and `rates`, a row a stage; empty where there are none yet.

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
        numbers = all(isinstance(rate, NUMBER) for row in rates for rate in row)
        fits = len(stages) == len(rates) and len({len(row) for row in rates}) <= 1
    except (TypeError, KeyError, IndexError):
        words = numbers = fits = False
    if not (words and numbers and fits):
        raise damaged(path, "it is to hold stages, and a row of rates for each of them")
    return grid


def read_proof(folder: Path) -> list[dict[str, Any]]:
    """Return the frozen stages with their hashes before and after; none where nothing is proved yet.

    Raises:
        BadData: the file is damaged.
    """
    path = folder / PROOF
    if not path.exists():
        return []
    proof = read_json(path)
    rows = proof.get("stages") if isinstance(proof, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) and set(PROVED) <= set(row) for row in rows):
        raise damaged(path, f"it is to hold stages, each with {', '.join(PROVED)}")
    return rows


def read_environment(folder: Path) -> dict[str, Any]:
    """Return what a run was made with; empty where it has not begun.

    Raises:
        BadData: the file is damaged.
    """
    path = folder / ENVIRONMENT
    if not path.exists():
        return {}
    made = read_json(path)
    if not isinstance(made, dict):
        raise damaged(path, f"it is to hold a mapping; it holds {_kind(made)}")
    return made


def _measured(point: dict[str, Any]) -> bool:
    """Return whether a mapping is a point: a split, and numbers besides, with step and epoch among them."""
    values = [value for name, value in point.items() if name != "split"]
    numbers = all(isinstance(value, NUMBER) and not isinstance(value, bool) for value in values)
    return numbers and isinstance(point.get("split"), str) and "step" in point and "epoch" in point


def _name(path: Path, part: str, value: Any) -> str:
    """Return the name of a part of a plan, which is a word or a mapping with one."""
    name = value.get("name") if isinstance(value, Mapping) else value
    if not isinstance(name, str):
        raise damaged(path, f"its {part} wants a name; it holds {_kind(name)}")
    return PurePath(name).name


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
