"""Drift of the filters of each stage during training."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.annotated_types import HasAttributes
from workbench.argument_checks import check_arguments
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.frame_columns import check_columns
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_percent, truncate_middle

__all__ = ["filter_drift"]

_ROW, _MOST = 30, 300  # pixels per stage; filters drawn per stage


FilterDriftLike = Annotated[
    Any, HasAttributes("filter drifts, as wb.probes.filter_drift(before, after) gives them", ("frame", "stages"))
]


@check_arguments
def filter_drift(
    result: FilterDriftLike,
    *,
    title: str | None = None,
) -> Figure:
    """Plot the drift of every filter relative to its norm, one row per stage, with the median of the stage.

    Args:
        result: object with frame (stage, module, filter, relative_change, angle in degrees) and stages (stage,
            relative_change, angle), as `wb.probes.filter_drift` returns it.
        title: replaces the title computed from the stages.

    Raises:
        BadValue: a column is missing.
    """
    frame, stages = result.frame, result.stages
    check_columns(frame, ("stage", "module", "filter", "relative_change", "angle"), "filter_drift")
    names = [str(name) for name in stages["stage"]]
    figure = create_figure(
        escape_markup(title if title is not None else _drift_title(stages)),
        plot_height=_ROW * len(names),
        left=28 + 6.5 * max((len(truncate_middle(name, 24)) for name in names), default=4),
        right=132,
        subtitle="one dot per filter; line: median of the stage, with its angle at the right",
    )
    max_drift = max(float(np.nanmax(frame["relative_change"].replace(np.inf, np.nan).fillna(0))), 1e-6)
    for index, name in enumerate(names):
        part = frame[frame["stage"] == name]
        part = part.iloc[np.unique(np.linspace(0, len(part) - 1, _MOST).astype(int))]
        _add_stage_dots(figure, part, index, stages.iloc[index], max_drift)
    figure.update_xaxes(
        range=[-0.02 * max_drift, 1.05 * max_drift],
        showgrid=True,
        tickformat=".0%",
        title_text="drift relative to the filter's norm",
    )
    figure.update_yaxes(
        **theme.CATEGORY_AXIS,
        range=[len(names) - 0.4, -0.6],
        tickvals=list(range(len(names))),
        ticktext=[escape_markup(truncate_middle(name, 24)) for name in names],
    )
    return figure


def _add_stage_dots(figure: Figure, part: pd.DataFrame, index: int, row: pd.Series, max_drift: float) -> None:
    scatter = np.random.default_rng(index).uniform(-0.26, 0.26, len(part))
    figure.add_scatter(
        x=part["relative_change"].clip(upper=max_drift).round(5).tolist(),
        y=(index + scatter).round(3).tolist(),
        mode="markers",
        marker={"size": 4, "color": theme.with_opacity("#0072B2", 0.45)},
        hoverinfo="text",
        hovertext=[
            f"{escape_markup(p.module)}, filter {p.filter}<br>{format_percent(p.relative_change)}, {p.angle:.1f}°"
            for p in part.itertuples()
        ],
    )
    median = float(row["relative_change"])
    figure.add_scatter(
        x=[median, median],
        y=[index - 0.36, index + 0.36],
        mode="lines",
        line={"color": theme.ATTENTION, "width": 3},
        hoverinfo="skip",
    )
    figure.add_annotation(
        x=1,
        xref="paper",
        xanchor="left",
        y=index,
        text=f"  {format_percent(median)}, {row['angle']:.1f}°",
        showarrow=False,
    )


def _drift_title(stages: pd.DataFrame) -> str:
    if not stages["relative_change"].max() > 0:
        return "No filter changed"
    top = stages.loc[stages["relative_change"].idxmax()]
    n_unchanged = int((stages["relative_change"] == 0).sum())
    rest = f"; {n_unchanged} of {len(stages)} stages did not change" if n_unchanged else ""
    change = format_percent(top["relative_change"])
    return f"Filters of {truncate_middle(top['stage'], 24)} changed most: {change} of their norm{rest}"
