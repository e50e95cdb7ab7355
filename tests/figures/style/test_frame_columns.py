"""Columns that a figure needs."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.figures.style.frame_columns import check_columns


def test_a_missing_column_is_refused_with_what_came():
    with pytest.raises(ValueError, match="got epoch; loss missing"):
        check_columns(pd.DataFrame({"epoch": [1]}), ("epoch", "loss"), "curves")
