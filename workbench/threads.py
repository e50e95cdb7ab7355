"""Threads for what a person waits for: no more of them than cores that nobody else keeps busy.

Two threads that share a piece of small work wait for each other at its end. Where another process has one of the cores,
such as a run that trains in the background, they mostly wait: one thread alone is then several times as fast.
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

SHORT, LONG = 0.1, 2.0  # seconds over which it is seen how busy the machine is

_here = threading.local()  # .inside: whether this thread's work is limited already


@dataclass(frozen=True)
class _Moment:
    """Seconds so far: on the clock, of cores that did nothing, and of cores that worked for this process."""

    clock: float
    idle: float
    own: float

    @classmethod
    def now(cls) -> _Moment:
        times, own = psutil.cpu_times(), os.times()
        return cls(time.monotonic(), times.idle + getattr(times, "iowait", 0.0), own.user + own.system)

    def free(self, later: _Moment) -> float:
        """Cores that this process used, or could have."""
        return (later.idle - self.idle + later.own - self.own) / (later.clock - self.clock)


_last: list[_Moment] = []


def free() -> int:
    """Cores that no other process keeps busy, at least 1; a tenth of a second where that was not asked lately."""
    if not _last or time.monotonic() - _last[0].clock > LONG:
        _last[:] = [_Moment.now()]
    before = _last[0]
    time.sleep(max(0.0, SHORT - (time.monotonic() - before.clock)))
    now = _Moment.now()
    if now.clock - before.clock > LONG / 2:
        _last[:] = [now]
    return max(1, round(before.free(now)))


@contextlib.contextmanager
def spare() -> Iterator[None]:
    """While it lasts, this thread's work has no more threads than there are free cores; also a decorator.

    Whoever has set fewer keeps them. What is within another such block changes nothing.
    """
    # one thread for everything: there is nothing to spare, and nothing to be measured first
    if getattr(_here, "inside", False) or os.environ.get("OMP_NUM_THREADS") == "1":
        yield
        return
    _here.inside = True
    try:
        count = free()
        if count >= (psutil.cpu_count() or 1):
            yield
            return
        with _at_most(count):
            yield
    finally:
        _here.inside = False


@contextlib.contextmanager
def one() -> Iterator[None]:
    """While it lasts, this process computes with one thread: for arrays of some hundred rows.

    On two threads a fit to so few takes up to fourteen times as long, and beside a training a hundred times.
    """
    with _at_most(1):
        yield


@contextlib.contextmanager
def _at_most(count: int) -> Iterator[None]:
    if "torch" in sys.modules:
        # sets up torch's threads in this thread: on its first use later, it would undo the limit
        sys.modules["torch"].get_num_threads()
    pools = _pools(len(sys.modules))
    # of threads that are here at once, threadpoolctl lets the first set those of matrix products, which are shared
    held = pools.info()
    with pools.limit(limits={api: _most(held, count, api) for api in ("openmp", "blas")}):
        yield


@functools.lru_cache(maxsize=1)
def _pools(_loaded: int) -> ThreadpoolController:
    """The libraries with threads of their own, looked for anew where more modules are loaded than the last time."""
    return ThreadpoolController()


def _most(held: list[dict[str, Any]], count: int, api: str) -> int:
    """`count`, or what the libraries of a kind are set to where that is fewer."""
    return min([count, *(lib["num_threads"] for lib in held if lib["user_api"] == api)])
