"""Is there negative transfer? A plan held against its controls."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.arguments import check_arguments
from workbench.markers import Frame, Share

from . import style
from .figure import Figure, page
from .intervals import dots, written, zero_line
from .placing import names_axis, padded
from .words import percent, plain, short

_ROW, _YOURS, _SCRATCH = 32, "your plan", "from scratch"


Controls = Annotated[
    Any,
    Frame(
        "a plan beside its controls, as wb.controls(plan) gives them",
        within="frame",
        columns=("name",),
        shares=("accuracy",),
        numbers=("gap", "low", "high"),
        rows=1,
    ),
]


@check_arguments
def controls(
    found: Controls,
    *,
    level: Share | None = None,
    title: str | None = None,
) -> Figure:
    """How far a plan is ahead of each of its controls: a dot with its interval, and each one's accuracy.

    Args:
        found: frame with name, accuracy (0..1), gap (of the plan to it, -1..1), low and high, the plan itself being the
            row without a gap; or anything with such a `.frame`, such as `wb.controls(...)` or a diagnosis' `controls`.
        level: level of the intervals within 0..1, told in the caption; that of `found` if it says one.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: a column is missing.
    """
    level = level if level is not None else getattr(found, "level", None)
    frame = getattr(found, "frame", found)
    rows = _upwards(frame)
    names = [short(n, 30) for n in rows["name"]]
    figure = page(
        plain(title if title is not None else _answer(frame)),
        inner=_ROW * len(rows),
        subtitle="how far your plan is ahead" + (f"; whiskers: {level * 100:g} % interval" if level else ""),
        left=28 + 6.6 * max([len(n) for n in names], default=4),
        right=170,
        above=34,
    )
    zero_line(figure)
    dots(figure, rows[rows["name"] != _YOURS], True, 1)
    _yours(figure, rows[rows["name"] == _YOURS])
    _beside(figure, rows)
    figure.update_xaxes(
        range=list(padded([0.0, *rows["low"], *rows["high"]], 0.06, 0.06)),
        showgrid=True,
        title_text="your plan less the control, points",
    )
    figure.update_yaxes(**names_axis(names), **style.NAMES)
    return figure


def _yours(figure: Figure, rows: pd.DataFrame) -> None:
    figure.add_scatter(
        x=[0.0] * len(rows),
        y=rows.index.tolist(),
        mode="markers",
        name=_YOURS,
        marker={"color": style.FINE_TUNED, "size": 11, "symbol": "diamond"},
        hoverinfo="text",
        hovertext=[f"<b>{_YOURS}</b> {percent(a)}" for a in rows["accuracy"]],
    )


def _upwards(frame: pd.DataFrame) -> pd.DataFrame:
    """Points, the first row on top."""
    rows = frame.iloc[::-1].reset_index(drop=True)
    points = {c: 100 * rows[c].astype(float).fillna(0.0) for c in ("gap", "low", "high")}
    return rows.assign(**points).rename(columns={"gap": "value"})


def _beside(figure: Figure, rows: pd.DataFrame) -> None:
    """The dots wrote the gaps; the accuracies stand beside them, under a heading each."""
    for at, row in enumerate(rows.itertuples()):
        figure.add_annotation(
            xref="paper", x=1, xshift=154, y=at, text=percent(row.accuracy), xanchor="right", showarrow=False
        )
    for text, shift in (("ahead by", 74), ("accuracy", 154)):
        figure.add_annotation(
            xref="paper",
            x=1,
            xshift=shift,
            y=len(rows) - 0.4,
            yshift=10,
            text=text,
            xanchor="right",
            showarrow=False,
            font={"size": style.SMALL},
        )


def _answer(frame: pd.DataFrame) -> str:
    scratch = frame[frame["name"] == _SCRATCH]
    if scratch.empty or pd.isna(scratch["gap"].iloc[0]):
        return "The plan was not held against training from scratch"
    gap, low, high = (100 * float(scratch[c].iloc[0]) for c in ("gap", "low", "high"))
    span = f"({written(low, True, 1)} to {written(high, True, 1)})"
    if low <= 0 <= high:
        return f"Your plan cannot be told from training from scratch, {written(gap, True, 1)} points {span}"
    what = "behind" if gap < 0 else "ahead of"
    return f"Your plan is {abs(gap):.1f} points {what} training from scratch {span}"
