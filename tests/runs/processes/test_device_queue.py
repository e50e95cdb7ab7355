"""The queue: first come, first served, and the dead do not block the living."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from filelock import FileLock

from workbench.runs.processes.device_queue import (
    draw_ticket_number,
    hold_device,
    is_ticket_live,
    list_live_tickets,
    queue_folder,
)

DIE = """
import os, sys
from workbench.runs.processes.device_queue import hold_device
with hold_device("cpu", "dead", lambda name: None):
    os.kill(os.getpid(), 9)
"""


def test_turns_come_in_the_order_of_asking():
    order, begun = [], threading.Event()

    def work(name):
        with hold_device("cpu", name, lambda ahead: order.append((name, "waits for", ahead)) if not order else None):
            order.append(name)
            begun.set()
            time.sleep(0.3)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    assert [entry for entry in order if isinstance(entry, str)] == ["a", "b", "c"]
    assert not list_live_tickets("cpu")


def test_devices_do_not_wait_for_each_other():
    with hold_device("cuda:0", "a", pytest.fail), hold_device("cuda:1", "b", pytest.fail):
        assert len(list_live_tickets("cuda:0")) == len(list_live_tickets("cuda:1")) == 1


def test_the_dead_do_not_block():
    subprocess.run([sys.executable, "-c", DIE], check=False)
    left = list(queue_folder("cpu").glob("*dead*.ticket"))
    assert len(left) == 1 and not is_ticket_live(left[0])
    with hold_device("cpu", "living", pytest.fail):
        assert len(list_live_tickets("cpu")) == 1


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_steps_lets_nobody_overtake(monkeypatch, hours):
    real, order = (time.time, time.time_ns), []

    def second():
        with hold_device("cpu", "second", order.append):
            order.append("second's turn")

    with hold_device("cpu", "first", pytest.fail):
        monkeypatch.setattr(time, "time", lambda: real[0]() + 3600 * hours)
        monkeypatch.setattr(time, "time_ns", lambda: real[1]() + 3600 * hours * 10**9)
        thread = threading.Thread(target=second)
        thread.start()
        while not order:
            time.sleep(0.01)
    thread.join()
    assert order[0] == "first" and order[-1] == "second's turn"


def test_numbers_are_drawn_beyond_every_ticket_there_is():
    folder = queue_folder("cpu")
    (folder / "01796054337955341000-old.ticket").touch()  # of a version that counted in nanoseconds
    with FileLock(folder / "01796054337955341000-old.ticket"):
        assert draw_ticket_number("cpu") == 1796054337955341001
    (folder / "drawn").write_text("torn\0")
    assert draw_ticket_number("cpu") == 1796054337955341001
    for ticket in folder.glob("*.ticket"):
        ticket.unlink()
    assert draw_ticket_number("cpu") == 1796054337955341002


def test_giving_up_while_waiting_leaves_no_ticket():
    class GaveUp(Exception):
        pass

    def give_up(name):
        raise GaveUp

    with hold_device("cpu", "a", pytest.fail):
        with pytest.raises(GaveUp), hold_device("cpu", "b", give_up):
            pytest.fail("b must not get its turn")
        assert len(list_live_tickets("cpu")) == 1
