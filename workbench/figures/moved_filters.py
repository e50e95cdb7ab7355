"""How far the filters of each stage moved."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.markers import Like

from . import style
from .figure import Figure, page
from .words import percent, plain, short, these_columns

_ROW, _MOST = 30, 300  # pixels a stage; filters drawn of each


Moves = Annotated[Any, Like("moves, as wb.probes.filter_moves(before, after) gives them", ("frame", "stages"))]


@check_arguments
def filter_moves(
    moves: Moves,
    *,
    title: str | None = None,
) -> Figure:
    """A dot a filter, a row a stage: how far it moved, as a share of its length, with the stage's median.

    Args:
        moves: has frame (stage, module, filter, moved, angle in degrees) and stages (stage, moved, angle), as
            `wb.probes.filter_moves` gives.
        title: replaces the answer read from the stages.

    Raises:
        BadValue: a column is missing.
    """
    frame, stages = moves.frame, moves.stages
    these_columns(frame, ("stage", "module", "filter", "moved", "angle"), "filter_moves")
    names = [str(name) for name in stages["stage"]]
    figure = page(
        plain(title if title is not None else _answer(stages)),
        inner=_ROW * len(names),
        left=28 + 6.5 * max((len(short(name, 24)) for name in names), default=4),
        right=132,
        subtitle="a dot a filter; the line is the stage's median, with its angle beside",
    )
    most = max(float(np.nanmax(frame["moved"].replace(np.inf, np.nan).fillna(0))), 1e-6)
    for at, name in enumerate(names):
        part = frame[frame["stage"] == name]
        part = part.iloc[np.unique(np.linspace(0, len(part) - 1, _MOST).astype(int))]
        _stage(figure, part, at, stages.iloc[at], most)
    figure.update_xaxes(
        range=[-0.02 * most, 1.05 * most], showgrid=True, tickformat=".0%", title_text="moved, share of its own length"
    )
    figure.update_yaxes(
        **style.NAMES,
        range=[len(names) - 0.4, -0.6],
        tickvals=list(range(len(names))),
        ticktext=[plain(short(name, 24)) for name in names],
    )
    return figure


def _stage(figure: Figure, part: pd.DataFrame, at: int, row: pd.Series, most: float) -> None:
    scatter = np.random.default_rng(at).uniform(-0.26, 0.26, len(part))
    figure.add_scatter(
        x=part["moved"].clip(upper=most).round(5).tolist(),
        y=(at + scatter).round(3).tolist(),
        mode="markers",
        marker={"size": 4, "color": style.faint("#0072B2", 0.45)},
        hoverinfo="text",
        hovertext=[
            f"{plain(p.module)}, filter {p.filter}<br>{percent(p.moved)}, {p.angle:.1f}°" for p in part.itertuples()
        ],
    )
    middle = float(row["moved"])
    figure.add_scatter(
        x=[middle, middle],
        y=[at - 0.36, at + 0.36],
        mode="lines",
        line={"color": style.ATTENTION, "width": 3},
        hoverinfo="skip",
    )
    figure.add_annotation(
        x=1, xref="paper", xanchor="left", y=at, text=f"  {percent(middle)}, {row['angle']:.1f}°", showarrow=False
    )


def _answer(stages: pd.DataFrame) -> str:
    if not stages["moved"].max() > 0:
        return "No filter moved"
    top = stages.loc[stages["moved"].idxmax()]
    still = int((stages["moved"] == 0).sum())
    rest = f"; {still} of {len(stages)} stages did not move" if still else ""
    return f"Filters of {short(top['stage'], 24)} moved most: {percent(top['moved'])} of their length{rest}"
