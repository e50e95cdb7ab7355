"""From score to score, which backbone stands where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.markers import Frame

from . import style
from .figure import Figure, leader, page
from .placing import spread
from .words import listed, plain, short, these_columns

_COLUMN, _ROW = 62, 34  # pixels


Ranked = Annotated[
    Any,
    Frame(
        "a ranking, as wb.rank(backbones, images) gives it",
        within="frame",
        columns=("backbone",),
        shares=("consensus",),
        rows=1,
    ),
]


@check_arguments
def rank_flow(
    frame: Ranked,
    scores: Sequence[str] | None = None,
    baselines: Sequence[str] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """A line a backbone through its places by consensus, every score and every baseline: crossings are quarrels.

    Args:
        frame: frame with backbone, consensus (0 best to 1 worst) and a column a score, larger is better; or a ranking,
            which brings the names of scores and baselines along.
        scores: names of the columns that are scores.
        baselines: names of those that are naive baselines, set apart at the right.
        title: replaces the answer.

    Raises:
        BadValue: a column is missing.
    """
    table: pd.DataFrame = getattr(frame, "frame", frame)
    scores = list(getattr(frame, "scores", scores) or ())
    baselines = list(getattr(frame, "baselines", baselines) or ())
    these_columns(table, ("backbone", "consensus", *scores, *baselines), "rank_flow")
    table = table[table["consensus"].notna()]
    told = [name for name in [*scores, *baselines] if table[name].nunique() > 1]
    # what some backbone lacks comes last: its line is not torn before
    told.sort(key=lambda name: (name in baselines, bool(table[name].isna().any())))
    columns = ["consensus", *told]
    places = table[columns].astype(float).rank(ascending=False)
    places["consensus"] = table["consensus"].rank(ascending=True)
    names = table["backbone"].astype(str).tolist()
    longest = max([len(short(n, 30)) for n in names], default=4)
    right = 44 + 6.6 * longest
    width = min(max(40 + _COLUMN * (len(columns) - 1) + right, 560), style.WIDEST)
    figure = page(
        plain(title if title is not None else _answer(places, names, scores, baselines)),
        width=width,
        inner=_ROW * max(len(names) - 1, 1) + 24,
        left=44,
        right=right,
        bottom=96,
        subtitle="place by each score, 1 is best; right of the line: naive baselines, which see no image",
    )
    _lines(figure, places, names, columns)
    _axes(figure, columns, baselines, len(names))
    ends = [int(np.flatnonzero(row)[-1]) for row in np.isfinite(places.to_numpy(float))]
    heights = spread([places.iloc[r, end] for r, end in enumerate(ends)], 15 / _ROW, 1, max(len(names), 2))
    for row, (name, last, height) in enumerate(zip(names, ends, heights, strict=True)):
        share = (last + 0.4) / (len(columns) - 0.2)
        leader(figure, (share, float(places.iloc[row, last])), height, plain(short(name, 30)), style.category(row))
    return figure


def _lines(figure: Figure, places: pd.DataFrame, names: list[str], columns: list[str]) -> None:
    for row, name in enumerate(names):
        values = [None if np.isnan(v) else float(v) for v in places.iloc[row]]
        colour = style.category(row)
        figure.add_scatter(
            x=list(range(len(columns))),
            y=values,
            mode="lines+markers",
            name=plain(name),
            line={"color": colour, "width": 2.4, "dash": style.DASHES[row % len(style.DASHES)]},
            marker={"color": colour, "size": 9, "symbol": style.SYMBOLS[row % len(style.SYMBOLS)]},
            hoverinfo="text",
            hovertext=[
                f"<b>{plain(name)}</b><br>{plain(column)}: place {value:g}" if value is not None else ""
                for column, value in zip(columns, values, strict=True)
            ],
        )


def _axes(figure: Figure, columns: list[str], baselines: list[str], count: int) -> None:
    first = next((i for i, name in enumerate(columns) if name in baselines), None)
    for at in [0.5, *([first - 0.5] if first else [])]:
        figure.add_shape(
            type="line", xref="x", yref="y domain", x0=at, x1=at, y0=0, y1=1, line={"color": style.RULE, "width": 1.2}
        )
    figure.update_xaxes(
        **style.NAMES,
        tickvals=list(range(len(columns))),
        ticktext=[plain(name.replace("_", " ")) for name in columns],
        range=[-0.4, len(columns) - 0.6],
        tickangle=-35,
    )
    figure.update_yaxes(range=[count + 0.35, 0.65], tickvals=list(range(1, count + 1)), title_text="place")


def _answer(places: pd.DataFrame, names: list[str], scores: list[str], baselines: list[str]) -> str:
    if len(names) < 2:
        return "Nothing to compare"
    first = {s: {names[i] for i in np.flatnonzero(places[s] == places[s].min())} for s in places}
    voted = [s for s in scores if s in first]
    led = [s for s in voted if names[0] in first[s]]
    said = f"{short(names[0], 34)} is first by {len(led)} of {len(voted)} scores"
    against = [s.replace("_", " ") for s in baselines if s in first and names[0] not in first[s]]
    return f"{said}; {listed(against)} would choose another" if against else said
