"""What this machine can do, and what is missing for more: `wb.doctor()` and `workbench doctor`."""

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

from workbench import __version__, disk
from workbench.arguments import check_arguments
from workbench.errors import Unavailable, printable_text

if TYPE_CHECKING:
    import pandas as pd

GB = 1e9
# reading sizes must not keep a person waiting in front of a cache of a million files
PATIENCE_S = 2.0
HUB_TIMEOUT_S = 3.0
ROOM_GB = 5.0
CORE = ("torch", "torchvision", "timm", "captum", "safetensors", "numpy", "pandas", "pillow", "scikit-learn", "plotly")
LAB = ("jupyterlab", "ipywidgets", "anywidget", "ipykernel")


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found, and what to do about it where something is amiss."""

    subject: str
    found: str
    to_do: str = ""


@dataclass(frozen=True)
class Checkup:
    """Everything `doctor` found; printed it is a table, in a notebook too."""

    findings: tuple[Finding, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """The findings as a frame: subject, found, to_do."""
        import pandas as pd

        rows = [(f.subject, f.found, f.to_do) for f in self.findings]
        return pd.DataFrame(rows, columns=["subject", "found", "to_do"])

    @property
    def to_do(self) -> tuple[str, ...]:
        """What would make this machine do more; empty if nothing is amiss."""
        return tuple(f.to_do for f in self.findings if f.to_do)

    @printable_text
    def __str__(self) -> str:
        width = max(len(f.subject) for f in self.findings)
        lines = []
        for finding in self.findings:
            lines.append(f"{finding.subject:<{width}}  {finding.found}")
            if finding.to_do:
                lines.append(f"{'':<{width}}  → {finding.to_do}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        cell = "<td style='text-align:left'>"
        rows = "".join(
            f"<tr>{cell}{html.escape(f.subject)}</td>{cell}{html.escape(f.found)}</td>{cell}{html.escape(f.to_do)}</td></tr>"
            for f in self.findings
        )
        return f"<table><tr><th>subject</th><th>found</th><th>to do</th></tr>{rows}</table>"


@check_arguments
def doctor() -> Checkup:
    """Looks at devices, memory, disk, versions, the hub and the workbench's own folders; changes nothing."""
    steps = {"software": _software, "devices": _devices, "memory": _memory, "home": _home, "hub": _hub}
    return Checkup(tuple(finding for subject, step in steps.items() for finding in _looked(subject, step)))


def _looked(subject: str, step: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from step()
    except ImportError as error:
        # a broken installation is what a doctor is called for
        yield Finding(subject, f"not looked at: {error}")


def _software() -> Iterator[Finding]:
    yield Finding("workbench", __version__)
    yield Finding("Python", f"{platform.python_version()} on {platform.platform()}, {sys.executable}")
    yield _packages("packages", CORE, "python -m pip install transfer-workbench")
    yield _packages("notebooks", LAB, 'python -m pip install "transfer-workbench[lab]"')


def _packages(subject: str, names: tuple[str, ...], remedy: str) -> Finding:
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    to_do = f"not installed: {', '.join(missing)}; {remedy}" if missing else ""
    return Finding(subject, ", ".join(found) or "none", to_do)


def _devices() -> Iterator[Finding]:
    yield Finding("processor", f"{_cores()} cores for this process, {platform.machine()}")
    import torch

    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        free, total = torch.cuda.mem_get_info(index)
        yield Finding(
            f"cuda:{index}",
            f"{card.name}, {free / GB:.1f} of {total / GB:.1f} GB free, compute capability {card.major}.{card.minor}, "
            f"bf16 {'yes' if card.major >= 8 else 'no'}, CUDA {torch.version.cuda}",
        )
    if torch.backends.mps.is_available():
        yield Finding("mps", "Apple's graphics cores: used by default")
    if not torch.cuda.device_count() and shutil.which("nvidia-smi"):
        cause = "this torch was built without CUDA" if torch.version.cuda is None else "its driver may be too old"
        yield Finding(
            "cuda",
            f"an NVIDIA driver is here, but torch {torch.__version__} finds no device",
            f"{cause}; see pytorch.org/get-started for the wheel that fits what nvidia-smi prints",
        )
    elif not torch.cuda.device_count() and not torch.backends.mps.is_available():
        yield Finding(
            "accelerator", "none: training runs on the processor; small nets and linear probes are quick on it"
        )


def _cores() -> int:
    # what the scheduler grants, which in a container or a batch job is less than what the machine has
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> Iterator[Finding]:
    import psutil

    memory = psutil.virtual_memory()
    limit = container_limit()
    granted = f", of which this container may use {limit / GB:.1f}" if limit and limit < memory.total else ""
    yield Finding("memory", f"{memory.available / GB:.1f} of {memory.total / GB:.1f} GB free{granted}")


def container_limit() -> int | None:
    """Bytes of memory that the container allows this process; None outside of one."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(path).read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else None
    return None


def _home() -> Iterator[Finding]:
    try:
        home = disk.make_folder(disk.home())
    except Unavailable as error:
        yield Finding("home", str(error), "name a writable folder in WORKBENCH_HOME")
        return
    writable = os.access(home, os.W_OK)
    yield Finding("home", f"{home}", "" if writable else "not writable: name another folder in WORKBENCH_HOME")
    free = shutil.disk_usage(home).free
    short = f"less than {ROOM_GB:g} GB: delete runs or caches, or name a folder elsewhere in WORKBENCH_HOME"
    yield Finding("disk", f"{free / GB:.1f} GB free there", short if free < ROOM_GB * GB else "")
    for folder in sorted(path for path in home.iterdir() if path.is_dir()):
        yield Finding(f"home/{folder.name}", f"{size_text(folder)} in {sum(1 for _ in folder.iterdir())} entries")
    if (home / "cache" / "activations").is_dir():
        from workbench.storage import store

        yield Finding("store", f"activations of frozen layers: {store().summary}")


def _hub() -> Iterator[Finding]:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    yield Finding("hub cache", f"{size_text(cache)} at {cache}" if cache.is_dir() else f"nothing yet at {cache}")
    if constants.HF_HUB_OFFLINE:
        yield Finding("hub", "not asked: HF_HUB_OFFLINE is set; weights come from the cache, the zoo and files")
        return
    began = time.perf_counter()
    try:
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        with urllib.request.urlopen(request, timeout=HUB_TIMEOUT_S):
            yield Finding("hub", f"{constants.ENDPOINT} answers in {time.perf_counter() - began:.1f} s")
    except (OSError, ValueError) as error:
        yield Finding(
            "hub",
            f"{constants.ENDPOINT} does not answer: {getattr(error, 'reason', None) or error}",
            "without it, weights come from the cache, the zoo and files: `workbench backbones offline` lists them",
        )


def size_text(folder: Path) -> str:
    """How much a folder holds, in words; a lower bound where it is too large to count quickly."""
    until, total = time.monotonic() + PATIENCE_S, 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                # the hub's cache holds each file once and links to it: links count nothing
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
        if time.monotonic() > until:
            return f"more than {total / GB:.1f} GB"
    return f"{total / GB:.1f} GB" if total >= GB / 10 else f"{total / 1e6:.1f} MB"
