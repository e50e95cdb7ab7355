"""Where a run computes."""

from __future__ import annotations

import gc

import torch
import torch.distributed as dist

from workbench.errors import Unavailable
from workbench.plan import Schedule


def devices() -> list[str]:
    """The devices of this machine, the best first."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def device(schedule: Schedule) -> torch.device:
    """The device of a run.

    Raises:
        Unavailable: the one asked for is not here.
    """
    if schedule.device == "auto":
        return torch.device(devices()[0])
    wanted = "cuda:0" if schedule.device == "cuda" else schedule.device
    if wanted not in devices():
        raise Unavailable(f"there is no device {schedule.device!r} here; there are {', '.join(devices())}, or auto")
    return torch.device(wanted)


def tune(place: torch.device) -> None:
    """Sets CUDA's choices for training: the fastest convolutions for a fixed size, TF32 where fp32 is asked for."""
    if place.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")


def seed(place: torch.device, number: int) -> None:
    """Seeds what `place` and the CPU draw from; `torch.manual_seed` asks every kind of device, at a millisecond."""
    torch.default_generator.manual_seed(number)
    if place.type == "cuda":
        torch.cuda.manual_seed_all(number)
    elif place.type == "mps":
        torch.mps.manual_seed(number)


def out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, on any device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def free_memory(place: torch.device) -> None:
    """Gives back what a failed attempt left behind."""
    gc.collect()
    if place.type == "cuda":
        torch.cuda.empty_cache()


def memory_gb(place: torch.device) -> float:
    """Peak memory in GB: of the device on CUDA, else of this process."""
    if place.type == "cuda":
        return torch.cuda.max_memory_allocated(place) / 1e9
    import psutil

    return psutil.Process().memory_info().rss / 1e9


def rank_and_world() -> tuple[int, int]:
    """This process's number and how many share the run."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def first_says(value: float, place: torch.device) -> float:
    """The first process's value, on all processes of the run; every one must ask."""
    if not dist.is_initialized():
        return value
    said = torch.tensor([float(value)], device=place)
    dist.broadcast(said, 0)
    return said.item()
