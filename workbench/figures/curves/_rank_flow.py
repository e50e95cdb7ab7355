"""Ranks of backbones from score to score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.annotated_types import Frame
from workbench.argument_checks import check_arguments
from workbench.figures.rendering.figure import Figure, add_line_label, create_figure
from workbench.figures.style import theme
from workbench.figures.style.frame_columns import check_columns
from workbench.figures.style.label_layout import spread_labels
from workbench.figures.style.markup import escape_markup
from workbench.formatting import join_names, truncate_middle

__all__ = ["rank_flow"]

_COLUMN, _ROW = 62, 34  # pixels


RankingLike = Annotated[
    Any,
    Frame(
        "a ranking, as wb.rank_backbones(backbones, images) gives it",
        attribute="frame",
        columns=("backbone",),
        fraction_columns=("consensus",),
        min_rows=1,
    ),
]


@check_arguments
def rank_flow(
    frame: RankingLike,
    scores: Sequence[str] | None = None,
    baselines: Sequence[str] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Plot one line per backbone through its ranks by consensus, score and baseline; crossings are disagreements.

    Args:
        frame: frame with backbone, consensus (0 best to 1 worst) and one column per score, larger is better; or a
            ranking, which has the names of scores and baselines.
        scores: names of the columns that are scores.
        baselines: names of the columns that are naive baselines, separated at the right.
        title: replaces the title computed from the ranks.

    Raises:
        BadValue: a column is missing.
    """
    table: pd.DataFrame = getattr(frame, "frame", frame)
    scores = list(getattr(frame, "scores", scores) or ())
    baselines = list(getattr(frame, "baselines", baselines) or ())
    check_columns(table, ("backbone", "consensus", *scores, *baselines), "rank_flow")
    table = table[table["consensus"].notna()]
    varying = [name for name in [*scores, *baselines] if table[name].nunique() > 1]
    # scores missing for some backbone come last, so that its line has no gap
    varying.sort(key=lambda name: (name in baselines, bool(table[name].isna().any())))
    columns = ["consensus", *varying]
    ranks = table[columns].astype(float).rank(ascending=False)
    ranks["consensus"] = table["consensus"].rank(ascending=True)
    names = table["backbone"].astype(str).tolist()
    longest = max([len(truncate_middle(n, 30)) for n in names], default=4)
    right = 44 + 6.6 * longest
    width = min(max(40 + _COLUMN * (len(columns) - 1) + right, 560), theme.WIDEST)
    figure = create_figure(
        escape_markup(title if title is not None else _rank_flow_title(ranks, names, scores, baselines)),
        width=width,
        plot_height=_ROW * max(len(names) - 1, 1) + 24,
        left=44,
        right=right,
        bottom=96,
        subtitle="rank by each score, 1 is best; right of the line: naive baselines, which use no image",
    )
    _add_rank_lines(figure, ranks, names, columns)
    _set_rank_axes(figure, columns, baselines, len(names))
    ends = [int(np.flatnonzero(row)[-1]) for row in np.isfinite(ranks.to_numpy(float))]
    heights = spread_labels([ranks.iloc[r, end] for r, end in enumerate(ends)], 15 / _ROW, 1, max(len(names), 2))
    for row, (name, last, height) in enumerate(zip(names, ends, heights, strict=True)):
        share = (last + 0.4) / (len(columns) - 0.2)
        add_line_label(
            figure,
            (share, float(ranks.iloc[row, last])),
            height,
            escape_markup(truncate_middle(name, 30)),
            theme.category_color(row),
        )
    return figure


def _add_rank_lines(figure: Figure, ranks: pd.DataFrame, names: list[str], columns: list[str]) -> None:
    for row, name in enumerate(names):
        values = [None if np.isnan(v) else float(v) for v in ranks.iloc[row]]
        color = theme.category_color(row)
        figure.add_scatter(
            x=list(range(len(columns))),
            y=values,
            mode="lines+markers",
            name=escape_markup(name),
            line={"color": color, "width": 2.4, "dash": theme.DASHES[row % len(theme.DASHES)]},
            marker={"color": color, "size": 9, "symbol": theme.SYMBOLS[row % len(theme.SYMBOLS)]},
            hoverinfo="text",
            hovertext=[
                f"<b>{escape_markup(name)}</b><br>{escape_markup(column)}: rank {value:g}" if value is not None else ""
                for column, value in zip(columns, values, strict=True)
            ],
        )


def _set_rank_axes(figure: Figure, columns: list[str], baselines: list[str], n_backbones: int) -> None:
    first = next((i for i, name in enumerate(columns) if name in baselines), None)
    for x in [0.5, *([first - 0.5] if first else [])]:
        figure.add_shape(
            type="line",
            xref="x",
            yref="y domain",
            x0=x,
            x1=x,
            y0=0,
            y1=1,
            line={"color": theme.REFERENCE_COLOR, "width": 1.2},
        )
    figure.update_xaxes(
        **theme.CATEGORY_AXIS,
        tickvals=list(range(len(columns))),
        ticktext=[escape_markup(name.replace("_", " ")) for name in columns],
        range=[-0.4, len(columns) - 0.6],
        tickangle=-35,
    )
    figure.update_yaxes(range=[n_backbones + 0.35, 0.65], tickvals=list(range(1, n_backbones + 1)), title_text="rank")


def _rank_flow_title(ranks: pd.DataFrame, names: list[str], scores: list[str], baselines: list[str]) -> str:
    if len(names) < 2:
        return "Nothing to compare"
    first = {s: {names[i] for i in np.flatnonzero(ranks[s] == ranks[s].min())} for s in ranks}
    voting = [s for s in scores if s in first]
    leading = [s for s in voting if names[0] in first[s]]
    lead = f"{truncate_middle(names[0], 34)} is first by {len(leading)} of {len(voting)} scores"
    opposed = [s.replace("_", " ") for s in baselines if s in first and names[0] not in first[s]]
    return f"{lead}; {join_names(opposed)} would choose a different backbone" if opposed else lead
