"""Backbones by scores: a row a backbone, a column a score, every value with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Frame, Share

from . import style
from .figure import Figure, page
from .words import listed, plain, short, short_number

_ROW, _COLUMN = 38, 66  # pixels
_FIRST = "consensus"


Intervals = Annotated[
    Any,
    Frame(
        "intervals of scores, as a ranking holds them",
        within="intervals",
        columns=("backbone", "score"),
        numbers=("value", "low", "high"),
    ),
]


Ranked = Annotated[
    Any,
    Frame(
        "a ranking, as wb.rank(backbones, images) gives it",
        within="frame",
        columns=("backbone", "reason"),
        shares=("consensus",),
        rows=1,
    ),
]


@check_arguments
def ranking(
    frame: Ranked,
    intervals: Intervals | None = None,
    *,
    among: Sequence[str] | None = None,
    level: Share = 0.9,
    title: str | None = None,
) -> Figure:
    """All scores of all backbones: the number, and where it lies with its interval between the column's ends.

    Args:
        frame: frame with backbone, consensus (0 best to 1 worst) and reason (empty unless it failed), the best first;
            or a ranking, which brings the other two along.
        intervals: frame with backbone, score, value, low and high.
        among: the backbones that the answer lies among, drawn in colour.
        level: of the intervals, within 0..1.
        title: replaces the answer.

    Raises:
        BadValue: a column is missing.
    """
    table: pd.DataFrame = getattr(frame, "frame", frame)
    spans = getattr(frame, "intervals", intervals)
    if spans is None:
        raise BadValue(
            "expected the intervals of the scores beside a plain frame, got none; give a ranking, or intervals="
        )
    verdict: Any = getattr(frame, "verdict", None)
    among = getattr(verdict, "among", among) or ()
    rows = table[table["reason"] == ""]["backbone"].astype(str).tolist()
    columns = [_FIRST, *(s for s in dict.fromkeys(spans["score"]) if s != _FIRST)]
    left = 28 + 7.5 * max([len(short(n, 34)) for n in rows], default=4)
    width = min(max(left + _COLUMN * len(columns) + 30, 580), style.WIDEST)
    figure = page(
        plain(title if title is not None else _answer(rows, verdict)),
        width=width,
        inner=_ROW * max(len(rows), 1),
        left=left,
        right=max(width - left - _COLUMN * len(columns), 12),
        bottom=92,
        subtitle=f"better to the right within a column; {level * 100:g} % interval over draws of the images",
    )
    for at, score in enumerate(columns):
        _column(figure, spans[spans["score"] == score], at, rows, among, score == _FIRST)
    _axes(figure, rows, columns, among)
    return figure


def _column(figure: Figure, part: pd.DataFrame, at: int, rows: list[str], among: Any, lower: bool) -> None:
    held = part.set_index(part["backbone"].astype(str))
    low, high = part["low"].fillna(part["value"]), part["high"].fillna(part["value"])
    bottom, top = (float(low.min()), float(high.max())) if len(part) else (0.0, 1.0)
    span = (top - bottom) or 1.0

    def placed(value: float) -> float:
        share = (value - bottom) / span
        return at - 0.38 + 0.76 * (1 - share if lower else share)

    for row, name in enumerate(rows):
        if name not in held.index:
            continue
        found = held.loc[name]
        value, ends = float(found["value"]), [float(found["low"]), float(found["high"])]
        colour = style.CATEGORIES[0] if name in among else style.FROM_SCRATCH
        y = row + 0.2
        if np.isfinite(ends).all():
            figure.add_scatter(
                x=[placed(e) for e in ends],
                y=[y, y],
                mode="lines",
                line={"color": style.faint(colour, 0.5), "width": 5},
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=[placed(value)],
            y=[y],
            mode="markers",
            marker={
                "color": colour if name in among else "#ffffff",
                "size": 9,
                "line": {"color": colour, "width": 2},
            },
            hoverinfo="text",
            hovertext=[
                f"<b>{plain(name)}</b><br>{plain(found['score'])} {value:.4g}<br>{ends[0]:.4g} to {ends[1]:.4g}"
            ],
        )
        figure.add_annotation(x=at, y=row - 0.2, text=short_number(value), showarrow=False, font={"size": style.SMALL})


def _axes(figure: Figure, rows: list[str], columns: list[str], among: Any) -> None:
    for at in range(len(columns) + 1):
        figure.add_shape(
            type="line", xref="x", yref="y domain", x0=at - 0.5, x1=at - 0.5, y0=0, y1=1, line={"color": style.GRID}
        )
    figure.update_xaxes(
        **style.NAMES,
        tickvals=list(range(len(columns))),
        ticktext=[plain(name.replace("_", " ")) for name in columns],
        range=[-0.5, len(columns) - 0.5],
        tickangle=-35,
    )
    figure.update_yaxes(
        **style.NAMES,
        tickvals=list(range(len(rows))),
        ticktext=[f"<b>{plain(short(n, 34))}</b>" if n in among else plain(short(n, 34)) for n in rows],
        range=[len(rows) - 0.5, -0.5],
    )


def _answer(rows: list[str], verdict: Any) -> str:
    if getattr(verdict, "kind", "") == "disagree":
        # which score is for whom is in the columns
        return f"The scores disagree: run the short trial among {listed(short(name, 40) for name in verdict.among)}"
    if verdict is not None:
        said = str(verdict)
        return said[:1].upper() + said[1:]
    return f"{short(rows[0], 40)} is first by consensus" if rows else "No backbone could be scored"
