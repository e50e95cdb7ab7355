"""Values with their confidence intervals, for comparison."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.annotated_types import Fraction, Frame
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.label_layout import names_axis, pad_range
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_decimal, truncate_middle
from workbench.forms import Range

__all__ = ["interval_plot"]

_ROW = 30


IntervalFrame = Annotated[Any, Frame("values with their intervals", columns=("name",), numeric_columns=("value",))]


@check_arguments
def interval_plot(
    frame: IntervalFrame,
    *,
    axis_title: str = "difference, points",
    level: Fraction | None = None,
    signed: bool = True,
    digits: Annotated[int, Range(0, 6)] = 1,
    title: str | None = None,
) -> Figure:
    """Plot one dot with its interval per name, on one axis with a line at zero.

    Args:
        frame: frame with name and value, optionally low and high (the ends of the interval), in the unit of
            `axis_title`.
        axis_title: title of the axis, with its unit.
        level: confidence level of the intervals within 0..1, shown in the caption.
        signed: True if values are gains and losses: colored by sign, written with it.
        digits: number of decimal digits, 0..6.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: a column is missing.
    """
    rows = frame.reset_index(drop=True).iloc[::-1].reset_index(drop=True)
    if not {"low", "high"} <= set(rows.columns):
        if level is not None:
            raise BadValue("level= is the level of intervals, but the frame has no columns low and high; leave it out")
        rows = rows.assign(low=rows["value"], high=rows["value"])
    names = [truncate_middle(n, 34) for n in rows["name"]]
    left = 28 + 6.5 * max([len(n) for n in names], default=4)
    figure = create_figure(
        escape_markup(title if title is not None else _interval_title(rows, signed, digits)),
        plot_height=_ROW * len(rows),
        subtitle=f"whiskers: {level * 100:g} % interval" if level else None,
        left=left,
        right=90,
    )
    add_zero_line(figure)
    add_interval_dots(figure, rows, signed, digits)
    figure.update_xaxes(
        range=list(pad_range([0.0, *rows["low"], *rows["high"]], 0.06, 0.06)),
        showgrid=True,
        title_text=escape_markup(axis_title),
    )
    figure.update_yaxes(**names_axis(names), **theme.CATEGORY_AXIS)
    return figure


def add_zero_line(figure: Figure) -> None:
    """Add a vertical line at zero."""
    figure.add_shape(
        type="line",
        xref="x",
        yref="y domain",
        x0=0,
        x1=0,
        y0=0,
        y1=1,
        line={"color": theme.REFERENCE_COLOR, "width": 1.5},
    )


def gain_color(row: pd.Series, signed: bool = True) -> str:
    """Return the color of a gain, a loss, or a difference whose interval contains zero."""
    if not signed:
        return theme.CATEGORIES[0]
    if row["low"] <= 0 <= row["high"]:
        return theme.FROM_SCRATCH
    return theme.GAIN if row["value"] > 0 else theme.LOSS


def add_interval_dots(figure: Figure, rows: pd.DataFrame, signed: bool, digits: int) -> None:
    """Add one dot with its interval per row, with the row's index as y; hollow if the interval contains zero."""
    for index, row in rows.iterrows():
        color = gain_color(row, signed)
        value, y = float(row["value"]), float(str(index))
        figure.add_scatter(
            x=[float(row["low"]), float(row["high"])],
            y=[y, y],
            mode="lines",
            name="interval",
            line={"color": theme.with_opacity(color, 0.5), "width": 5},
            hoverinfo="skip",
        )
        is_clear = not (row["low"] <= 0 <= row["high"]) or not signed
        figure.add_scatter(
            x=[value],
            y=[y],
            mode="markers",
            name=escape_markup(row["name"]),
            marker={"color": color if is_clear else "#ffffff", "size": 11, "line": {"color": color, "width": 2}},
            hoverinfo="text",
            hovertext=[_interval_hover(row, signed, digits)],
        )
        figure.add_annotation(
            xref="paper",
            x=1,
            xshift=74,
            y=y,
            text=format_decimal(value, digits, signed=signed),
            xanchor="right",
            showarrow=False,
        )


def _interval_hover(row: pd.Series, signed: bool, digits: int) -> str:
    value, low, high = (format_decimal(float(row[c]), digits, signed=signed) for c in ("value", "low", "high"))
    return f"<b>{escape_markup(row['name'])}</b> {value}<br>{low} to {high}"


def _interval_title(rows: pd.DataFrame, signed: bool, digits: int) -> str:
    if rows.empty:
        return "Nothing to compare"
    best = rows.loc[rows["value"].idxmax()]
    if not signed:
        return f"{truncate_middle(best['name'], 30)} is highest, {format_decimal(best['value'], digits)}"
    clear = [truncate_middle(n, 24) for n, low in zip(rows["name"], rows["low"], strict=True) if low > 0]
    if not clear:
        return "No gain differs clearly from zero"
    gain = format_decimal(float(best["value"]), digits, signed=True)
    if len(clear) == 1:
        return f"Only {clear[0]} gains clearly, {gain}"
    return f"{len(clear)} of {len(rows)} gain clearly; {truncate_middle(best['name'], 30)} most, {gain}"
