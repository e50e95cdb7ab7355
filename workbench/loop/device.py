"""Where a run computes."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator

import torch
import torch.distributed as dist

from workbench.errors import Unavailable, WorkbenchError
from workbench.plan import Schedule


def devices() -> list[str]:
    """The devices of this machine, the best first."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def device(schedule: Schedule) -> torch.device:
    """The device of a run; where several processes share it, each has a GPU of its own as long as there are enough.

    Raises:
        Unavailable: the one asked for is not here.
    """
    here = devices()
    wanted = here[0] if schedule.device == "auto" else schedule.device
    if wanted == "cuda" or (schedule.device == "auto" and wanted.startswith("cuda")):
        wanted = f"cuda:{local_rank() % max(torch.cuda.device_count(), 1)}"
    if wanted not in here:
        raise Unavailable(f"there is no device {schedule.device!r} here; there are {', '.join(here)}, or auto")
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


@contextlib.contextmanager
def forked(place: torch.device) -> Iterator[None]:
    """Whatever is drawn or seeded meanwhile, the random numbers drawn afterwards are those that would have come."""
    cards = list(range(torch.cuda.device_count())) if place.type == "cuda" else []
    with torch.random.fork_rng(devices=cards):
        yield


def out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, on any device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if isinstance(error, WorkbenchError):  # may speak of it
        return False
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


def local_rank() -> int:
    """This process's number among those of the run on this machine."""
    return int(os.environ.get("LOCAL_RANK", "0")) if dist.is_initialized() else 0
