"""Devices of a training, their random generators and memory; rank of this process."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator

import torch
import torch.distributed as dist

from workbench.errors import Unavailable, WorkbenchError
from workbench.plan import Schedule


def list_devices() -> list[str]:
    """List the devices of this machine, fastest first."""
    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        names.append("mps")
    return [*names, "cpu"]


def select_device(schedule: Schedule) -> torch.device:
    """Select the device of a run; several processes of one run get a GPU each, as far as there are enough.

    Raises:
        Unavailable: the requested device does not exist here.
    """
    available = list_devices()
    wanted = available[0] if schedule.device == "auto" else schedule.device
    if wanted == "cuda" or (schedule.device == "auto" and wanted.startswith("cuda")):
        wanted = f"cuda:{local_rank() % max(torch.cuda.device_count(), 1)}"
    if wanted not in available:
        raise Unavailable(
            f"expected a device of this machine ({', '.join(available)}, or auto), got {schedule.device!r}"
        )
    return torch.device(wanted)


def set_cuda_options(device: torch.device) -> None:
    """Set CUDA's options for training: the fastest convolutions for a fixed size, TF32 where fp32 is requested."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")


def seed_generators(device: torch.device, seed: int) -> None:
    """Seed the generators of `device` and of the CPU.

    `torch.manual_seed` seeds every type of device, which takes a millisecond.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


@contextlib.contextmanager
def fork_rng(device: torch.device) -> Iterator[None]:
    """Restore the random generators after the context, whatever was drawn or seeded within it."""
    cards = list(range(torch.cuda.device_count())) if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cards):
        yield


def is_out_of_memory(error: BaseException) -> bool:
    """True if `error` reports that memory ran out, on any device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if isinstance(error, WorkbenchError):  # its message may mention memory
        return False
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def free_memory(device: torch.device) -> None:
    """Free the memory that a failed attempt left allocated."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def peak_memory_gb(device: torch.device) -> float:
    """Return the peak memory in GB: of the device on CUDA, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    import psutil

    return psutil.Process().memory_info().rss / 1e9


def rank_and_world() -> tuple[int, int]:
    """Return the rank of this process and the number of processes of the run."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def local_rank() -> int:
    """Return the rank of this process among those of the run on this machine."""
    return int(os.environ.get("LOCAL_RANK", "0")) if dist.is_initialized() else 0
