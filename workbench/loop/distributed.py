"""Distributed training: processes started by `torchrun` or `accelerate launch` decide together and end together.

A process that has left because of an error would keep the others waiting at their next collective operation. So every
collective operation is preceded by one call of `gather_answers`, in the same order on all processes: a process that
fails answers it with the reason, and all end. Only then are tensors exchanged, which cannot fail for a reason of one
process alone.
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

_gpu_group: dist.ProcessGroup | None = None  # process group over GPUs, if every process has a GPU of its own


class Failure(NamedTuple):
    """Answer of a process that failed: the reason as a sentence, and the traceback."""

    reason: str
    traceback_text: str


class FailedElsewhere(RunFailed):
    """Failure or loss of another process of the run, known to all processes.

    Attributes:
        traceback_text: its traceback, if there is one.
    """

    def __init__(self, reason: str, traceback_text: str = "") -> None:
        super().__init__(reason)
        self.traceback_text = traceback_text


def join_processes() -> bool:
    """Join the other processes of this run if the launcher started several; return whether it did."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or dist.is_initialized():
        return False
    # decisions are exchanged over the CPU, whatever the device: they wait for no device
    dist.init_process_group("gloo")
    return True


def choose_gradient_backend(device: torch.device) -> None:
    """Choose the backend for gradients: NCCL if every process has a GPU of its own, gloo if they share one.

    Args:
        device: device of this process.
    """
    global _gpu_group
    if not dist.is_initialized():
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    identities = gather_answers("device", (socket.gethostname(), device.type, device_identity(device)))
    if has_gpu_per_process(identities):
        _gpu_group = _gpu_group or dist.new_group(backend="nccl")  # type: ignore[assignment]
    elif device.type != "cpu":
        log.info("%d processes share %s: gradients go over gloo, through the CPU's memory", len(identities), device)


def device_identity(device: torch.device) -> str:
    """Return the identity of a device on its machine, independent of how the launcher numbers devices."""
    if device.type != "cuda":
        return str(device)
    return str(getattr(torch.cuda.get_device_properties(device), "uuid", device))


def has_gpu_per_process(devices: list[tuple[str, str, str]]) -> bool:
    """True if all processes compute on GPUs, no two on the same one.

    Args:
        devices: host, type and identity of each process's device.
    """
    return all(kind == "cuda" for _, kind, _ in devices) and len(set(devices)) == len(devices)


def gather_answers(question: str, answer: T) -> list[T]:
    """Return every process's answer, in the order of ranks; a single process gets its own answer.

    Args:
        question: name of the exchange; the same on all processes.
        answer: any object that can be pickled.

    Raises:
        FailedElsewhere: a process failed before this exchange, is gone, or is at another exchange.
    """
    if not dist.is_initialized():
        return [answer]
    answers = _all_gather((question, answer))
    for rank, other in enumerate(answers):
        if isinstance(other, Failure):
            raise FailedElsewhere(f"process {rank + 1} of {len(answers)} failed: {other.reason}", other.traceback_text)
    questions = [other[0] for other in answers]
    if len(set(questions)) > 1:
        listed = ", ".join(f"process {rank + 1} at {name!r}" for rank, name in enumerate(questions))
        raise FailedElsewhere(f"the processes of this run are no longer synchronized ({listed}); please report this")
    return [other[1] for other in answers]


def broadcast_answer(question: str, answer: T) -> T:
    """Return the first process's answer, on all processes."""
    return gather_answers(question, answer if rank_and_world()[0] == 0 else None)[0]  # type: ignore[return-value]


def report_failure(error: BaseException, reason: str) -> None:
    """Answer the next exchange of the other processes with the failure of this one; without effect if all know of it.

    Args:
        reason: message for a person.
    """
    if not dist.is_initialized() or isinstance(error, FailedElsewhere):
        return
    with contextlib.suppress(FailedElsewhere):  # the other processes have ended already
        _all_gather(Failure(reason, "".join(traceback.format_exception(error))))


def all_reduce_sum(flat: Tensor) -> Tensor:
    """Return the sum of a tensor (n,) over all processes; `flat` may be overwritten."""
    exchanged = flat if _gpu_group is not None else flat.cpu()
    with _explain_lost_connection():
        dist.all_reduce(exchanged, group=_gpu_group)
    return exchanged.to(flat.device)


@torch.no_grad()
def broadcast_tensors(tensors: Iterable[Tensor]) -> None:
    """Overwrite tensors with those of the first process, bit for bit; without effect in a single process."""
    if not dist.is_initialized():
        return
    by_type: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        by_type.setdefault(tensor.dtype, []).append(tensor)
    for same in by_type.values():
        flat = torch.cat([tensor.reshape(-1) for tensor in same])
        exchanged = flat if _gpu_group is not None else flat.cpu()
        with _explain_lost_connection():
            dist.broadcast(exchanged.view(torch.uint8), 0, group=_gpu_group)
        if rank_and_world()[0]:
            pieces = exchanged.to(flat.device).split([tensor.numel() for tensor in same])
            for tensor, piece in zip(same, pieces, strict=True):
                tensor.copy_(piece.view(tensor.shape))


def _all_gather(answer: Any) -> list[Any]:
    answers: list[Any] = [None] * dist.get_world_size()
    with _explain_lost_connection():
        dist.all_gather_object(answers, answer)
    return answers


@contextlib.contextmanager
def _explain_lost_connection() -> Iterator[None]:
    """Turn a broken connection into an error with a clear message."""
    try:
        yield
    except RuntimeError as error:
        raise FailedElsewhere(
            "another process of this run has ended unexpectedly (killed, out of memory, or its machine went down); "
            "resume() continues from the last saved state"
        ) from error
