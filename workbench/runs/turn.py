"""One queue a device: a run begins when every run that asked before it has ended."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from workbench import disk

POLL = 0.2  # seconds between looks at the queue


def queue(device: str) -> Path:
    """The folder of a device's tickets; made if missing."""
    return disk.make_folder(disk.home() / "queue" / device.replace(":", "-"))


def tickets(device: str) -> list[Path]:
    """The tickets of processes that live, in the order of asking; stale ones are cleared away."""
    return [ticket for ticket in sorted(queue(device).glob("*.ticket")) if held(ticket)]


def held(ticket: Path) -> bool:
    """Whether the process that drew `ticket` lives: it holds a lock that dies with it."""
    lock = FileLock(ticket)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    ticket.unlink(missing_ok=True)
    lock.release()
    return False


def waiting_for(ticket: Path) -> str:
    """The name of the run that drew `ticket`."""
    return ticket.stem.partition("-")[2]


@contextlib.contextmanager
def turn(device: str, name: str, wait: Callable[[str], None]) -> Iterator[None]:
    """Waits for the device, then holds it.

    Args:
        name: of the run that asks.
        wait: called while waiting, with the name of the run just ahead; may raise to give up.
    """
    # the draw is locked, so that no ticket can appear before one that has already looked
    with disk.lock(queue(device) / "draw.lock"):
        ticket = queue(device) / f"{draw(device):020d}-{name}.ticket"
        lock = FileLock(ticket)
        with disk.explain_failures(ticket):
            lock.acquire()
    try:
        while ahead := [other for other in tickets_before(device, ticket) if held(other)]:
            wait(waiting_for(ahead[-1]))
            time.sleep(POLL)
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):
            os.unlink(ticket)


def draw(device: str) -> int:
    """Count one further, and beyond every ticket that is there; the caller holds the lock of the draw.

    A clock would not do: it may be set back between two draws, and both would be first.
    """
    counter = queue(device) / "drawn"
    numbers = [ticket.stem.partition("-")[0] for ticket in queue(device).glob("*.ticket")]
    with contextlib.suppress(OSError):
        numbers.append(counter.read_text())
    number = 1 + max((int(n) for n in numbers if n.strip().isdecimal()), default=0)
    disk.write(counter, str(number))
    return number


def tickets_before(device: str, ticket: Path) -> list[Path]:
    """The tickets drawn before `ticket`."""
    return [other for other in sorted(queue(device).glob("*.ticket")) if other.name < ticket.name]
