"""Lines that grow without end and stay drawable."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.widgets.thinning import LIMIT, Line


def test_a_short_line_is_kept_as_it_is():
    line = Line()
    for x in range(100):
        line.add(x, x * x)
    assert line.whole() == {"at": 0, "x": list(range(100)), "y": [x * x for x in range(100)]}


@pytest.mark.parametrize("n", [LIMIT, LIMIT + 1, 5 * LIMIT + 3, 40_001])
def test_a_long_line_stays_below_the_limit_evenly_thinned_and_keeps_its_end_and_mean(n):
    line = Line()
    for x in range(n):
        line.add(x, 2.0 * x)
    assert LIMIT / 2 <= len(line.x) <= LIMIT
    assert np.allclose(line.y, 2 * np.array(line.x))
    steps = np.diff(line.x[:-1])
    assert np.allclose(steps, steps[0])
    assert line.x[-1] > n - 1 - line.stride


@pytest.mark.parametrize("burst", [1, 7, 3001])
def test_news_put_together_are_the_whole(burst):
    line, x, y = Line(), [], []
    for start in range(0, 3 * LIMIT, burst):
        for k in range(start, start + burst):
            line.add(k, k % 17)
        news = line.news()
        x, y = x[: news["at"]] + news["x"], y[: news["at"]] + news["y"]
    assert (x, y) == (line.x, line.y)
    assert line.news() is None


def test_what_is_not_finite_is_left_out():
    line = Line()
    for value in (1.0, float("nan"), float("inf"), 2.0):
        line.add(value, 1.0)
        line.add(3.0, value)
    assert all(np.isfinite(line.x)) and all(np.isfinite(line.y))
    assert len(line.x) == 4
