"""Limits on compute threads: interactive work uses only idle cores while a run trains.

Threads that share a small task wait for each other at its end. If another process, such as a run in the background,
uses one of the cores, they mostly wait: a single thread is then several times as fast.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
from threadpoolctl import ThreadpoolController

SAMPLE_SECONDS, MAX_AGE_SECONDS = 0.1, 2.0  # seconds over which CPU use is measured: minimum and maximum

_thread_state = threading.local()  # .inside: whether the work of this thread is limited already


@dataclass(frozen=True)
class _CpuTimes:
    """Elapsed seconds: wall clock, idle time of all cores, and CPU time of this process."""

    clock: float
    idle: float
    own: float

    @classmethod
    def now(cls) -> _CpuTimes:
        times, own = psutil.cpu_times(), os.times()
        return cls(time.monotonic(), times.idle + getattr(times, "iowait", 0.0), own.user + own.system)

    def free_cores(self, later: _CpuTimes) -> float:
        """Compute the number of cores that were idle or used by this process until `later`."""
        return (later.idle - self.idle + later.own - self.own) / (later.clock - self.clock)


_last_times: list[_CpuTimes] = []


def count_free_cores() -> int:
    """Count the cores that no other process uses, at least 1; takes 0.1 s unless it was called recently."""
    if not _last_times or time.monotonic() - _last_times[0].clock > MAX_AGE_SECONDS:
        _last_times[:] = [_CpuTimes.now()]
    before = _last_times[0]
    time.sleep(max(0.0, SAMPLE_SECONDS - (time.monotonic() - before.clock)))
    now = _CpuTimes.now()
    if now.clock - before.clock > MAX_AGE_SECONDS / 2:
        _last_times[:] = [now]
    return max(1, round(before.free_cores(now)))


@contextlib.contextmanager
def limit_to_free_cores() -> Iterator[None]:
    """Limit the work of this thread to as many threads as there are free cores; also usable as a decorator.

    A lower limit set by the user is kept. Nested blocks have no effect.
    """
    # a single thread anyway: no need to measure
    if getattr(_thread_state, "inside", False) or os.environ.get("OMP_NUM_THREADS") == "1":
        yield
        return
    _thread_state.inside = True
    try:
        count = count_free_cores()
        if count >= (psutil.cpu_count() or 1):
            yield
            return
        with _limit_threads(count):
            yield
    finally:
        _thread_state.inside = False


@contextlib.contextmanager
def limit_to_one_thread() -> Iterator[None]:
    """Limit this process to one compute thread, for arrays of some hundred rows.

    With two threads, a fit to so few rows takes up to 14 times as long, and up to 100 times beside a training.
    """
    with _limit_threads(1):
        yield


@contextlib.contextmanager
def _limit_threads(count: int) -> Iterator[None]:
    if "torch" in sys.modules:
        # initializes torch's threads now: on their first use later, torch would undo the limit
        sys.modules["torch"].get_num_threads()
    pools = _find_thread_pools(len(sys.modules))
    # BLAS limits are shared by all threads of the process: with threadpoolctl, the first concurrent caller sets them
    pool_info = pools.info()
    with pools.limit(limits={api: _thread_limit(pool_info, count, api) for api in ("openmp", "blas")}):
        yield


@functools.lru_cache(maxsize=1)
def _find_thread_pools(_loaded: int) -> ThreadpoolController:
    """Find the libraries with thread pools; searched again when more modules have been imported."""
    return ThreadpoolController()


def _thread_limit(pool_info: list[dict[str, Any]], count: int, api: str) -> int:
    """Return `count`, or the current limit of a library type if that is lower."""
    return min([count, *(lib["num_threads"] for lib in pool_info if lib["user_api"] == api)])
