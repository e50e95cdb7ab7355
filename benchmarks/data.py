"""Where the benchmarks find real images and weights: folders beside the repository, or `WORKBENCH_SHARED`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from workbench import _paths


def folder(*parts: str) -> Path:
    """A folder of the shared material; the script ends with a sentence where it is absent."""
    root = Path(os.environ.get("WORKBENCH_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    path = root.joinpath(*parts)
    if not path.exists():
        sys.exit(f"{path} is not there: set WORKBENCH_SHARED to a folder that holds {'/'.join(parts)}")
    return path


def keep(path: Path, cells: dict[str, Any]) -> None:
    """Writes what is measured, beside what other processes with other parts of the table wrote meanwhile."""
    if path.exists():
        cells.update(merged(json.loads(path.read_text()), cells))
    _paths.write_file(path, json.dumps(cells, indent=0, sort_keys=True))


def merged(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """Both together, group by group where the values are themselves cells by name; ours count where both have one."""
    both = theirs.keys() & ours.keys()
    deeper = {k: merged(theirs[k], ours[k]) for k in both if isinstance(theirs[k], dict) and isinstance(ours[k], dict)}
    return theirs | ours | deeper


def machine() -> str:
    """What the numbers were taken on, for the head of a report."""
    import platform

    import torch

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else cpu()
    return f"{name}, {os.cpu_count()} cores, torch {torch.__version__}, Python {platform.python_version()}"


def cpu() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return "CPU"
