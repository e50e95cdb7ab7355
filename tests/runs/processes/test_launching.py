"""Runs in the background: at once, in turn, stopped, killed, resumed, found again."""

from __future__ import annotations

import signal
import time

import pytest
import torch

import workbench as wb
from workbench.errors import BadData, RunFailed, Unavailable
from workbench.runs.processes import launching, worker


@pytest.fixture
def long_plan(tiny_plan):
    """Half a minute of work, unless it is stopped."""
    return tiny_plan(epochs=400, threads=1)


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_launch_returns_at_once_and_the_net_comes_back(tiny_plan):
    plan = tiny_plan(epochs=4, lr=3e-3, threads=1)
    began = time.monotonic()
    run = wb.launch(plan)
    assert time.monotonic() - began < 2.0 and run.is_active
    run.wait(120)
    assert run.status.state == "done" and run.evaluate().accuracy > 0.8
    foreground = wb.fit(plan, progress=False)
    pairs = zip(run.net().state_dict().values(), foreground.net().state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs), "a launched run gives what a fitted one gives"


@pytest.mark.usefixtures("forked")
def test_stop_keeps_and_resume_goes_on_and_a_second_launch_waits(long_plan, tiny_plan):
    first = wb.launch(long_plan)
    until(lambda: len(first.points) > 2)
    second = wb.launch(tiny_plan(epochs=1, threads=1))
    until(lambda: first.name in second.status.message)
    assert second.status.state == "waiting"
    with pytest.raises(Unavailable, match="being trained already"):
        first.resume()
    first.stop(wait=30)
    assert first.status.state == "stopped" and first.net().classes
    second.wait(60)
    assert second.status.state == "done"
    step = first.points.step.max()
    first.resume()
    until(lambda: first.points.step.max() > step)
    assert wb.load_run(first.name).is_active, "a new object finds the run that goes on"
    first.stop(wait=30)


def test_a_spare_worker_is_sent_to_the_next_run_only(tiny_plan):
    launching.prewarm_worker()
    waiting = launching.prewarmed_worker._prewarmed[0]
    launching.prewarm_worker()
    assert launching.prewarmed_worker._prewarmed[0] is waiting, "one spare is enough"
    run = wb.launch(tiny_plan(epochs=1, threads=1))
    assert run.status.pid == waiting.pid and launching.prewarmed_worker._prewarmed is None
    run.wait(60)
    assert run.status.state == "done"


def test_a_spare_of_other_surroundings_is_not_used(tiny_plan, monkeypatch):
    launching.prewarm_worker()
    waiting = launching.prewarmed_worker._prewarmed[0]
    monkeypatch.setenv("WORKBENCH_PIXELS_GB", "1")
    run = wb.launch(tiny_plan(epochs=1, threads=1))
    assert run.status.pid != waiting.pid
    run.stop(wait=60)
    assert waiting.wait(60) == 0, "it is dismissed"


@pytest.mark.usefixtures("forked")
def test_two_workers_cannot_share_a_folder(long_plan, monkeypatch, capsys):
    run = wb.launch(long_plan)
    until(lambda: len(run.points) > 0)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # a worker's handlers are not for this process
    assert worker.main([str(run.folder)]) == 2
    assert "two workers cannot share a folder" in capsys.readouterr().err
    assert run.status.state == "running"
    run.stop(wait=30)


@pytest.mark.usefixtures("forked")
def test_stop_right_after_launch_is_heard(long_plan):
    run = wb.launch(long_plan).stop()
    until(lambda: run.status.state == "stopped")


def test_what_cannot_work_is_refused_before_a_worker_starts(tiny_plan, toy):
    with pytest.raises(BadData, match="target_domain="):
        wb.launch(tiny_plan(toy, strategy="dann"))
    assert wb.search_runs().empty


@pytest.mark.usefixtures("forked")
def test_a_worker_s_failure_is_a_sentence(tiny_plan):
    plan = tiny_plan(threads=1, tuning=wb.tuning("grid", rows={"heed": [1.0]}))
    run = wb.launch(plan)
    with pytest.raises(RunFailed, match="did you mean head"):
        run.wait(60)
    assert "did you mean head" in run.status.message
