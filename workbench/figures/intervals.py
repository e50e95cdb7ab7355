"""Which of several is better, and by how much, given the uncertainty."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.forms import Range
from workbench.markers import Frame, Share

from . import style
from .figure import Figure, page
from .placing import names_axis, padded
from .words import plain, short

_ROW = 30


Values = Annotated[Any, Frame("values with their intervals", columns=("name",), numbers=("value",))]


@check_arguments
def comparison(
    frame: Values,
    *,
    axis: str = "difference, points",
    level: Share | None = None,
    signed: bool = True,
    digits: Annotated[int, Range(0, 6)] = 1,
    title: str | None = None,
) -> Figure:
    """A dot with its interval for every name, on one axis with the zero line drawn.

    Args:
        frame: frame with name and value, optionally low and high (the ends of the interval), in the unit of `axis`.
        axis: title of the axis, with its unit.
        level: level of the intervals within 0..1, told in the caption.
        signed: values are gains and losses: coloured by sign, written with it.
        digits: digits after the point, 0..6.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: a column is missing.
    """
    rows = frame.reset_index(drop=True).iloc[::-1].reset_index(drop=True)
    if not {"low", "high"} <= set(rows.columns):
        if level is not None:
            raise BadValue("level= is of intervals, and this frame has no columns low and high: leave it out")
        rows = rows.assign(low=rows["value"], high=rows["value"])
    names = [short(n, 34) for n in rows["name"]]
    left = 28 + 6.5 * max([len(n) for n in names], default=4)
    figure = page(
        plain(title if title is not None else _answer(rows, signed, digits)),
        inner=_ROW * len(rows),
        subtitle=f"whiskers: {level * 100:g} % interval" if level else None,
        left=left,
        right=90,
    )
    zero_line(figure)
    dots(figure, rows, signed, digits)
    figure.update_xaxes(
        range=list(padded([0.0, *rows["low"], *rows["high"]], 0.06, 0.06)), showgrid=True, title_text=plain(axis)
    )
    figure.update_yaxes(**names_axis(names), **style.NAMES)
    return figure


def zero_line(figure: Figure) -> None:
    """The line of no difference."""
    figure.add_shape(
        type="line", xref="x", yref="y domain", x0=0, x1=0, y0=0, y1=1, line={"color": style.RULE, "width": 1.5}
    )


def gain_colour(row: pd.Series, signed: bool = True) -> str:
    """The colour of a gain, a loss, or what cannot be told from zero."""
    if not signed:
        return style.CATEGORIES[0]
    if row["low"] <= 0 <= row["high"]:
        return style.FROM_SCRATCH
    return style.GAIN if row["value"] > 0 else style.LOSS


def written(value: float, signed: bool, digits: int) -> str:
    """A number as print has it."""
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def dots(figure: Figure, rows: pd.DataFrame, signed: bool, digits: int) -> None:
    """A dot with its interval for each row, at the height of its index; hollow where the interval holds zero."""
    for at, row in rows.iterrows():
        colour = gain_colour(row, signed)
        value, y = float(row["value"]), float(str(at))
        figure.add_scatter(
            x=[float(row["low"]), float(row["high"])],
            y=[y, y],
            mode="lines",
            name="interval",
            line={"color": style.faint(colour, 0.5), "width": 5},
            hoverinfo="skip",
        )
        clear = not (row["low"] <= 0 <= row["high"]) or not signed
        figure.add_scatter(
            x=[value],
            y=[y],
            mode="markers",
            name=plain(row["name"]),
            marker={"color": colour if clear else "#ffffff", "size": 11, "line": {"color": colour, "width": 2}},
            hoverinfo="text",
            hovertext=[_told(row, signed, digits)],
        )
        figure.add_annotation(
            xref="paper",
            x=1,
            xshift=74,
            y=y,
            text=written(value, signed, digits),
            xanchor="right",
            showarrow=False,
        )


def _told(row: pd.Series, signed: bool, digits: int) -> str:
    value, low, high = (written(float(row[c]), signed, digits) for c in ("value", "low", "high"))
    return f"<b>{plain(row['name'])}</b> {value}<br>{low} to {high}"


def _answer(rows: pd.DataFrame, signed: bool, digits: int) -> str:
    if rows.empty:
        return "Nothing to compare"
    best = rows.loc[rows["value"].idxmax()]
    if not signed:
        return f"{short(best['name'], 30)} is highest, {written(best['value'], False, digits)}"
    clear = [short(n, 24) for n, low in zip(rows["name"], rows["low"], strict=True) if low > 0]
    if not clear:
        return "No gain is clear of zero"
    gain = written(float(best["value"]), True, digits)
    if len(clear) == 1:
        return f"Only {clear[0]} gains clearly, {gain}"
    return f"{len(clear)} of {len(rows)} gain clearly; {short(best['name'], 30)} most, {gain}"
