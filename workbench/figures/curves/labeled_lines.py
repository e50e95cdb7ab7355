"""Line charts with each line labeled at its end."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.annotated_types import Fraction, Frame
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.figure import Figure, add_line_label, create_figure
from workbench.figures.style import theme
from workbench.figures.style.frame_columns import check_columns
from workbench.figures.style.label_layout import log_ticks, pad_range, spread_labels
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_number, truncate_middle

__all__ = ["line_chart"]

_WIDTH, _INNER = 760, 290  # pixels


LongFrame = Annotated[Any, Frame("a frame in long form")]


@check_arguments
def line_chart(
    frame: LongFrame,
    x: str,
    y: str,
    group: str,
    *,
    low: str | None = None,
    high: str | None = None,
    level: Fraction | None = None,
    log_x: bool = False,
    x_title: str | None = None,
    y_title: str | None = None,
    title: str | None = None,
) -> Figure:
    """Plot one line per group, labeled at its end, with a band if the frame has the ends of an interval.

    Args:
        frame: frame in long form.
        x: column on the x axis; > 0 for a logarithmic one.
        y: column on the y axis.
        group: column with the group's name, such as the method.
        low: column with the lower end of the interval.
        high: column with the upper end.
        level: confidence level of the interval within 0..1, shown in the caption.
        log_x: True for a logarithmic x axis.
        x_title: title of the x axis with its unit; the column's name by default.
        y_title: title of the y axis with its unit; the column's name by default.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: a column is missing.
    """
    if (low is None) != (high is None) or (level is not None and low is None):
        raise BadValue("a band needs both low= and high=; level= is the level of that interval")
    wanted = [x, y, group, *(c for c in (low, high) if c)]
    check_columns(frame, wanted, "line_chart")
    rows = frame[frame[y].notna() & frame[x].notna()].sort_values(x, kind="stable")
    names = list(dict.fromkeys(frame[group].astype(str)))
    longest = max([len(truncate_middle(n, 26)) for n in names], default=0)
    figure = create_figure(
        escape_markup(title if title is not None else _line_chart_title(rows, x, y, group)),
        width=_WIDTH,
        plot_height=_INNER,
        subtitle=f"band: {level * 100:g} % interval" if level and low and high else None,
        left=58,
        right=40 + 6.5 * longest,
    )
    spans = [rows[c] for c in (y, low, high) if c]
    bottom, top = pad_range(np.concatenate([s.to_numpy(float) for s in spans]) if len(rows) else [0, 1])
    parts = {name: rows[rows[group].astype(str) == name] for name in names}
    parts = {name: part for name, part in parts.items() if len(part)}
    for index, (name, part) in enumerate(parts.items()):
        if low and high:
            _add_interval_band(figure, part, x, low, high, theme.category_color(index))
        _add_group_line(figure, part, x, y, name, index)
    figure.update_yaxes(range=[bottom, top], showgrid=True, title_text=escape_markup(y_title or y), nticks=7)
    figure.update_xaxes(title_text=escape_markup(x_title or x), **_x_axis_settings(rows[x].to_numpy(float), log_x))
    if parts:
        _label_line_ends(figure, parts, x, y, log_x)
    return figure


def _x_axis_settings(values: np.ndarray, log_x: bool) -> dict[str, Any]:
    if not len(values):
        return {}
    low, high = float(values.min()), float(values.max())
    if not log_x:
        return {"range": list(pad_range([low, high], 0.02, 0.01)), "nticks": 8}
    ticks = log_ticks(low, high)
    span = math.log10(high / low) * 0.02
    return {
        "type": "log",
        "range": [math.log10(low) - span, math.log10(high) + span],
        "tickvals": ticks,
        "ticktext": [format_number(t) for t in ticks],
    }


def _add_interval_band(figure: Figure, part: pd.DataFrame, x: str, low: str, high: str, color: str) -> None:
    known = part[part[low].notna() & part[high].notna()]
    figure.add_scatter(
        x=[*known[x], *known[x][::-1]],
        y=[*known[high], *known[low][::-1]],
        mode="lines",
        name="band",
        line={"width": 0, "color": color},
        fill="toself",
        fillcolor=theme.with_opacity(color),
        hoverinfo="skip",
    )


def _add_group_line(figure: Figure, part: pd.DataFrame, x: str, y: str, name: str, index: int) -> None:
    color = theme.category_color(index)
    figure.add_scatter(
        x=part[x].tolist(),
        y=part[y].tolist(),
        mode="lines+markers" if len(part) <= 40 else "lines",
        name=escape_markup(name),
        line={"color": color, "width": 2.4, "dash": theme.DASHES[index % len(theme.DASHES)]},
        marker={"color": color, "size": 7, "symbol": theme.SYMBOLS[index % len(theme.SYMBOLS)]},
        hoverinfo="text",
        hovertext=[
            f"<b>{escape_markup(name)}</b><br>{escape_markup(x)} {format_number(a)}, {escape_markup(y)} {b:.4g}"
            for a, b in zip(part[x], part[y], strict=True)
        ],
    )


def _label_line_ends(figure: Figure, parts: dict[str, pd.DataFrame], x: str, y: str, log_x: bool) -> None:
    """Label every line at the height of its end, pushed apart where labels would overlap."""
    (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    ends = [float(part[y].iloc[-1]) for part in parts.values()]
    heights = spread_labels(ends, 15 * (top - bottom) / _INNER, bottom, top)
    for index, ((name, part), end, height) in enumerate(zip(parts.items(), ends, heights, strict=True)):
        last = float(part[x].iloc[-1])
        x_fraction = ((math.log10(last) if log_x else last) - left) / (right - left)
        add_line_label(
            figure, (x_fraction, end), height, escape_markup(truncate_middle(name, 26)), theme.category_color(index)
        )


def _line_chart_title(rows: pd.DataFrame, x: str, y: str, group: str) -> str:
    if rows.empty:
        return "No points yet"
    last = rows[rows[x] == rows[x].max()]
    less_is_better = any(word in y.lower() for word in ("loss", "error", "forgetting"))
    best = last.loc[last[y].idxmin() if less_is_better else last[y].idxmax()]
    where = f"at {x} = {format_number(best[x])}"
    if rows[group].nunique() == 1:
        return f"{truncate_middle(best[group], 30)}: {y} {format_number(best[y])} {where}"
    most = "lowest" if less_is_better else "highest"
    return f"{truncate_middle(best[group], 30)} has the {most} {y}, {format_number(best[y])}, {where}"
