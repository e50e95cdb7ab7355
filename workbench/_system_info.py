"""Overview of hardware, software and free resources of this machine: `wb.system_info()` and `workbench info`."""

from __future__ import annotations

import html
import importlib.metadata
import os
import platform
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import __version__, _paths
from workbench.argument_checks import check_arguments
from workbench.errors import Unavailable, escape_returned_text
from workbench.formatting import format_bytes, format_quantity

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["system_info"]

GB = 1e9
# limit for measuring the size of a folder: a cache may hold a million files
SIZE_TIMEOUT_S = 2.0
HUB_TIMEOUT_S = 3.0
MIN_FREE_GB = 5.0
CORE_PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "captum",
    "safetensors",
    "numpy",
    "pandas",
    "pillow",
    "scikit-learn",
    "plotly",
)
LAB_PACKAGES = ("jupyterlab", "ipywidgets", "anywidget", "ipykernel")


@dataclass(frozen=True)
class InfoEntry:
    """Result of one inspection, with advice if something is wrong."""

    subject: str
    value: str
    advice: str = ""


@dataclass(frozen=True)
class SystemInfo:
    """Results of all inspections; shown as a table by `print` and in notebooks."""

    entries: tuple[InfoEntry, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Results as a frame with the columns subject, value and advice."""
        import pandas as pd

        rows = [(f.subject, f.value, f.advice) for f in self.entries]
        return pd.DataFrame(rows, columns=["subject", "value", "advice"])

    @property
    def advice(self) -> tuple[str, ...]:
        """Advice for everything that is wrong or missing; empty if nothing is."""
        return tuple(f.advice for f in self.entries if f.advice)

    @escape_returned_text
    def __str__(self) -> str:
        width = max(len(f.subject) for f in self.entries)
        lines = []
        for finding in self.entries:
            lines.append(f"{finding.subject:<{width}}  {finding.value}")
            if finding.advice:
                lines.append(f"{'':<{width}}  → {finding.advice}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        cell = "<td style='text-align:left'>"
        rows = "".join(
            f"<tr>{cell}{html.escape(f.subject)}</td>{cell}{html.escape(f.value)}</td>{cell}{html.escape(f.advice)}</td></tr>"
            for f in self.entries
        )
        return f"<table><tr><th>subject</th><th>value</th><th>advice</th></tr>{rows}</table>"


@check_arguments
def system_info() -> SystemInfo:
    """Inspect devices, memory, disk, versions, the model hub and the workbench's folders; nothing is changed."""
    steps = {
        "software": _inspect_software,
        "devices": _inspect_devices,
        "memory": _inspect_memory,
        "home": _inspect_home,
        "hub": _inspect_hub,
    }
    return SystemInfo(tuple(finding for subject, step in steps.items() for finding in _run_inspection(subject, step)))


def _run_inspection(subject: str, step: Callable[[], Iterator[InfoEntry]]) -> Iterator[InfoEntry]:
    try:
        yield from step()
    except ImportError as error:
        # broken installations are reported, not raised
        yield InfoEntry(subject, f"not inspected: {error}")


def _inspect_software() -> Iterator[InfoEntry]:
    yield InfoEntry("workbench", __version__)
    yield InfoEntry("Python", f"{platform.python_version()} on {platform.platform()}, {sys.executable}")
    yield _inspect_packages("packages", CORE_PACKAGES, "python -m pip install transfer-workbench")
    yield _inspect_packages("notebooks", LAB_PACKAGES, 'python -m pip install "transfer-workbench[lab]"')


def _inspect_packages(subject: str, names: tuple[str, ...], remedy: str) -> InfoEntry:
    installed, missing = [], []
    for name in names:
        try:
            installed.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    advice = f"not installed: {', '.join(missing)}; {remedy}" if missing else ""
    return InfoEntry(subject, ", ".join(installed) or "none", advice)


def _inspect_devices() -> Iterator[InfoEntry]:
    yield InfoEntry("processor", f"{_count_cores()} cores for this process, {platform.machine()}")
    import torch

    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        free, total = torch.cuda.mem_get_info(index)
        yield InfoEntry(
            f"cuda:{index}",
            f"{card.name}, {format_bytes(free)} of {format_bytes(total)} free, compute capability "
            f"{card.major}.{card.minor}, bf16 {'yes' if card.major >= 8 else 'no'}, CUDA {torch.version.cuda}",
        )
    if torch.backends.mps.is_available():
        yield InfoEntry("mps", "Apple's graphics cores: used by default")
    if not torch.cuda.device_count() and shutil.which("nvidia-smi"):
        cause = "this torch was built without CUDA" if torch.version.cuda is None else "its driver may be too old"
        yield InfoEntry(
            "cuda",
            f"an NVIDIA driver is installed, but torch {torch.__version__} finds no device",
            f"{cause}; see pytorch.org/get-started for the wheel that fits what nvidia-smi prints",
        )
    elif not torch.cuda.device_count() and not torch.backends.mps.is_available():
        yield InfoEntry(
            "accelerator", "none: training runs on the CPU, which is fast enough for small nets and linear probes"
        )


def _count_cores() -> int:
    # cores granted by the scheduler; in a container or batch job fewer than the machine has
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _inspect_memory() -> Iterator[InfoEntry]:
    import psutil

    memory = psutil.virtual_memory()
    limit = container_memory_limit()
    granted = f", of which this container may use {format_bytes(limit)}" if limit and limit < memory.total else ""
    yield InfoEntry("memory", f"{format_bytes(memory.available)} of {format_bytes(memory.total)} free{granted}")


def container_memory_limit() -> int | None:
    """Return the memory limit of this container in bytes; None outside of a container."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(path).read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else None
    return None


def _inspect_home() -> Iterator[InfoEntry]:
    try:
        home = _paths.make_folder(_paths.workbench_home())
    except Unavailable as error:
        yield InfoEntry("home", str(error), "set WORKBENCH_HOME to a writable folder")
        return
    writable = os.access(home, os.W_OK)
    yield InfoEntry("home", f"{home}", "" if writable else "not writable: set WORKBENCH_HOME to another folder")
    free = shutil.disk_usage(home).free
    short = f"less than {MIN_FREE_GB:g} GB: delete runs or caches, or set WORKBENCH_HOME to a folder on another disk"
    yield InfoEntry("disk", f"{format_bytes(free)} free there", short if free < MIN_FREE_GB * GB else "")
    for folder in sorted(path for path in home.iterdir() if path.is_dir()):
        yield InfoEntry(
            f"home/{folder.name}",
            f"{format_folder_size(folder)} in {format_quantity(sum(1 for _ in folder.iterdir()), 'entry', 'entries')}",
        )
    if (home / "cache" / "activations").is_dir():
        from workbench.storage.cache_contents import activation_cache

        yield InfoEntry("store", f"activations of frozen layers: {activation_cache().summary}")


def _inspect_hub() -> Iterator[InfoEntry]:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    yield InfoEntry(
        "hub cache", f"{format_folder_size(cache)} at {cache}" if cache.is_dir() else f"nothing yet at {cache}"
    )
    if constants.HF_HUB_OFFLINE:
        yield InfoEntry("hub", "not contacted: HF_HUB_OFFLINE is set; weights come from the cache, the zoo and files")
        return
    began = time.perf_counter()
    try:
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        with urllib.request.urlopen(request, timeout=HUB_TIMEOUT_S):
            yield InfoEntry("hub", f"{constants.ENDPOINT} answers in {time.perf_counter() - began:.1f} s")
    except (OSError, ValueError) as error:
        yield InfoEntry(
            "hub",
            f"{constants.ENDPOINT} does not answer: {getattr(error, 'reason', None) or error}",
            "without it, weights come from the cache, the zoo and files: `workbench backbones offline` lists them",
        )


def format_folder_size(folder: Path) -> str:
    """Format the size of a folder; a lower bound if the folder is too large to measure quickly."""
    until, total = time.monotonic() + SIZE_TIMEOUT_S, 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                # the hub's cache stores each file once and links to it: links are not counted
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue
        if time.monotonic() > until:
            return f"more than {format_bytes(total)}"
    return format_bytes(total)
