"""Pace and time left, and points that fall on the same steps wherever a training is shared."""

from __future__ import annotations

import pytest

from workbench.loop import throughput
from workbench.loop.throughput import ThroughputMeter


@pytest.fixture
def now(monkeypatch):
    """The time, as a list of one number that a test sets."""
    told = [0.0]
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: told[0])
    return told


def test_pace_and_time_left(now):
    measured = ThroughputMeter(10, 100)
    now[0] = 2.0
    assert measured.read(20, 160) == {"images_per_second": 80.0, "seconds_left": pytest.approx(0.2 * 80)}
    now[0] = 6.0
    # 0.4 s a step since, smoothed: 0.7 * 0.2 + 0.3 * 0.4 = 0.26
    assert measured.read(30, 160) == {"images_per_second": 40.0, "seconds_left": pytest.approx(0.26 * 70)}


def test_what_passes_before_a_restart_does_not_count(now):
    measured = ThroughputMeter(0, 10)
    now[0] = 50.0
    measured.restart()
    now[0] = 51.0
    assert measured.read(1, 8)["images_per_second"] == 8.0


def test_alone_a_point_is_due_by_time(now):
    measured = ThroughputMeter(0, 10)
    assert not measured.is_point_due(9)
    now[0] = throughput.POINT_INTERVAL
    assert measured.is_point_due(1)


@pytest.mark.parametrize("mine", [0.01, 3.0])
def test_shared_a_point_is_due_at_the_step_that_the_first_process_says(now, monkeypatch, mine):
    monkeypatch.setattr(throughput, "rank_and_world", lambda: (1, 2))
    monkeypatch.setattr(throughput.distributed, "broadcast_answer", lambda question, answer: 5)
    measured = ThroughputMeter(0, 100)
    assert measured.is_point_due(1)
    now[0] = mine  # however fast this process is
    measured.read(1, 8)
    assert [step for step in range(2, 8) if measured.is_point_due(step)] == [6, 7]
