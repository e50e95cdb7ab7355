"""Small, seeded data for the figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

EVIL = (
    "<img src=x onerror=alert(1)>",
    "<b>bold</b>",
    "<a href='javascript:alert(1)'>link</a>",
    "$x_1$ & %{x} &lt;",
    "ok",
)


@pytest.fixture
def evil() -> tuple[str, ...]:
    """Names that would be markup, a formula or a template if they were not taken as text."""
    return EVIL


@pytest.fixture
def points() -> pd.DataFrame:
    epochs = np.arange(1.0, 7.0)
    accuracy = np.array([0.5, 0.6, 0.7, 0.82, 0.8, 0.79])
    parts = [
        pd.DataFrame({"epoch": epochs, "split": split, "loss": 2 / epochs + gap, "accuracy": accuracy - gap})
        for split, gap in (("train", 0.0), ("valid", 0.1), ("target", 0.2))
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def per_class_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {"class": ["coat", "shirt", "bag"], "n": [10, 10, 10], "precision": [0.7, 0.5, 1.0], "recall": [0.8, 0.4, 0.9]}
    )
