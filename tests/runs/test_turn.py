"""The queue: first come, first served, and the dead do not block the living."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from workbench.runs.turn import held, queue, tickets, turn

DIE = """
import os, sys
from workbench.runs.turn import turn
with turn("cpu", "dead", lambda name: None):
    os.kill(os.getpid(), 9)
"""


def test_turns_come_in_the_order_of_asking():
    order, begun = [], threading.Event()

    def work(name):
        with turn("cpu", name, lambda ahead: order.append((name, "waits for", ahead)) if not order else None):
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
    assert not tickets("cpu")


def test_devices_do_not_wait_for_each_other():
    with turn("cuda:0", "a", pytest.fail), turn("cuda:1", "b", pytest.fail):
        assert len(tickets("cuda:0")) == len(tickets("cuda:1")) == 1


def test_the_dead_do_not_block():
    subprocess.run([sys.executable, "-c", DIE], check=False)
    left = list(queue("cpu").glob("*dead*.ticket"))
    assert len(left) == 1 and not held(left[0])
    with turn("cpu", "living", pytest.fail):
        assert len(tickets("cpu")) == 1


def test_giving_up_while_waiting_leaves_no_ticket():
    class GaveUp(Exception):
        pass

    def give_up(name):
        raise GaveUp

    with turn("cpu", "a", pytest.fail):
        with pytest.raises(GaveUp), turn("cpu", "b", give_up):
            pytest.fail("b must not get its turn")
        assert len(tickets("cpu")) == 1
