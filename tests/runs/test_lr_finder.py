"""The range test finds a rate at which the toy problem trains."""

from __future__ import annotations

import pandas as pd
import pytest

import workbench as wb
from workbench.runs.lr_finder import suggest_lr


def test_it_suggests_a_rate_that_trains(tiny_plan):
    plan = tiny_plan(epochs=5)
    finding = wb.find_lr(plan, steps=60)
    assert list(finding.frame.columns) == ["lr", "loss", "smooth"] and finding.frame.lr.is_monotonic_increasing
    assert 1e-5 < finding.suggestion < 0.3
    assert wb.fit(plan.replace(lr=finding.suggestion), progress=False).evaluate().accuracy > 0.7
    assert len(wb.search_runs()) == 1, "the test itself leaves no run"


@pytest.mark.parametrize(("lowest", "expected"), [(0.1, 0.01), (0.034, 0.003), (1e-3, 1e-4)])
def test_the_suggestion_is_a_tenth_of_the_lowest_loss_s_rate(lowest, expected):
    frame = pd.DataFrame({"lr": [lowest / 10, lowest, lowest * 10], "smooth": [1.0, 0.5, 2.0]})
    assert suggest_lr(frame) == pytest.approx(expected)
