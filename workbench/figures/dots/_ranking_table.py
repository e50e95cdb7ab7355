"""Scores of backbones with their intervals as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.annotated_types import Fraction, Frame
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_number, join_names, truncate_middle

__all__ = ["ranking_table"]

_ROW, _COLUMN = 38, 66  # pixels
_CONSENSUS = "consensus"


ScoreIntervalFrame = Annotated[
    Any,
    Frame(
        "intervals of scores, as a ranking holds them",
        attribute="intervals",
        columns=("backbone", "score"),
        numeric_columns=("value", "low", "high"),
    ),
]


RankingLike = Annotated[
    Any,
    Frame(
        "a ranking, as wb.rank_backbones(backbones, images) gives it",
        attribute="frame",
        columns=("backbone", "reason"),
        fraction_columns=("consensus",),
        min_rows=1,
    ),
]


@check_arguments
def ranking_table(
    frame: RankingLike,
    intervals: ScoreIntervalFrame | None = None,
    *,
    candidates: Sequence[str] | None = None,
    level: Fraction = 0.9,
    title: str | None = None,
) -> Figure:
    """Plot all scores of all backbones as numbers, and as dots with intervals between each column's lowest and highest.

    Args:
        frame: frame with backbone, consensus (0 best to 1 worst) and reason (empty unless it failed), the best first;
            or a ranking, which has intervals and candidates.
        intervals: frame with backbone, score, value, low and high.
        candidates: backbones that may be the best, drawn in color.
        level: confidence level of the intervals, within 0..1.
        title: replaces the title computed from the verdict.

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
    candidates = getattr(verdict, "contenders", candidates) or ()
    rows = table[table["reason"] == ""]["backbone"].astype(str).tolist()
    columns = [_CONSENSUS, *(s for s in dict.fromkeys(spans["score"]) if s != _CONSENSUS)]
    left = 28 + 7.5 * max([len(truncate_middle(n, 34)) for n in rows], default=4)
    width = min(max(left + _COLUMN * len(columns) + 30, 580), theme.WIDEST)
    figure = create_figure(
        escape_markup(title if title is not None else _ranking_title(rows, verdict)),
        width=width,
        plot_height=_ROW * max(len(rows), 1),
        left=left,
        right=max(width - left - _COLUMN * len(columns), 12),
        bottom=92,
        subtitle=f"better to the right within a column; {level * 100:g} % interval over resampled images",
    )
    for index, score in enumerate(columns):
        _add_score_column(figure, spans[spans["score"] == score], index, rows, candidates, score == _CONSENSUS)
    _set_table_axes(figure, rows, columns, candidates)
    return figure


def _add_score_column(
    figure: Figure, part: pd.DataFrame, index: int, rows: list[str], candidates: Any, lower_is_better: bool
) -> None:
    by_backbone = part.set_index(part["backbone"].astype(str))
    low, high = part["low"].fillna(part["value"]), part["high"].fillna(part["value"])
    bottom, top = (float(low.min()), float(high.max())) if len(part) else (0.0, 1.0)
    span = (top - bottom) or 1.0

    def to_x(value: float) -> float:
        share = (value - bottom) / span
        return index - 0.38 + 0.76 * (1 - share if lower_is_better else share)

    for row, name in enumerate(rows):
        if name not in by_backbone.index:
            continue
        entry = by_backbone.loc[name]
        value, ends = float(entry["value"]), [float(entry["low"]), float(entry["high"])]
        color = theme.CATEGORIES[0] if name in candidates else theme.FROM_SCRATCH
        y = row + 0.2
        if np.isfinite(ends).all():
            figure.add_scatter(
                x=[to_x(e) for e in ends],
                y=[y, y],
                mode="lines",
                line={"color": theme.with_opacity(color, 0.5), "width": 5},
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=[to_x(value)],
            y=[y],
            mode="markers",
            marker={
                "color": color if name in candidates else "#ffffff",
                "size": 9,
                "line": {"color": color, "width": 2},
            },
            hoverinfo="text",
            hovertext=[
                f"<b>{escape_markup(name)}</b><br>{escape_markup(entry['score'])} {value:.4g}"
                f"<br>{ends[0]:.4g} to {ends[1]:.4g}"
            ],
        )
        figure.add_annotation(
            x=index, y=row - 0.2, text=format_number(value), showarrow=False, font={"size": theme.SMALL}
        )


def _set_table_axes(figure: Figure, rows: list[str], columns: list[str], candidates: Any) -> None:
    for index in range(len(columns) + 1):
        figure.add_shape(
            type="line",
            xref="x",
            yref="y domain",
            x0=index - 0.5,
            x1=index - 0.5,
            y0=0,
            y1=1,
            line={"color": theme.GRIDLINE_COLOR},
        )
    figure.update_xaxes(
        **theme.CATEGORY_AXIS,
        tickvals=list(range(len(columns))),
        ticktext=[escape_markup(name.replace("_", " ")) for name in columns],
        range=[-0.5, len(columns) - 0.5],
        tickangle=-35,
    )
    figure.update_yaxes(
        **theme.CATEGORY_AXIS,
        tickvals=list(range(len(rows))),
        ticktext=[
            f"<b>{escape_markup(truncate_middle(n, 34))}</b>"
            if n in candidates
            else escape_markup(truncate_middle(n, 34))
            for n in rows
        ],
        range=[len(rows) - 0.5, -0.5],
    )


def _ranking_title(rows: list[str], verdict: Any) -> str:
    if getattr(verdict, "kind", "") == "disagree":
        # the columns show which score prefers which backbone
        names = join_names(truncate_middle(name, 40) for name in verdict.contenders)
        return f"The scores disagree: run successive halving among {names}"
    if verdict is not None:
        text = str(verdict)
        return text[:1].upper() + text[1:]
    return f"{truncate_middle(rows[0], 40)} is first by consensus" if rows else "No backbone could be scored"
