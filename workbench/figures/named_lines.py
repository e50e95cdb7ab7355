"""One quantity over another for several named methods."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Frame, Share

from . import style
from .figure import Figure, leader, page
from .placing import decades, padded, spread
from .words import plain, short, short_number, these_columns

_WIDTH, _INNER = 760, 290  # pixels


LongForm = Annotated[Any, Frame("a frame in long form")]


@check_arguments
def lines(
    frame: LongForm,
    x: str,
    y: str,
    group: str,
    *,
    low: str | None = None,
    high: str | None = None,
    level: Share | None = None,
    log_x: bool = False,
    x_title: str | None = None,
    y_title: str | None = None,
    title: str | None = None,
) -> Figure:
    """A line a method, named at its end; a band where the frame has the ends of an interval.

    Args:
        frame: frame in long form.
        x: column on the x axis; > 0 for a logarithmic one.
        y: column on the y axis.
        group: column with the method's name.
        low: column with the lower end of the interval.
        high: column with the upper end.
        level: level of the interval within 0..1, told in the caption.
        log_x: a logarithmic x axis.
        x_title: with its unit; the column's name when left out.
        y_title: with its unit; the column's name when left out.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: a column is missing.
    """
    if (low is None) != (high is None) or (level is not None and low is None):
        raise BadValue("a band has two ends, low= and high=; level= says what interval they are of")
    wanted = [x, y, group, *(c for c in (low, high) if c)]
    these_columns(frame, wanted, "lines")
    rows = frame[frame[y].notna() & frame[x].notna()].sort_values(x, kind="stable")
    names = list(dict.fromkeys(frame[group].astype(str)))
    longest = max([len(short(n, 26)) for n in names], default=0)
    figure = page(
        plain(title if title is not None else _answer(rows, x, y, group)),
        width=_WIDTH,
        inner=_INNER,
        subtitle=f"band: {level * 100:g} % interval" if level and low and high else None,
        left=58,
        right=40 + 6.5 * longest,
    )
    spans = [rows[c] for c in (y, low, high) if c]
    bottom, top = padded(np.concatenate([s.to_numpy(float) for s in spans]) if len(rows) else [0, 1])
    parts = {name: rows[rows[group].astype(str) == name] for name in names}
    parts = {name: part for name, part in parts.items() if len(part)}
    for at, (name, part) in enumerate(parts.items()):
        if low and high:
            _band(figure, part, x, low, high, style.category(at))
        _line(figure, part, x, y, name, at)
    figure.update_yaxes(range=[bottom, top], showgrid=True, title_text=plain(y_title or y), nticks=7)
    figure.update_xaxes(title_text=plain(x_title or x), **_x_axis(rows[x].to_numpy(float), log_x))
    if parts:
        _ends(figure, parts, x, y, log_x)
    return figure


def _x_axis(values: np.ndarray, log_x: bool) -> dict[str, Any]:
    if not len(values):
        return {}
    low, high = float(values.min()), float(values.max())
    if not log_x:
        return {"range": list(padded([low, high], 0.02, 0.01)), "nticks": 8}
    ticks = decades(low, high)
    span = math.log10(high / low) * 0.02
    return {
        "type": "log",
        "range": [math.log10(low) - span, math.log10(high) + span],
        "tickvals": ticks,
        "ticktext": [short_number(t) for t in ticks],
    }


def _band(figure: Figure, part: pd.DataFrame, x: str, low: str, high: str, colour: str) -> None:
    known = part[part[low].notna() & part[high].notna()]
    figure.add_scatter(
        x=[*known[x], *known[x][::-1]],
        y=[*known[high], *known[low][::-1]],
        mode="lines",
        name="band",
        line={"width": 0, "color": colour},
        fill="toself",
        fillcolor=style.faint(colour),
        hoverinfo="skip",
    )


def _line(figure: Figure, part: pd.DataFrame, x: str, y: str, name: str, at: int) -> None:
    colour = style.category(at)
    figure.add_scatter(
        x=part[x].tolist(),
        y=part[y].tolist(),
        mode="lines+markers" if len(part) <= 40 else "lines",
        name=plain(name),
        line={"color": colour, "width": 2.4, "dash": style.DASHES[at % len(style.DASHES)]},
        marker={"color": colour, "size": 7, "symbol": style.SYMBOLS[at % len(style.SYMBOLS)]},
        hoverinfo="text",
        hovertext=[
            f"<b>{plain(name)}</b><br>{plain(x)} {short_number(a)}, {plain(y)} {b:.4g}"
            for a, b in zip(part[x], part[y], strict=True)
        ],
    )


def _ends(figure: Figure, parts: dict[str, pd.DataFrame], x: str, y: str, log_x: bool) -> None:
    """Every line's name at the height of its end, pushed apart where two would cover each other."""
    (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    ends = [float(part[y].iloc[-1]) for part in parts.values()]
    heights = spread(ends, 15 * (top - bottom) / _INNER, bottom, top)
    for at, ((name, part), end, height) in enumerate(zip(parts.items(), ends, heights, strict=True)):
        last = float(part[x].iloc[-1])
        reached = ((math.log10(last) if log_x else last) - left) / (right - left)
        leader(figure, (reached, end), height, plain(short(name, 26)), style.category(at))


def _answer(rows: pd.DataFrame, x: str, y: str, group: str) -> str:
    if rows.empty:
        return "No points yet"
    last = rows[rows[x] == rows[x].max()]
    less_is_better = any(word in y.lower() for word in ("loss", "error", "forgetting"))
    best = last.loc[last[y].idxmin() if less_is_better else last[y].idxmax()]
    where = f"at {x} = {short_number(best[x])}"
    if rows[group].nunique() == 1:
        return f"{short(best[group], 30)}: {y} {short_number(best[y])} {where}"
    most = "lowest" if less_is_better else "highest"
    return f"{short(best[group], 30)} has the {most} {y}, {short_number(best[y])}, {where}"
