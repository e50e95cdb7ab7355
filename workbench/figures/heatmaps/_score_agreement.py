"""Agreement of scores: weighted Kendall tau between every two of them."""

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
from workbench.formatting import format_decimal, format_number, truncate_middle

__all__ = ["score_agreement"]

AgreementFrame = Annotated[
    Any, Frame("a square of agreements, as a ranking of wb.rank_backbones(...) holds it", attribute="agreement")
]


@check_arguments
def score_agreement(
    frame: AgreementFrame,
    *,
    title: str | None = None,
) -> Figure:
    """Plot one square per pair of scores: blue for reversed orders, orange for equal ones.

    Args:
        frame: square frame of numbers from -1 to 1 (NaN where undefined), with the same names on both sides; or a
            ranking.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: not a square with the same names on both sides.
    """
    table: pd.DataFrame = getattr(frame, "agreement", frame)
    if not isinstance(table, pd.DataFrame) or list(table.index) != list(table.columns):
        raise BadValue("expected a square frame with the same names on both sides")
    scores = [name for name in table.index if table.loc[name].drop(name).notna().any()]
    table = table.loc[scores, scores].astype(float)
    names = [escape_markup(truncate_middle(str(name).replace("_", " "), 18)) for name in scores]
    cell = min(max(440 / max(len(scores), 1), 34.0), 56.0)
    left = 30 + 6.6 * max([len(n) for n in names], default=4)
    width = max(left + cell * len(scores) + 24, 580)
    figure = create_figure(
        escape_markup(title) if title is not None else escape_markup(_agreement_title(table)),
        width=width,
        plot_height=0.72 * cell * max(len(scores), 1),
        left=left,
        right=width - left - cell * len(scores),
        bottom=92,
        subtitle="weighted Kendall τ: 1 the same order, −1 reversed; top ranks weigh more",
    )
    values = table.to_numpy()
    figure.add_heatmap(
        x=list(range(len(scores))),
        y=list(range(len(scores))),
        z=[[None if np.isnan(v) else round(v, 3) for v in row] for row in values.tolist()],
        zmin=-1,
        zmax=1,
        colorscale=[[stop, color] for stop, color in theme.DIVERGING],
        xgap=1,
        ygap=1,
        showscale=False,
        text=[["" if np.isnan(v) else format_decimal(v, 2) for v in row] for row in values],
        texttemplate="%{text}",
        hoverinfo="text",
        hovertext=[
            [f"{a} and {b}: {format_number(v)}" for b, v in zip(names, row, strict=True)]
            for a, row in zip(names, values, strict=True)
        ],
    )
    ticks = {**theme.CATEGORY_AXIS, "ticklen": 3}
    span = [-0.5, len(scores) - 0.5]
    figure.update_xaxes(**ticks, tickvals=list(range(len(scores))), ticktext=names, range=span, tickangle=-35)
    figure.update_yaxes(**ticks, tickvals=list(range(len(scores))), ticktext=names, range=span[::-1])
    return figure


def _agreement_title(table: pd.DataFrame) -> str:
    names, values = list(table.index), table.to_numpy()
    pairs = [
        (values[i, j], names[i], names[j])
        for i in range(len(names))
        for j in range(i)
        if "consensus" not in (names[i], names[j]) and np.isfinite(values[i, j])
    ]
    if not pairs:
        return "Fewer than two scores to compare"
    mean = float(np.mean([v for v, _, _ in pairs]))
    worst, a, b = min(pairs, key=lambda pair: pair[0])
    least = f"least: {a} and {b}, ".replace("_", " ") + format_decimal(worst, 2)
    return f"Scores agree with weighted τ {format_decimal(mean, 2)} on average; {least}"
