"""Where and with what a run was made: recorded beside its results."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Any

import torch

PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow", "safetensors")


def environment(place: torch.device) -> dict[str, Any]:
    """Versions, machine, device and threads: the same plan with the same of these gives the same result."""
    import workbench

    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    made = {
        "workbench": workbench.__version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.node(),
        "device": str(place),
        "threads": torch.get_num_threads(),
        "versions": versions,
    }
    if place.type == "cuda":
        made["gpu"] = torch.cuda.get_device_name(place)
        made["cuda"] = torch.version.cuda
    return made
