"""Do the scores say the same? Weighted Kendall tau between every two of them."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Frame

from . import style
from .figure import Figure, page
from .intervals import written
from .words import plain, short, short_number

Agreements = Annotated[Any, Frame("a square of agreements, as a ranking of wb.rank(...) holds it", within="agreement")]


@check_arguments
def agreement(
    frame: Agreements,
    *,
    title: str | None = None,
) -> Figure:
    """A square a pair: blue where two orders are reversed, orange where they are the same.

    Args:
        frame: square frame of numbers from -1 to 1 (NaN where there is none), names on both sides; or a ranking.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: not a square with the same names on both sides.
    """
    table: pd.DataFrame = getattr(frame, "agreement", frame)
    if not isinstance(table, pd.DataFrame) or list(table.index) != list(table.columns):
        raise BadValue("agreement wants a square frame with the same names on both sides")
    kept = [name for name in table.index if table.loc[name].drop(name).notna().any()]
    table = table.loc[kept, kept].astype(float)
    names = [plain(short(str(name).replace("_", " "), 18)) for name in kept]
    cell = min(max(440 / max(len(kept), 1), 34.0), 56.0)
    left = 30 + 6.6 * max([len(n) for n in names], default=4)
    width = max(left + cell * len(kept) + 24, 580)
    figure = page(
        plain(title) if title is not None else plain(_answer(table)),
        width=width,
        inner=0.72 * cell * max(len(kept), 1),
        left=left,
        right=width - left - cell * len(kept),
        bottom=92,
        subtitle="weighted Kendall τ: 1 the same order, −1 reversed; the top counts for more",
    )
    values = table.to_numpy()
    figure.add_heatmap(
        x=list(range(len(kept))),
        y=list(range(len(kept))),
        z=[[None if np.isnan(v) else round(v, 3) for v in row] for row in values.tolist()],
        zmin=-1,
        zmax=1,
        colorscale=[[at, colour] for at, colour in style.SIGNED],
        xgap=1,
        ygap=1,
        showscale=False,
        text=[["" if np.isnan(v) else written(v, False, 2) for v in row] for row in values],
        texttemplate="%{text}",
        hoverinfo="text",
        hovertext=[
            [f"{a} and {b}: {short_number(v)}" for b, v in zip(names, row, strict=True)]
            for a, row in zip(names, values, strict=True)
        ],
    )
    ticks = {**style.NAMES, "ticklen": 3}
    span = [-0.5, len(kept) - 0.5]
    figure.update_xaxes(**ticks, tickvals=list(range(len(kept))), ticktext=names, range=span, tickangle=-35)
    figure.update_yaxes(**ticks, tickvals=list(range(len(kept))), ticktext=names, range=span[::-1])
    return figure


def _answer(table: pd.DataFrame) -> str:
    names, values = list(table.index), table.to_numpy()
    above = [
        (values[i, j], names[i], names[j])
        for i in range(len(names))
        for j in range(i)
        if "consensus" not in (names[i], names[j]) and np.isfinite(values[i, j])
    ]
    if not above:
        return "No two orders to compare"
    mean = float(np.mean([v for v, _, _ in above]))
    worst, a, b = min(above, key=lambda pair: pair[0])
    least = f"least: {a} and {b}, ".replace("_", " ") + written(worst, False, 2)
    return f"Two orders agree with weighted τ {written(mean, False, 2)} on average; {least}"
