"""Durations and memory as a person says them."""

from __future__ import annotations

import pytest

from workbench.widgets.words import duration, memory


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (4.94, "4.9 s"),
        (9.96, "10 s"),
        (89, "89 s"),
        (170, "3 min"),
        (5340, "89 min"),
        (4 * 3600 + 300, "4 h 5 min"),
    ],
)
def test_durations(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(("size", "said"), [(82e6, "82 MB"), (0.96e8, "0.1 GB"), (4.42e9, "4.4 GB"), (15.6e9, "16 GB")])
def test_memory(size, said):
    assert memory(size) == said
