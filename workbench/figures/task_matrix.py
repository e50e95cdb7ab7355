"""Which source helps which target: a matrix of accuracies, its columns comparable by colour."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Frame

from . import style
from .figure import Figure, page
from .words import plain, short

Accuracies = Annotated[
    Any,
    Frame(
        "accuracies by source and target, as wb.probes.affinity(nets, images) gives them",
        within="frame",
        columns=("source", "target"),
        shares=("accuracy",),
        rows=1,
    ),
]


@check_arguments
def affinity(
    frame: Accuracies,
    *,
    title: str | None = None,
) -> Figure:
    """A row a source, a column a target; the number is the accuracy, the colour its share of the column's range.

    Args:
        frame: frame with source, target and accuracy (0..1), and chance (0..1) if known; or anything with `.frame`.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: a column is missing, or a pair occurs twice.
    """
    table: pd.DataFrame = getattr(frame, "frame", frame)
    sources, targets = (list(table[c].drop_duplicates().astype(str)) for c in ("source", "target"))
    if len(table) != len(table[["source", "target"]].drop_duplicates()):
        raise BadValue("a pair of source and target occurs twice; average it first")
    values = table.pivot(index="source", columns="target", values="accuracy").loc[sources, targets].to_numpy(float)
    chance = _chance(table, targets, values)
    best = np.nanmax(values, axis=0)
    share = np.clip((values - chance) / np.maximum(best - chance, 1e-9), 0, 1)
    heading = plain(_answer(values, sources, targets)) if title is None else plain(title)
    return _drawn(values, share, sources, targets, heading)


def _chance(table: pd.DataFrame, targets: list[str], values: np.ndarray) -> np.ndarray:
    if "chance" not in table.columns:
        return np.nanmin(values, axis=0)
    return table.groupby("target", sort=False)["chance"].first().loc[targets].to_numpy(float)


def _answer(values: np.ndarray, sources: list[str], targets: list[str]) -> str:
    own = [t for t in targets if t in sources]
    best = {t: sources[int(np.nanargmax(values[:, i]))] for i, t in enumerate(targets)}
    if len(own) < 2:
        wins = [list(best.values()).count(s) for s in sources]
        leader = sources[int(np.argmax(wins))]
        return f"{short(leader, 30)} is the best source for {max(wins)} of {len(targets)} targets"
    kept = sum(best[t] == t for t in own)
    return f"{kept} of {len(own)} targets learn best from the source that was trained on them"


def _drawn(values: np.ndarray, share: np.ndarray, sources: list[str], targets: list[str], heading: str) -> Figure:
    rows, columns = values.shape
    cell, height = min(max(560 / columns, 44.0), 84.0), 30.0
    left = 34 + 0.56 * style.TEXT * max(len(short(s, 22)) for s in sources)
    width = max(left + cell * columns + 24, 580)
    figure = page(
        heading,
        width=width,
        inner=height * rows,
        left=left,
        right=width - left - cell * columns,
        bottom=74,
        subtitle="accuracy of a linear head on frozen features, %; bright: near the best source of the column",
    )
    figure.add_heatmap(
        x=list(range(columns)),
        y=list(range(rows)),
        z=share.round(4).tolist(),
        zmin=0,
        zmax=1,
        colorscale=[[at, colour] for at, colour in style.CIVIDIS],
        xgap=1,
        ygap=1,
        showscale=False,
        text=[[f"{100 * v:.0f}" if v == v else "" for v in row] for row in values],
        texttemplate="%{text}",
        hoverinfo="text",
        hovertext=[
            [f"<b>{plain(s)} → {plain(t)}</b><br>{100 * values[i, j]:.1f} %" for j, t in enumerate(targets)]
            for i, s in enumerate(sources)
        ],
    )
    ticks = {**style.NAMES, "ticklen": 3}
    figure.update_xaxes(
        **ticks,
        tickvals=list(range(columns)),
        ticktext=[plain(short(t, 14)) for t in targets],
        range=[-0.5, columns - 0.5],
        title_text="target task",
        tickangle=0 if max(len(short(t, 14)) for t in targets) * 7 < cell else -30,
    )
    figure.update_yaxes(
        **ticks,
        tickvals=list(range(rows)),
        ticktext=[plain(short(s, 22)) for s in sources],
        range=[rows - 0.5, -0.5],
        title_text="source",
    )
    return figure
