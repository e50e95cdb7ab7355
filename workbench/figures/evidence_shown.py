"""What speaks for a cause, whichever frame shows it."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Frame

from . import style
from .figure import Figure, page
from .intervals import comparison
from .named_lines import lines
from .placing import names_axis, padded
from .words import plain, short, short_number

_MOST = 16  # rows of bars; beyond, the greatest


Evidence = Annotated[Any, Frame("the frame of a finding, as a diagnosis holds it", rows=1)]


@check_arguments
def evidence(
    frame: Evidence,
    name: str = "evidence",
    *,
    title: str | None = None,
) -> Figure:
    """A finding's frame in the form that suits it.

    Names with value, low and high become dots with intervals; names with numbers become bars, one column beside the
    other; numbers over an ascending first column become lines.

    Args:
        frame: of a finding's `drawn`: a first column of names or of numbers, and columns of numbers.
        name: what the frame shows.
        title: replaces `name` with what is highest.

    Raises:
        BadValue: no column of numbers, or no rows.
    """
    numbers = [c for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c])]
    first = frame.columns[0] if len(frame.columns) else None
    if frame.empty or not numbers or numbers == [first]:
        raise BadValue(
            f"{name} has no numbers to draw: {len(frame)} rows, columns {', '.join(map(str, frame.columns))}"
        )
    if {"value", "low", "high"} <= set(frame.columns) and first not in numbers:
        rows = frame.rename(columns={first: "name"})
        return comparison(rows, axis=name, signed=bool((frame["low"] < 0).any()), digits=2, title=title or name)
    if first in numbers:
        return _lines(frame, [c for c in numbers if c != first], name, title)
    return _bars(frame, str(first), [str(c) for c in numbers], name, title)


def _lines(frame: pd.DataFrame, columns: list[Any], name: str, title: str | None) -> Figure:
    x = str(frame.columns[0])
    long = frame.melt(frame.columns[0], columns, "what", "value")
    counted = str(columns[0]) if len(columns) == 1 else "value"
    return lines(long, x, "value", "what", x_title=x, y_title=counted, title=title or name)


def _bars(frame: pd.DataFrame, names: str, columns: list[str], name: str, title: str | None) -> Figure:
    columns = columns[:3]
    rows = frame if len(frame) <= _MOST else frame.nlargest(_MOST, columns[0])
    rows = rows.iloc[::-1].reset_index(drop=True)
    labels = [short(n, 28) for n in rows[names]]
    high = 0.8 / len(columns)
    figure = page(
        plain(title or name),
        inner=max(26, 15 * len(columns) + 8) * len(rows),
        left=28 + 6.6 * max(len(n) for n in labels),
        right=60,
        showlegend=len(columns) > 1,
        barmode="overlay",
        above=34 if len(columns) > 1 else 16,
    )
    for at, column in enumerate(columns):
        figure.add_bar(
            x=rows[column].astype(float).tolist(),
            y=list(range(len(rows))),
            offset=0.4 - (at + 1) * high,
            width=high * 0.92,
            orientation="h",
            name=plain(column),
            showlegend=len(columns) > 1,
            marker={"color": style.category(at), "line": {"width": 0}},
            hoverinfo="text",
            hovertext=[
                f"<b>{plain(n)}</b><br>{plain(column)} {v:.4g}" for n, v in zip(rows[names], rows[column], strict=True)
            ],
            text=[short_number(float(f"{v:.3g}")) if v == v else "" for v in rows[column]],
            textposition="outside",
            textfont={"size": 10},
            cliponaxis=False,
        )
    spans = rows[columns].to_numpy(float)
    figure.update_xaxes(
        range=list(padded([0.0, *spans[spans == spans]], 0.0, 0.1)),
        showgrid=True,
        title_text=plain(columns[0]) if len(columns) == 1 else None,
    )
    figure.update_yaxes(**names_axis(labels), **style.NAMES)
    return figure
