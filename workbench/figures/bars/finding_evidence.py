"""Evidence of a finding as the chart that fits its frame."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.annotated_types import Frame
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.curves.labeled_lines import line_chart
from workbench.figures.dots.intervals import interval_plot
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.label_layout import names_axis, pad_range
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_number, truncate_middle

__all__ = ["evidence_chart"]

_MAX_ROWS = 16  # rows of bars; of more rows, those with the greatest values


EvidenceFrame = Annotated[Any, Frame("the frame of a finding, as a diagnosis holds it", min_rows=1)]


@check_arguments
def evidence_chart(
    frame: EvidenceFrame,
    name: str = "evidence",
    *,
    title: str | None = None,
) -> Figure:
    """Plot the frame of a finding as intervals, bars or lines, depending on its columns.

    Names with value, low and high become dots with intervals; names with numbers become bars, one bar per column;
    numbers over an ascending first column become lines.

    Args:
        frame: frame of a finding: a first column of names or of numbers, and columns of numbers.
        name: description of the frame.
        title: replaces `name` as title.

    Raises:
        BadValue: no column of numbers, or no rows.
    """
    numbers = [c for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c])]
    first = frame.columns[0] if len(frame.columns) else None
    if frame.empty or not numbers or numbers == [first]:
        raise BadValue(
            f"{name} has no numeric column to draw: {len(frame)} rows, columns {', '.join(map(str, frame.columns))}"
        )
    if {"value", "low", "high"} <= set(frame.columns) and first not in numbers:
        rows = frame.rename(columns={first: "name"})
        return interval_plot(
            rows, axis_title=name, signed=bool((frame["low"] < 0).any()), digits=2, title=title or name
        )
    if first in numbers:
        return _evidence_lines(frame, [c for c in numbers if c != first], name, title)
    return _evidence_bars(frame, str(first), [str(c) for c in numbers], name, title)


def _evidence_lines(frame: pd.DataFrame, columns: list[Any], name: str, title: str | None) -> Figure:
    x = str(frame.columns[0])
    long = frame.melt(frame.columns[0], columns, "what", "value")
    y_title = str(columns[0]) if len(columns) == 1 else "value"
    return line_chart(long, x, "value", "what", x_title=x, y_title=y_title, title=title or name)


def _evidence_bars(frame: pd.DataFrame, names: str, columns: list[str], name: str, title: str | None) -> Figure:
    columns = columns[:3]
    rows = frame if len(frame) <= _MAX_ROWS else frame.nlargest(_MAX_ROWS, columns[0])
    rows = rows.iloc[::-1].reset_index(drop=True)
    labels = [truncate_middle(n, 28) for n in rows[names]]
    bar_height = 0.8 / len(columns)
    figure = create_figure(
        escape_markup(title or name),
        plot_height=max(26, 15 * len(columns) + 8) * len(rows),
        left=28 + 6.6 * max(len(n) for n in labels),
        right=60,
        showlegend=len(columns) > 1,
        barmode="overlay",
        above=34 if len(columns) > 1 else 16,
    )
    for index, column in enumerate(columns):
        figure.add_bar(
            x=rows[column].astype(float).tolist(),
            y=list(range(len(rows))),
            offset=0.4 - (index + 1) * bar_height,
            width=bar_height * 0.92,
            orientation="h",
            name=escape_markup(column),
            showlegend=len(columns) > 1,
            marker={"color": theme.category_color(index), "line": {"width": 0}},
            hoverinfo="text",
            hovertext=[
                f"<b>{escape_markup(n)}</b><br>{escape_markup(column)} {v:.4g}"
                for n, v in zip(rows[names], rows[column], strict=True)
            ],
            text=[format_number(float(f"{v:.3g}")) if v == v else "" for v in rows[column]],
            textposition="outside",
            textfont={"size": 10},
            cliponaxis=False,
        )
    spans = rows[columns].to_numpy(float)
    figure.update_xaxes(
        range=list(pad_range([0.0, *spans[spans == spans]], 0.0, 0.1)),
        showgrid=True,
        title_text=escape_markup(columns[0]) if len(columns) == 1 else None,
    )
    figure.update_yaxes(**names_axis(labels), **theme.CATEGORY_AXIS)
    return figure
