"""Environment of a run: versions, machine, device and threads, recorded with its results."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Any

import torch

PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow", "safetensors")


def describe_environment(device: torch.device) -> dict[str, Any]:
    """Return versions, machine, device and threads; the same plan in the same environment gives the same result."""
    import workbench

    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    environment = {
        "workbench": workbench.__version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.node(),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "versions": versions,
    }
    if device.type == "cuda":
        environment["gpu"] = torch.cuda.get_device_name(device)
        environment["cuda"] = torch.version.cuda
    return environment
