"""Accuracy of a plan against its controls, to detect negative transfer."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.annotated_types import Fraction, Frame
from workbench.argument_checks import check_arguments
from workbench.figures.dots.intervals import add_interval_dots, add_zero_line
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.label_layout import names_axis, pad_range
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_decimal, format_percent, truncate_middle

__all__ = ["control_comparison"]

_ROW, _YOURS, _SCRATCH = 32, "your plan", "from scratch"


ControlFrame = Annotated[
    Any,
    Frame(
        "a plan beside its controls, as wb.fit_controls(plan) gives them",
        attribute="frame",
        columns=("name",),
        fraction_columns=("accuracy",),
        numeric_columns=("gap", "low", "high"),
        min_rows=1,
    ),
]


@check_arguments
def control_comparison(
    result: ControlFrame,
    *,
    level: Fraction | None = None,
    title: str | None = None,
) -> Figure:
    """Plot by how much a plan exceeds each of its controls: one dot with its interval per control, and its accuracy.

    Args:
        result: frame with name, accuracy (0..1), gap (plan minus control, -1..1), low and high, where the plan itself
            is the row without a gap; or any object with such a `.frame`, such as `wb.fit_controls(...)` or a diagnosis'
            `controls`.
        level: confidence level of the intervals within 0..1, shown in the caption; `result.level` by default.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: a column is missing.
    """
    level = level if level is not None else getattr(result, "level", None)
    frame = getattr(result, "frame", result)
    rows = _to_points_bottom_up(frame)
    names = [truncate_middle(n, 30) for n in rows["name"]]
    figure = create_figure(
        escape_markup(title if title is not None else _transfer_title(frame)),
        plot_height=_ROW * len(rows),
        subtitle="gap: accuracy of your plan minus that of the control"
        + (f"; whiskers: {level * 100:g} % interval" if level else ""),
        left=28 + 6.6 * max([len(n) for n in names], default=4),
        right=170,
        above=34,
    )
    add_zero_line(figure)
    add_interval_dots(figure, rows[rows["name"] != _YOURS], True, 1)
    _add_plan_marker(figure, rows[rows["name"] == _YOURS])
    _add_accuracy_column(figure, rows)
    figure.update_xaxes(
        range=list(pad_range([0.0, *rows["low"], *rows["high"]], 0.06, 0.06)),
        showgrid=True,
        title_text="your plan minus the control, percentage points",
    )
    figure.update_yaxes(**names_axis(names), **theme.CATEGORY_AXIS)
    return figure


def _add_plan_marker(figure: Figure, rows: pd.DataFrame) -> None:
    figure.add_scatter(
        x=[0.0] * len(rows),
        y=rows.index.tolist(),
        mode="markers",
        name=_YOURS,
        marker={"color": theme.FINE_TUNED, "size": 11, "symbol": "diamond"},
        hoverinfo="text",
        hovertext=[f"<b>{_YOURS}</b> {format_percent(a)}" for a in rows["accuracy"]],
    )


def _to_points_bottom_up(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert shares to percentage points and reverse the rows, so that the first row is at the top."""
    rows = frame.iloc[::-1].reset_index(drop=True)
    points = {c: 100 * rows[c].astype(float).fillna(0.0) for c in ("gap", "low", "high")}
    return rows.assign(**points).rename(columns={"gap": "value"})


def _add_accuracy_column(figure: Figure, rows: pd.DataFrame) -> None:
    """Write the accuracies right of the gaps, with a heading above each of the two columns."""
    for index, row in enumerate(rows.itertuples()):
        figure.add_annotation(
            xref="paper", x=1, xshift=154, y=index, text=format_percent(row.accuracy), xanchor="right", showarrow=False
        )
    for text, shift in (("gap", 74), ("accuracy", 154)):
        figure.add_annotation(
            xref="paper",
            x=1,
            xshift=shift,
            y=len(rows) - 0.4,
            yshift=10,
            text=text,
            xanchor="right",
            showarrow=False,
            font={"size": theme.SMALL},
        )


def _transfer_title(frame: pd.DataFrame) -> str:
    scratch = frame[frame["name"] == _SCRATCH]
    if scratch.empty or pd.isna(scratch["gap"].iloc[0]):
        return "The plan was not compared with training from scratch"
    gap, low, high = (100 * float(scratch[c].iloc[0]) for c in ("gap", "low", "high"))
    span = f"({format_decimal(low, 1, signed=True)} to {format_decimal(high, 1, signed=True)})"
    if low <= 0 <= high:
        points = format_decimal(gap, 1, signed=True)
        return f"Your plan does not differ clearly from training from scratch, {points} points {span}"
    relation = "behind" if gap < 0 else "ahead of"
    return f"Your plan is {abs(gap):.1f} points {relation} training from scratch {span}"
