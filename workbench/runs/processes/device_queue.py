"""First-in-first-out queue per device: a run begins when every run that was queued before it has ended."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from workbench import _paths

POLL_INTERVAL = 0.2  # seconds between looks at the queue


def queue_folder(device: str) -> Path:
    """Return the folder of a device's tickets; created if missing."""
    return _paths.make_folder(_paths.workbench_home() / "queue" / device.replace(":", "-"))


def list_live_tickets(device: str) -> list[Path]:
    """List the tickets of live processes, in the order of the queue; remove stale ones."""
    return [ticket for ticket in sorted(queue_folder(device).glob("*.ticket")) if is_ticket_live(ticket)]


def is_ticket_live(ticket: Path) -> bool:
    """True if the process that drew `ticket` is alive: it holds a lock that is released when it ends."""
    lock = FileLock(ticket)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    ticket.unlink(missing_ok=True)
    lock.release()
    return False


def ticket_run_name(ticket: Path) -> str:
    """Return the name of the run that drew `ticket`."""
    return ticket.stem.partition("-")[2]


@contextlib.contextmanager
def hold_device(device: str, name: str, callback: Callable[[str], None]) -> Iterator[None]:
    """Wait for the device, then hold it within the context.

    Args:
        name: name of the waiting run.
        callback: called while waiting, with the name of the run just ahead; may raise to leave the queue.
    """
    # the draw is locked, so that no ticket can appear ahead of one that has already checked the queue
    with _paths.hold_lock(queue_folder(device) / "draw.lock"):
        ticket = queue_folder(device) / f"{draw_ticket_number(device):020d}-{name}.ticket"
        lock = FileLock(ticket)
        with _paths.raise_disk_errors(ticket):
            lock.acquire()
    try:
        while ahead := [other for other in list_tickets_before(device, ticket) if is_ticket_live(other)]:
            callback(ticket_run_name(ahead[-1]))
            time.sleep(POLL_INTERVAL)
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):
            os.unlink(ticket)


def draw_ticket_number(device: str) -> int:
    """Draw the next number, beyond every existing ticket; the caller holds the lock of the draw.

    A clock would not do: if it is set back between two draws, both runs would be first.
    """
    counter = queue_folder(device) / "drawn"
    numbers = [ticket.stem.partition("-")[0] for ticket in queue_folder(device).glob("*.ticket")]
    with contextlib.suppress(OSError):
        numbers.append(counter.read_text())
    number = 1 + max((int(n) for n in numbers if n.strip().isdecimal()), default=0)
    _paths.write_file(counter, str(number))
    return number


def list_tickets_before(device: str, ticket: Path) -> list[Path]:
    """List the tickets drawn before `ticket`."""
    return [other for other in sorted(queue_folder(device).glob("*.ticket")) if other.name < ticket.name]
