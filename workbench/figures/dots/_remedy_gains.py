"""Accuracy gain of the remedies that a diagnosis measured."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.annotated_types import Fraction, Frame
from workbench.argument_checks import check_arguments
from workbench.figures.dots.intervals import interval_plot
from workbench.figures.rendering.figure import Figure
from workbench.formatting import format_decimal, truncate_middle

__all__ = ["remedy_gains"]

RemedyFrame = Annotated[
    Any,
    Frame(
        "remedies that were tried, as a diagnosis of wb.diagnose(...) holds them",
        attribute="cause_table",
        columns=("cause",),
        numeric_columns=("gain", "low", "high"),
    ),
]


@check_arguments
def remedy_gains(
    frame: RemedyFrame,
    *,
    level: Fraction | None = 0.95,
    title: str | None = None,
) -> Figure:
    """Plot the gain of each remedy that was measured, with its interval; causes without a measured remedy are left out.

    Args:
        frame: frame with cause, gain, low and high (-1..1; NaN where no remedy was measured); or any object with such a
            `.cause_table`, such as a diagnosis.
        level: confidence level of the intervals within 0..1, shown in the caption.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: a column is missing.
    """
    frame = getattr(frame, "cause_table", frame)
    measured = frame[frame["gain"].notna()]
    points = {name: 100 * measured[column].astype(float) for name, column in _COLUMNS.items()}
    rows = pd.DataFrame({"name": measured["cause"], **points})
    axis = "gain over your plan, percentage points"
    return interval_plot(rows, axis_title=axis, level=level, title=title if title is not None else _remedy_title(rows))


_COLUMNS = {"value": "gain", "low": "low", "high": "high"}


def _remedy_title(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "No remedy was measured"
    clear = rows[rows["low"] > 0]
    if clear.empty:
        return (
            "The remedy measured has no clear gain"
            if len(rows) == 1
            else f"None of {len(rows)} remedies has a clear gain"
        )
    best = clear.loc[clear["value"].idxmax()]
    most = "most, " if len(clear) > 1 else ""
    points = format_decimal(float(best["value"]), 1, signed=True)
    gain = f"{truncate_middle(best['name'], 30)} removed gains {most}{points} points"
    others = len(rows) - len(clear)
    return gain + (f"; {others} of {len(rows)} remedies have no clear gain" if others else "")
