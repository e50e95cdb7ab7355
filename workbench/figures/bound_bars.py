"""What the error in a target is made of, as Ben-David's bound tells it."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Frame

from . import style
from .figure import Figure, leader, page
from .placing import names_axis, percent_axis, spread
from .words import percent, plain, short, short_number, these_columns

_WIDTH, _INNER, _LEFT = 760, 320, 70
# what stands at the bottom of a bar, first; dark to bright, so that a greyscale print tells them apart
_TERMS = (
    ("source_error", "ε_S: error in the source", style.SOURCE),
    ("half_distance", "½·d: the domains told apart", style.CATEGORIES[4]),
    ("joint_error", "λ: error no joint rule saves", style.CATEGORIES[6]),
)
_CAPTION = (
    "½·d is what one linear domain classifier saw, a floor of the distance; λ is what one joint classifier reached, "
    "a ceiling. So the bar is an estimate, no guarantee; above 100 % it says nothing."
)


Bounds = Annotated[
    Any,
    Frame(
        "a frame of bounds, as wb.probes.bound(...) holds one",
        within="frame",
        shares=("source_error", "half_distance", "target_error"),
        numbers=("joint_error",),
        rows=1,
    ),
]


@check_arguments
def bound(
    frame: Bounds,
    dial: str | None = None,
    *,
    dial_title: str | None = None,
    title: str | None = None,
) -> Figure:
    """A stacked bar a pair of domains, ε_S + ½·d + λ, with the measured ε_T as a line across them.

    Args:
        frame: frame with source_error, half_distance, joint_error and target_error, shares of images; optionally
            target_error_low and target_error_high with level; or anything with such a `.frame`.
        dial: column that the bars stand against, in the frame's order: amounts or names; none for a single bar.
        dial_title: of the axis; the column's name when left out.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: a column is missing.
    """
    rows = getattr(frame, "frame", frame)
    these_columns(rows, [*(t[0] for t in _TERMS), "target_error", *([dial] if dial else [])], "bound")
    rows = rows.reset_index(drop=True)
    if rows.empty:
        raise BadValue("there is no bound to show")
    names = [_named(v) for v in rows[dial]] if dial else [""]
    if not dial and dial_title is not None:
        raise BadValue("dial_title= names the axis of dial=; give both, or none")
    if not dial and len(rows) > 1:
        raise BadValue(f"bound wants the column that tells {len(rows)} rows apart, as dial=")
    totals = rows[[t[0] for t in _TERMS]].sum(axis=1)
    figure = page(
        plain(title if title is not None else _answer(rows, totals, names, dial)),
        width=_WIDTH,
        inner=_INNER,
        left=_LEFT,
        right=216,
        bottom=96,
        barmode="overlay",
    )
    below = rows[_TERMS[0][0]] * 0.0
    for column, told, colour in _TERMS:
        _part(figure, rows[column], below, column, told, colour, names)
        below = below + rows[column]
    _measured(figure, rows, names)
    top = max(float(totals.max()), float(rows["target_error"].max()), 0.1) * 1.06
    figure.update_yaxes(**percent_axis(0, top), showgrid=True, title_text="share of the target's images")
    figure.update_xaxes(**names_axis(names), title_text=plain(dial_title or dial or ""))
    if top > 1:
        _one(figure)
    _names(figure, rows, top)
    _caption(figure)
    return figure


def _named(value: Any) -> str:
    return short_number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else short(value, 14)


def _part(
    figure: Figure, shares: pd.Series, below: pd.Series, column: str, told: str, colour: str, names: list[str]
) -> None:
    figure.add_bar(
        x=list(range(len(shares))),
        y=shares.tolist(),
        base=below.tolist(),
        width=0.62,
        name=column,
        marker={"color": colour, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=[f"<b>{plain(n)}</b><br>{told}: {percent(v)}" for n, v in zip(names, shares, strict=True)],
    )


def _measured(figure: Figure, rows: pd.DataFrame, names: list[str]) -> None:
    places = list(range(len(rows)))
    if {"target_error_low", "target_error_high"} <= set(rows.columns):
        for at, row in rows.iterrows():
            figure.add_scatter(
                x=[at, at],
                y=[float(row["target_error_low"]), float(row["target_error_high"])],
                mode="lines",
                name="interval",
                line={"color": style.TARGET, "width": 3},
                hoverinfo="skip",
            )
    figure.add_scatter(
        x=places,
        y=rows["target_error"].tolist(),
        mode="lines+markers",
        name="target_error",
        line={"color": style.TARGET, "width": 2.4},
        marker={"color": style.TARGET, "size": 10, "symbol": "diamond", "line": {"color": "#ffffff", "width": 1.5}},
        hoverinfo="text",
        hovertext=[
            f"<b>{plain(n)}</b><br>ε_T measured: {percent(v)}" for n, v in zip(names, rows["target_error"], strict=True)
        ],
    )


def _names(figure: Figure, rows: pd.DataFrame, top: float) -> None:
    """The parts named at the last bar, each at the height of its middle, pushed apart."""
    last = rows.iloc[-1]
    heights, below = [], 0.0
    for column, *_ in _TERMS:
        heights.append(below + float(last[column]) / 2)
        below += float(last[column])
    told = [(t[1], t[2]) for t in _TERMS] + [("ε_T: measured in the target", style.TARGET)]
    heights.append(float(last["target_error"]))
    # as shares of the axis, which runs from 0.6 left of the first bar to 0.6 right of the last
    middle, edge = ((len(rows) - 1 + 0.6 + beside) / (len(rows) + 0.2) for beside in (0.0, 0.31))
    starts = [edge, edge, edge, middle]
    for (text, colour), reach, start, label in zip(
        told, starts, heights, spread(heights, 15 * top / _INNER, 0, top), strict=True
    ):
        leader(figure, (reach, start), label, text, colour)


def _one(figure: Figure) -> None:
    figure.add_shape(
        type="line",
        xref="x domain",
        yref="y",
        x0=0,
        x1=1,
        y0=1,
        y1=1,
        line={"color": style.RULE, "width": 1.5, "dash": "dash"},
    )


def _caption(figure: Figure) -> None:
    half = _CAPTION.rindex(" ", 0, len(_CAPTION) // 2 + 12)
    for line, text in enumerate((_CAPTION[:half], _CAPTION[half + 1 :])):
        figure.add_annotation(
            name="caption",
            xref="paper",
            yref="paper",
            x=0,
            y=0,
            xshift=style.EDGE - _LEFT,
            yshift=-58 - 15 * line,
            text=text,
            xanchor="left",
            yanchor="top",
            showarrow=False,
            font={"size": style.SMALL},
        )


def _answer(rows: pd.DataFrame, totals: pd.Series, names: list[str], dial: str | None) -> str:
    at = int(rows["target_error"].to_numpy().argmax())
    row = rows.loc[at]
    biggest = max(_TERMS, key=lambda t: float(row[t[0]]))
    what = {
        "source_error": "the error in the source already",
        "half_distance": "the distance of the domains",
        "joint_error": "what no joint rule saves",
    }[biggest[0]]
    where = f" at {short(dial, 20)} = {names[at]}" if dial and len(rows) > 1 else ""
    measured = f"The target's error is {percent(float(row['target_error']), 0)}{where}"
    if totals[at] >= 1:
        return f"{measured}; the bound exceeds 100 % and says nothing, mostly through {what}"
    side = "within" if row["target_error"] <= totals[at] else "above"
    return f"{measured}, {side} the bound of {percent(float(totals[at]), 0)}, most of it {what}"
