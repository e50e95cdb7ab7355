"""Precision and recall per class."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.annotated_types import Frame
from workbench.argument_checks import check_arguments
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.label_layout import names_axis, percent_axis
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_percent, truncate_middle

__all__ = ["precision_recall_bars"]

_PRECISION, _RECALL = theme.CATEGORIES[4], theme.CATEGORIES[0]
_MAX_CLASSES = 40  # classes shown; of more classes, those with the lowest recall


ClassMetrics = Annotated[
    Any,
    Frame(
        "precision and recall by class, as wb.evaluate(net, images) holds them",
        attribute="per_class",
        columns=("class",),
        fraction_columns=("precision", "recall"),
        min_rows=1,
    ),
]


@check_arguments
def precision_recall_bars(
    frame: ClassMetrics,
    *,
    title: str | None = None,
) -> Figure:
    """Plot precision and recall of every class as two bars, the lowest recall at the bottom.

    Args:
        frame: frame with class, precision and recall (within 0..1), optionally n (images of the class); or
            any object with `.per_class`, such as an evaluation.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: a column is missing.
    """
    frame = getattr(frame, "per_class", frame)
    rows = frame.sort_values("recall", ascending=True, kind="stable", na_position="first")
    left_out = max(len(rows) - _MAX_CLASSES, 0)
    heading = escape_markup(title if title is not None else _recall_title(rows))
    rows = rows.head(_MAX_CLASSES).reset_index(drop=True)
    names = [truncate_middle(n, 24) for n in rows["class"]]
    left = 28 + 6.6 * max([len(n) for n in names], default=4)
    step = 30 if len(rows) <= 20 else 22
    figure = create_figure(
        heading,
        plot_height=step * len(rows),
        subtitle="lowest recall at the bottom" + (f"; {left_out} better classes not shown" if left_out else ""),
        left=left,
        right=140,
        bottom=34,
        barmode="overlay",
    )
    for index, (column, color) in enumerate((("recall", _RECALL), ("precision", _PRECISION))):
        _add_class_bars(figure, rows, column, color, 0.02 if index == 0 else -0.36)
    _label_metrics(figure, rows)
    figure.update_xaxes(**percent_axis(0, 1), showgrid=True)
    figure.update_yaxes(**names_axis(names), **theme.CATEGORY_AXIS)
    return figure


def _add_class_bars(figure: Figure, rows: pd.DataFrame, column: str, color: str, offset: float) -> None:
    values = rows[column].astype(float).fillna(0.0)
    figure.add_bar(
        x=values.tolist(),
        y=list(range(len(rows))),
        offset=offset,
        width=0.34,
        orientation="h",
        name=column,
        meta={"categories": [str(name) for name in rows["class"]]},
        marker={"color": color, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=[_class_hover(row, column) for _, row in rows.iterrows()],
        text=[format_percent(v, 0) if pd.notna(v) else "none" for v in rows[column]],
        textposition="outside",
        textfont={"size": 10 if len(rows) <= 20 else 8},
        cliponaxis=False,
    )


def _label_metrics(figure: Figure, rows: pd.DataFrame) -> None:
    if rows.empty:
        return
    top = len(rows) - 1
    for column, y in (("recall", top + 0.19), ("precision", top - 0.19)):
        figure.add_annotation(
            xref="paper", x=1, xshift=48, y=y, text=column, xanchor="left", showarrow=False, font={"size": theme.SMALL}
        )


def _class_hover(row: pd.Series, column: str) -> str:
    images = f", {int(row['n'])} images" if "n" in row and pd.notna(row["n"]) else ""
    value = format_percent(row[column]) if pd.notna(row[column]) else "none"
    return f"<b>{escape_markup(row['class'])}</b>{images}<br>{column} {value}"


def _recall_title(rows: pd.DataFrame) -> str:
    if rows["recall"].notna().sum() == 0:
        return "No class has images to measure recall on"
    known = rows[rows["recall"].notna()]
    worst, best = known.iloc[0], known.iloc[-1]
    if len(known) == 1:
        return (
            f"{truncate_middle(worst['class'], 24)} is recognized in {format_percent(worst['recall'], 0)} of its images"
        )
    return (
        f"Recall ranges from {format_percent(worst['recall'], 0)} ({truncate_middle(worst['class'], 20)}) "
        f"to {format_percent(best['recall'], 0)} ({truncate_middle(best['class'], 20)})"
    )
