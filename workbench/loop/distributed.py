"""Several processes on one training, started by `torchrun` or `accelerate launch`: they decide and end together.

A process that has left for an error is waited for by the others wherever they need it. So every collective operation
is preceded by one question, `gather`, that all processes ask in the same order: a process that fails answers it with
its reason, and all end. Only then do tensors travel, which cannot fail for a reason of one process alone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import traceback
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from workbench.errors import RunFailed
from workbench.loop.device import rank_and_world

log = logging.getLogger("workbench")

T = TypeVar("T")

_devices: dist.ProcessGroup | None = None  # between GPUs, where every process has one of its own


class Failure(NamedTuple):
    """Answer of a process that failed: the reason as a sentence, and the traceback."""

    reason: str
    story: str


class FailedElsewhere(RunFailed):
    """Another process of the run failed, or is gone; all processes know it.

    Attributes:
        story: its traceback, where there is one.
    """

    def __init__(self, reason: str, story: str = "") -> None:
        super().__init__(reason)
        self.story = story


def join() -> bool:
    """Joins the other processes of this run, if the launcher started several; whether it did."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or dist.is_initialized():
        return False
    # decisions go over the CPU, whatever the run computes on: they wait for no device
    dist.init_process_group("gloo")
    return True


def connect(place: torch.device) -> None:
    """Chooses the way of gradients: NCCL where every process has a GPU of its own, gloo where they share one.

    Args:
        place: the device of this process.
    """
    global _devices
    if not dist.is_initialized():
        return
    if place.type == "cuda":
        torch.cuda.set_device(place)
    places = gather("device", (socket.gethostname(), place.type, identity(place)))
    if all_apart(places):
        _devices = _devices or dist.new_group(backend="nccl")  # type: ignore[assignment]
    elif place.type != "cpu":
        log.info("%d processes share %s: gradients go over gloo, through the CPU's memory", len(places), place)


def identity(place: torch.device) -> str:
    """What tells a device from others of its machine, however the launcher numbers them."""
    if place.type != "cuda":
        return str(place)
    return str(getattr(torch.cuda.get_device_properties(place), "uuid", place))


def all_apart(places: list[tuple[str, str, str]]) -> bool:
    """Whether all processes compute on GPUs, no two on the same one: host, kind and identity of each."""
    return all(kind == "cuda" for _, kind, _ in places) and len(set(places)) == len(places)


def gather(question: str, answer: T) -> list[T]:
    """Every process's answer, in the order of ranks; alone, the answer itself.

    Args:
        question: what is asked; the same on all processes.
        answer: anything that can be pickled.

    Raises:
        FailedElsewhere: a process failed on the way here, is gone, or asks something else.
    """
    if not dist.is_initialized():
        return [answer]
    answers = _exchange((question, answer))
    for rank, found in enumerate(answers):
        if isinstance(found, Failure):
            raise FailedElsewhere(f"process {rank + 1} of {len(answers)} failed: {found.reason}", found.story)
    questions = [found[0] for found in answers]
    if len(set(questions)) > 1:
        listed = ", ".join(f"process {rank + 1} at {name!r}" for rank, name in enumerate(questions))
        raise FailedElsewhere(
            f"the processes of this run are no longer at the same place ({listed}); please report this"
        )
    return [found[1] for found in answers]


def first(question: str, answer: T) -> T:
    """The first process's answer, on all processes."""
    return gather(question, answer if rank_and_world()[0] == 0 else None)[0]  # type: ignore[return-value]


def give_up(error: BaseException, reason: str) -> None:
    """Answers the others' next question with the failure of this process; nothing where all know of it.

    Args:
        reason: for a person.
    """
    if not dist.is_initialized() or isinstance(error, FailedElsewhere):
        return
    with contextlib.suppress(FailedElsewhere):  # they are gone already
        _exchange(Failure(reason, "".join(traceback.format_exception(error))))


def total(flat: Tensor) -> Tensor:
    """The sum of a tensor (n,) over all processes; `flat` may be overwritten."""
    there = flat if _devices is not None else flat.cpu()
    with _connection():
        dist.all_reduce(there, group=_devices)
    return there.to(flat.device)


@torch.no_grad()
def take_first(tensors: Iterable[Tensor]) -> None:
    """Overwrites tensors with those of the first process, bit for bit; nothing where it is alone."""
    if not dist.is_initialized():
        return
    by_type: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        by_type.setdefault(tensor.dtype, []).append(tensor)
    for same in by_type.values():
        flat = torch.cat([tensor.reshape(-1) for tensor in same])
        there = flat if _devices is not None else flat.cpu()
        with _connection():
            dist.broadcast(there.view(torch.uint8), 0, group=_devices)
        if rank_and_world()[0]:
            pieces = there.to(flat.device).split([tensor.numel() for tensor in same])
            for tensor, piece in zip(same, pieces, strict=True):
                tensor.copy_(piece.view(tensor.shape))


def _exchange(said: Any) -> list[Any]:
    answers: list[Any] = [None] * dist.get_world_size()
    with _connection():
        dist.all_gather_object(answers, said)
    return answers


@contextlib.contextmanager
def _connection() -> Iterator[None]:
    """Turns a broken connection into a sentence."""
    try:
        yield
    except RuntimeError as error:
        raise FailedElsewhere(
            "another process of this run is gone without a word (killed, out of memory, or its machine went down); "
            "resume() goes on from the last saved state"
        ) from error
