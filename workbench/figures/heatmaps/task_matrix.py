"""Transfer accuracy from every source to every target, colored per target."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.annotated_types import Frame
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_percent, truncate_middle

__all__ = ["task_affinity"]

AffinityFrame = Annotated[
    Any,
    Frame(
        "accuracies by source and target, as wb.probes.task_affinity(nets, images) gives them",
        attribute="frame",
        columns=("source", "target"),
        fraction_columns=("accuracy",),
        min_rows=1,
    ),
]


@check_arguments
def task_affinity(
    frame: AffinityFrame,
    *,
    title: str | None = None,
) -> Figure:
    """Plot the accuracy of every pair, one row per source and one column per target, colored by the column's range.

    Args:
        frame: frame with source, target and accuracy (0..1), and chance (0..1) if known; or any object with `.frame`.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: a column is missing, or a pair occurs twice.
    """
    table: pd.DataFrame = getattr(frame, "frame", frame)
    sources, targets = (list(table[c].drop_duplicates().astype(str)) for c in ("source", "target"))
    if len(table) != len(table[["source", "target"]].drop_duplicates()):
        raise BadValue("expected every pair of source and target once, got duplicates; average them first")
    values = table.pivot(index="source", columns="target", values="accuracy").loc[sources, targets].to_numpy(float)
    chance = _chance_by_target(table, targets, values)
    best = np.nanmax(values, axis=0)
    share = np.clip((values - chance) / np.maximum(best - chance, 1e-9), 0, 1)
    heading = escape_markup(_affinity_title(values, sources, targets)) if title is None else escape_markup(title)
    return _draw_affinity(values, share, sources, targets, heading)


def _chance_by_target(table: pd.DataFrame, targets: list[str], values: np.ndarray) -> np.ndarray:
    if "chance" not in table.columns:
        return np.nanmin(values, axis=0)
    return table.groupby("target", sort=False)["chance"].first().loc[targets].to_numpy(float)


def _affinity_title(values: np.ndarray, sources: list[str], targets: list[str]) -> str:
    own = [t for t in targets if t in sources]
    best = {t: sources[int(np.nanargmax(values[:, i]))] for i, t in enumerate(targets)}
    if len(own) < 2:
        wins = [list(best.values()).count(s) for s in sources]
        leader = sources[int(np.argmax(wins))]
        return f"{truncate_middle(leader, 30)} is the best source for {max(wins)} of {len(targets)} targets"
    n_own = sum(best[t] == t for t in own)
    return f"{n_own} of {len(own)} targets transfer best from the source trained on them"


def _draw_affinity(
    values: np.ndarray, fractions: np.ndarray, sources: list[str], targets: list[str], heading: str
) -> Figure:
    rows, columns = values.shape
    cell, height = min(max(560 / columns, 44.0), 84.0), 30.0
    left = 34 + 0.56 * theme.TEXT * max(len(truncate_middle(s, 22)) for s in sources)
    width = max(left + cell * columns + 24, 580)
    figure = create_figure(
        heading,
        width=width,
        plot_height=height * rows,
        left=left,
        right=width - left - cell * columns,
        bottom=74,
        subtitle="accuracy of a linear head on frozen features, %; bright: near the best source of the column",
    )
    figure.add_heatmap(
        x=list(range(columns)),
        y=list(range(rows)),
        z=fractions.round(4).tolist(),
        zmin=0,
        zmax=1,
        colorscale=[[stop, color] for stop, color in theme.CIVIDIS],
        xgap=1,
        ygap=1,
        showscale=False,
        text=[[f"{100 * v:.0f}" if v == v else "" for v in row] for row in values],
        texttemplate="%{text}",
        hoverinfo="text",
        hovertext=[
            [
                f"<b>{escape_markup(s)} → {escape_markup(t)}</b><br>{format_percent(values[i, j])}"
                for j, t in enumerate(targets)
            ]
            for i, s in enumerate(sources)
        ],
    )
    _set_affinity_axes(figure, sources, targets, cell)
    return figure


def _set_affinity_axes(figure: Figure, sources: list[str], targets: list[str], cell: float) -> None:
    rows, columns = len(sources), len(targets)
    ticks = {**theme.CATEGORY_AXIS, "ticklen": 3}
    figure.update_xaxes(
        **ticks,
        tickvals=list(range(columns)),
        ticktext=[escape_markup(truncate_middle(t, 14)) for t in targets],
        range=[-0.5, columns - 0.5],
        title_text="target task",
        tickangle=0 if max(len(truncate_middle(t, 14)) for t in targets) * 7 < cell else -30,
    )
    figure.update_yaxes(
        **ticks,
        tickvals=list(range(rows)),
        ticktext=[escape_markup(truncate_middle(s, 22)) for s in sources],
        range=[rows - 0.5, -0.5],
        title_text="source",
    )
