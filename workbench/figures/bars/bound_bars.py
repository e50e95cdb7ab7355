"""Terms of Ben-David's bound on the target error."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.annotated_types import Frame
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.figure import Figure, add_line_label, create_figure
from workbench.figures.style import theme
from workbench.figures.style.frame_columns import check_columns
from workbench.figures.style.label_layout import names_axis, percent_axis, spread_labels
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_number, format_percent, truncate_middle

__all__ = ["ben_david_bound"]

_WIDTH, _INNER, _LEFT = 760, 320, 70
# bottom of the bar first; dark to bright, so that the parts differ in a greyscale print
_TERMS = (
    ("source_error", "ε_S: error in the source", theme.SOURCE),
    ("half_distance", "½·d: distance of the domains", theme.CATEGORIES[4]),
    ("joint_error", "λ: error of the best joint classifier", theme.CATEGORIES[6]),
)
_CAPTION = (
    "½·d is the distance found by one linear domain classifier, a lower bound; λ is the error of one joint classifier, "
    "an upper bound. The bar is an estimate without guarantee; above 100 % it is vacuous."
)


BoundFrame = Annotated[
    Any,
    Frame(
        "a frame of bounds, as wb.probes.ben_david_bound(...) holds one",
        attribute="frame",
        fraction_columns=("source_error", "half_distance", "target_error"),
        numeric_columns=("joint_error",),
        min_rows=1,
    ),
]


@check_arguments
def ben_david_bound(
    frame: BoundFrame,
    x: str | None = None,
    *,
    x_title: str | None = None,
    title: str | None = None,
) -> Figure:
    """Stack the terms ε_S + ½·d + λ, one bar per pair of domains, with the measured ε_T as a line across the bars.

    Args:
        frame: frame with source_error, half_distance, joint_error and target_error, shares of images; optionally
            target_error_low and target_error_high with level; or any object with such a `.frame`.
        x: column on the x axis, in the frame's order: amounts or names; None for a single bar.
        x_title: title of the x axis; the column's name by default.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: a column is missing.
    """
    rows = getattr(frame, "frame", frame)
    check_columns(rows, [*(t[0] for t in _TERMS), "target_error", *([x] if x else [])], "ben_david_bound")
    rows = rows.reset_index(drop=True)
    if rows.empty:
        raise BadValue("there is no bound to show")
    names = [_bar_name(v) for v in rows[x]] if x else [""]
    if not x and x_title is not None:
        raise BadValue("x_title= is the title of the axis of x=; give both, or none")
    if not x and len(rows) > 1:
        raise BadValue(f"expected x=, the column that distinguishes the {len(rows)} rows, got none")
    totals = rows[[t[0] for t in _TERMS]].sum(axis=1)
    figure = create_figure(
        escape_markup(title if title is not None else _bound_title(rows, totals, names, x)),
        width=_WIDTH,
        plot_height=_INNER,
        left=_LEFT,
        right=216,
        bottom=96,
        barmode="overlay",
    )
    below = rows[_TERMS[0][0]] * 0.0
    for column, description, color in _TERMS:
        _add_bound_part(figure, rows[column], below, column, description, color, names)
        below = below + rows[column]
    _add_target_error(figure, rows, names)
    top = max(float(totals.max()), float(rows["target_error"].max()), 0.1) * 1.06
    figure.update_yaxes(**percent_axis(0, top), showgrid=True, title_text="share of the target's images")
    figure.update_xaxes(**names_axis(names), title_text=escape_markup(x_title or x or ""))
    if top > 1:
        _add_full_error_line(figure)
    _label_bound_parts(figure, rows, top)
    _add_caption(figure)
    return figure


def _bar_name(value: Any) -> str:
    return (
        format_number(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else truncate_middle(value, 14)
    )


def _add_bound_part(
    figure: Figure, shares: pd.Series, below: pd.Series, column: str, description: str, color: str, names: list[str]
) -> None:
    figure.add_bar(
        x=list(range(len(shares))),
        y=shares.tolist(),
        base=below.tolist(),
        width=0.62,
        name=column,
        marker={"color": color, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=[
            f"<b>{escape_markup(n)}</b><br>{description}: {format_percent(v)}"
            for n, v in zip(names, shares, strict=True)
        ],
    )


def _add_target_error(figure: Figure, rows: pd.DataFrame, names: list[str]) -> None:
    positions = list(range(len(rows)))
    if {"target_error_low", "target_error_high"} <= set(rows.columns):
        for index, row in rows.iterrows():
            figure.add_scatter(
                x=[index, index],
                y=[float(row["target_error_low"]), float(row["target_error_high"])],
                mode="lines",
                name="interval",
                line={"color": theme.TARGET, "width": 3},
                hoverinfo="skip",
            )
    figure.add_scatter(
        x=positions,
        y=rows["target_error"].tolist(),
        mode="lines+markers",
        name="target_error",
        line={"color": theme.TARGET, "width": 2.4},
        marker={"color": theme.TARGET, "size": 10, "symbol": "diamond", "line": {"color": "#ffffff", "width": 1.5}},
        hoverinfo="text",
        hovertext=[
            f"<b>{escape_markup(n)}</b><br>ε_T measured: {format_percent(v)}"
            for n, v in zip(names, rows["target_error"], strict=True)
        ],
    )


def _label_bound_parts(figure: Figure, rows: pd.DataFrame, top: float) -> None:
    """Label the parts of the last bar, each at the height of its middle, pushed apart where labels would overlap."""
    last = rows.iloc[-1]
    heights, below = [], 0.0
    for column, *_ in _TERMS:
        heights.append(below + float(last[column]) / 2)
        below += float(last[column])
    labels = [(t[1], t[2]) for t in _TERMS] + [("ε_T: measured in the target", theme.TARGET)]
    heights.append(float(last["target_error"]))
    # as shares of the axis, which runs from 0.6 left of the first bar to 0.6 right of the last
    middle, edge = ((len(rows) - 1 + 0.6 + beside) / (len(rows) + 0.2) for beside in (0.0, 0.31))
    starts = [edge, edge, edge, middle]
    for (text, color), x_fraction, height, label_height in zip(
        labels, starts, heights, spread_labels(heights, 15 * top / _INNER, 0, top), strict=True
    ):
        add_line_label(figure, (x_fraction, height), label_height, text, color)


def _add_full_error_line(figure: Figure) -> None:
    figure.add_shape(
        type="line",
        xref="x domain",
        yref="y",
        x0=0,
        x1=1,
        y0=1,
        y1=1,
        line={"color": theme.REFERENCE_COLOR, "width": 1.5, "dash": "dash"},
    )


def _add_caption(figure: Figure) -> None:
    half = _CAPTION.rindex(" ", 0, len(_CAPTION) // 2 + 12)
    for line, text in enumerate((_CAPTION[:half], _CAPTION[half + 1 :])):
        figure.add_annotation(
            name="caption",
            xref="paper",
            yref="paper",
            x=0,
            y=0,
            xshift=theme.TITLE_MARGIN - _LEFT,
            yshift=-58 - 15 * line,
            text=text,
            xanchor="left",
            yanchor="top",
            showarrow=False,
            font={"size": theme.SMALL},
        )


def _bound_title(rows: pd.DataFrame, totals: pd.Series, names: list[str], x: str | None) -> str:
    worst = int(rows["target_error"].to_numpy().argmax())
    row = rows.loc[worst]
    biggest = max(_TERMS, key=lambda t: float(row[t[0]]))
    term = {
        "source_error": "the source error",
        "half_distance": "the distance of the domains",
        "joint_error": "the error of the best joint classifier",
    }[biggest[0]]
    where = f" at {truncate_middle(x, 20)} = {names[worst]}" if x and len(rows) > 1 else ""
    measured = f"The target's error is {format_percent(float(row['target_error']), 0)}{where}"
    if totals[worst] >= 1:
        return f"{measured}; the bound exceeds 100 % and is vacuous, mostly due to {term}"
    side = "within" if row["target_error"] <= totals[worst] else "above"
    return f"{measured}, {side} the bound of {format_percent(float(totals[worst]), 0)}, most of it {term}"
