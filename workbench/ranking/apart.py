"""Backbones measured side by side, each in a process of its own, where that gains more than starting them costs."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import joblib
import psutil

from workbench.ranking import measuring
from workbench.ranking.asked import Asked
from workbench.ranking.measuring import Scored

if TYPE_CHECKING:
    from workbench.images import Images
    from workbench.nets import Net
    from workbench.plan import Choice

START = 15.0  # seconds from the start of a process to its first forward pass: it imports torch and timm
MEMORY = 2e9  # bytes that each is granted
MOST = 8
IDLE = 5  # seconds after which a process without work ends

log = logging.getLogger("workbench")


def processes(wanted: int | None, left: Sequence[Asked], first: Scored | None, device: str) -> int:
    """How many processes to measure with; 1 is this one alone.

    A forward pass has all threads already, so that what is gained is the time of the scores: it is known from the first
    backbone. Nets that are held in memory, and those on a GPU, stay here.

    Args:
        wanted: what the caller asks for; None weighs it.
        left: backbones still to be measured.
        first: what measuring the first took.
    """
    if device != "cpu" or not all(one.by_name for one in left):
        return 1
    room = int(psutil.virtual_memory().available / MEMORY)
    count = max(1, min(len(left), room, min(MOST, joblib.cpu_count()) if wanted is None else wanted))
    if wanted is not None or count == 1:
        return count
    gain = (first.seconds - first.forward if first else 0.0) * (len(left) - math.ceil(len(left) / count))
    return count if gain > START else 1


def measured(
    left: Sequence[Asked], count: int, arguments: tuple[Images, Sequence[str], int, int, Any]
) -> Iterator[Scored]:
    """What each backbone came to, in the order in which they end; leaving the loop ends the processes.

    Where one of them dies, for want of memory as a rule, this process measures what is missing.

    Args:
        arguments: images, scores, draws, seed and accuracies elsewhere, as `measuring.measured` takes them.
    """
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    home = {name: value for name, value in os.environ.items() if name.startswith(("WORKBENCH_", "HF_"))}
    missing = {one.name: one for one in left}
    threads = max(1, joblib.cpu_count() // count)
    # said where a process ended idle just as work came, and another takes its place; made an error by somebody's
    # filter, it would end the thread that hands out the work, and all would wait for ever
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    with joblib.parallel_config(backend="loky", inner_max_num_threads=threads, idle_worker_timeout=IDLE):
        pool = joblib.Parallel(n_jobs=count, batch_size=1, pre_dispatch=count, return_as="generator_unordered")
        found = pool(joblib.delayed(_alone)(home, one.name, one.choice, one.load, arguments) for one in left)
    try:
        for scored in found:
            del missing[scored.name]
            yield scored
    except TerminatedWorkerError:
        log.warning("a process that measured backbones has died; the %d that are left are measured here", len(missing))
        for one in missing.values():
            yield measuring.measured(one.name, one.choice, one.load, *arguments)
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # to leave early is a way to stop, not a mistake
            found.close()


def on(load: Callable[[], Net], place: str) -> Net:
    """The net on its device."""
    return load().to(place)


def _alone(
    home: dict[str, str], name: str, choice: Choice, load: Callable[[], Net], arguments: tuple[Any, ...]
) -> Scored:
    """What a process does with one backbone."""
    os.environ.update(home)  # the process may be older than a change of them
    return measuring.measured(name, choice, load, *arguments)
