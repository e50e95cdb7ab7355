"""Lines that grow without end and stay drawable."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.widgets.components.downsampling import MAX_POINTS, DownsampledLine


def test_a_short_line_is_kept_as_it_is():
    line = DownsampledLine()
    for x in range(100):
        line.add(x, x * x)
    assert line.to_message() == {"at": 0, "x": list(range(100)), "y": [x * x for x in range(100)]}


@pytest.mark.parametrize("n", [MAX_POINTS, MAX_POINTS + 1, 5 * MAX_POINTS + 3, 40_001])
def test_a_long_line_stays_below_the_limit_evenly_thinned_and_keeps_its_end_and_mean(n):
    line = DownsampledLine()
    for x in range(n):
        line.add(x, 2.0 * x)
    assert MAX_POINTS / 2 <= len(line.x) <= MAX_POINTS
    assert np.allclose(line.y, 2 * np.array(line.x))
    steps = np.diff(line.x[:-1])
    assert np.allclose(steps, steps[0])
    assert line.x[-1] > n - 1 - line.stride


@pytest.mark.parametrize("burst", [1, 7, 3001])
def test_news_put_together_are_the_whole(burst):
    line, x, y = DownsampledLine(), [], []
    for start in range(0, 3 * MAX_POINTS, burst):
        for k in range(start, start + burst):
            line.add(k, k % 17)
        news = line.pop_changes()
        x, y = x[: news["at"]] + news["x"], y[: news["at"]] + news["y"]
    assert (x, y) == (line.x, line.y)
    assert line.pop_changes() is None


def test_what_is_not_finite_is_left_out():
    line = DownsampledLine()
    for value in (1.0, float("nan"), float("inf"), 2.0):
        line.add(value, 1.0)
        line.add(3.0, value)
    assert all(np.isfinite(line.x)) and all(np.isfinite(line.y))
    assert len(line.x) == 4
