"""What putting each thing right is worth."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.arguments import check_arguments
from workbench.markers import Frame, Share

from .figure import Figure
from .intervals import comparison, written
from .words import short

Remedies = Annotated[
    Any,
    Frame(
        "remedies that were tried, as a diagnosis of wb.diagnose(...) holds them",
        within="considered",
        columns=("cause",),
        numbers=("gain", "low", "high"),
    ),
]


@check_arguments
def trials(
    frame: Remedies,
    *,
    level: Share | None = 0.95,
    title: str | None = None,
) -> Figure:
    """The gain of each remedy that was tried, with its interval; the causes that were not tried are left out.

    Args:
        frame: frame with cause, gain, low and high (-1..1; no number where it was not tried); or anything with such a
            `.considered`, such as a diagnosis.
        level: level of the intervals within 0..1, told in the caption.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: a column is missing.
    """
    frame = getattr(frame, "considered", frame)
    tried = frame[frame["gain"].notna()]
    points = {name: 100 * tried[column].astype(float) for name, column in _COLUMNS.items()}
    rows = pd.DataFrame({"name": tried["cause"], **points})
    axis = "gain over your plan by putting it right, points"
    return comparison(rows, axis=axis, level=level, title=title if title is not None else _answer(rows))


_COLUMNS = {"value": "gain", "low": "low", "high": "high"}


def _answer(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "No remedy was tried"
    clear = rows[rows["low"] > 0]
    if clear.empty:
        return "The one remedy tried gains nothing clear" if len(rows) == 1 else f"None of {len(rows)} gains clearly"
    best = clear.loc[clear["value"].idxmax()]
    most = "most, " if len(clear) > 1 else ""
    gain = f"{short(best['name'], 30)} put right gains {most}{written(float(best['value']), True, 1)} points"
    others = len(rows) - len(clear)
    return gain + (f"; {others} of {len(rows)} remedies gain nothing clear" if others else "")
