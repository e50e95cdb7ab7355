"""Threads beside a training: as many as cores are free, no more than were set, and as before afterwards."""

from __future__ import annotations

import os
import threading
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from threadpoolctl import ThreadpoolController

import workbench as wb
from workbench import _threads
from workbench.widgets.components.background_task import BackgroundTask


def products():
    """Threads of the matrix products of numpy."""
    return {lib["num_threads"] for lib in ThreadpoolController().info() if lib["user_api"] == "blas"}


@pytest.fixture
def two(monkeypatch):
    """Two threads set on a machine of two cores, of which as many are free as `two(n)` says."""
    monkeypatch.setattr(psutil, "cpu_count", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    torch.set_num_threads(2)
    np.ones((2, 2)) @ np.ones((2, 2))
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        yield lambda count: monkeypatch.setattr(_threads, "count_free_cores", lambda: count)
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("idle", "own", "found"),
    [
        (0.2, 0.0, 2),  # all of 0.1 s on both cores
        (0.0, 0.0, 1),  # somebody else has them: one is always taken
        (0.11, 0.0, 1),
        (0.0, 0.2, 2),  # whoever keeps them busy is this process itself
    ],
)
def test_free_cores_are_those_that_nobody_else_keeps_busy(monkeypatch, idle, own, found):
    clock = iter([0.0, 0.0, 0.1, 0.1])
    later = {"cpu": iter([0.0, idle]), "own": iter([0.0, own])}
    monkeypatch.setattr(_threads, "_last_times", [])
    monkeypatch.setattr(_threads, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda seconds: None))
    monkeypatch.setattr(psutil, "cpu_times", lambda: SimpleNamespace(idle=next(later["cpu"])))
    monkeypatch.setattr(
        _threads, "os", SimpleNamespace(times=lambda: SimpleNamespace(user=next(later["own"]), system=0))
    )
    assert _threads.count_free_cores() == found


def test_asked_again_it_answers_at_once_and_truly():
    assert 1 <= _threads.count_free_cores() <= (os.cpu_count() or 1)
    before = _threads._last_times[0]
    assert _threads.count_free_cores() >= 1 and _threads._last_times[0] is before


def test_work_takes_the_free_cores_and_gives_back_what_was_set(two):
    two(1)
    seen = []

    @_threads.limit_to_free_cores()
    def work():
        seen.extend([torch.get_num_threads(), *products()])
        two(2)
        with _threads.limit_to_free_cores():  # decided once, for all that is within
            seen.append(torch.get_num_threads())
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        work()
    assert seen == [1, 1, 1]
    assert torch.get_num_threads() == 2 and products() == {2}
    with _threads.limit_to_free_cores():
        assert torch.get_num_threads() == 2 and products() == {2}


def test_whoever_set_fewer_keeps_them(two, monkeypatch):
    monkeypatch.setattr(psutil, "cpu_count", lambda: 16)
    two(8)
    torch.set_num_threads(1)
    with _threads.limit_to_free_cores():
        assert torch.get_num_threads() == 1 and products() == {2}


def test_where_all_have_one_thread_nothing_is_measured(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(_threads, "count_free_cores", lambda: pytest.fail("measured"))
    with _threads.limit_to_free_cores():
        assert torch.get_num_threads() == 1


def test_small_work_has_one_thread_and_leaves_all_as_it_was(two):
    two(2)
    with _threads.limit_to_one_thread():
        assert torch.get_num_threads() == 1 and products() == {1}
    assert torch.get_num_threads() == 2 and products() == {2}


def test_two_at_once_leave_all_as_it_was(two):
    two(1)
    inside, go = threading.Event(), threading.Event()

    def longer():
        with _threads.limit_to_free_cores():
            inside.set()
            go.wait(10)

    other = threading.Thread(target=longer)
    with _threads.limit_to_free_cores():
        other.start()
        assert inside.wait(10)
        assert torch.get_num_threads() == 1 and products() == {1}
    go.set()
    other.join(10)
    assert torch.get_num_threads() == 2 and products() == {2}


def test_what_a_person_waits_for_spares_a_training(two, tiny, toy):
    two(1)
    net, seen = tiny("test_resnet"), []
    net.register_forward_pre_hook(lambda *_: seen.append(torch.get_num_threads()))
    net.backbone.register_forward_pre_hook(lambda *_: seen.append(torch.get_num_threads()))
    wb.evaluate(net, toy)
    wb.probes.extract_stage_features(net, toy)
    wb.probes.saliency(net, toy.subset(rows=range(2)), "saliency")
    work = BackgroundTask(SimpleNamespace(error=""))
    work.submit(lambda: seen.append(torch.get_num_threads()))
    work.wait(10)
    assert len(seen) >= 4 and set(seen) == {1}


def test_threads_that_wait_for_each_other_soon_sleep_unless_somebody_says_otherwise(monkeypatch, python):
    def told(**variables):
        for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return python("import os, workbench; print(os.environ.get('GOMP_SPINCOUNT'))").strip()

    assert told() == "3000"
    assert told(GOMP_SPINCOUNT="7") == "7"
    assert told(OMP_WAIT_POLICY="ACTIVE") == "None"
