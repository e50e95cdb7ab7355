"""Accuracy gain or loss of a transfer per class."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.annotated_types import Fraction, Frame
from workbench.argument_checks import check_arguments
from workbench.figures.dots.intervals import add_zero_line, gain_color
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.label_layout import names_axis, pad_range
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_decimal, truncate_middle

__all__ = ["class_gaps"]

_MAX_CLASSES = 30  # classes shown; of more classes, those with the lowest gap


ClassGapFrame = Annotated[
    Any,
    Frame(
        "gaps by class, as wb.fit_controls(plan) holds them",
        attribute="per_class",
        columns=("class",),
        numeric_columns=("gap", "low", "high"),
        min_rows=1,
    ),
]


@check_arguments
def class_gaps(
    frame: ClassGapFrame,
    *,
    level: Fraction | None = None,
    title: str | None = None,
) -> Figure:
    """Plot the gap of every class as a bar from zero with its interval, the most harmed class at the top.

    Args:
        frame: frame with class, gap (-1..1), low and high, optionally n (number of test images); or any object with
            such a `.per_class`, such as a diagnosis' `controls`.
        level: confidence level of the intervals within 0..1, shown in the caption; `frame.level` by default.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: a column is missing.
    """
    level = level if level is not None else getattr(frame, "level", None)
    frame = getattr(frame, "per_class", frame)
    ordered = frame.sort_values("gap", kind="stable")
    left_out = max(len(ordered) - _MAX_CLASSES, 0)
    rows = ordered.head(_MAX_CLASSES).iloc[::-1].reset_index(drop=True)
    rows = rows.assign(**{c: 100 * rows[c].astype(float) for c in ("gap", "low", "high")})
    names = [truncate_middle(n, 26) for n in rows["class"]]
    captions = [f"whiskers: {level * 100:g} % interval"] if level else []
    captions += [f"{left_out} better classes not shown"] if left_out else []
    step = 28 if len(rows) <= 12 else 22
    figure = create_figure(
        escape_markup(title if title is not None else _gap_title(ordered)),
        plot_height=step * max(len(rows), 1),
        subtitle="; ".join(captions) or None,
        left=28 + 6.6 * max([len(n) for n in names], default=4),
        right=150 if "n" in rows else 80,
        above=30 if "n" in rows else 16,
    )
    _add_gap_bars(figure, rows)
    add_zero_line(figure)
    _add_gap_columns(figure, rows)
    figure.update_xaxes(
        range=list(pad_range([0.0, *rows["low"], *rows["high"]], 0.04, 0.04)),
        showgrid=True,
        title_text="your plan minus training from scratch, percentage points",
    )
    figure.update_yaxes(**names_axis(names), **theme.CATEGORY_AXIS)
    return figure


def _add_gap_bars(figure: Figure, rows: pd.DataFrame) -> None:
    colors = [gain_color(row.rename({"gap": "value"})) for _, row in rows.iterrows()]
    figure.add_bar(
        x=rows["gap"].tolist(),
        y=list(range(len(rows))),
        orientation="h",
        width=0.56,
        name="gap",
        marker={"color": colors, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=[_gap_hover(row) for _, row in rows.iterrows()],
    )
    for index, row in rows.iterrows():
        figure.add_scatter(
            x=[row["low"], row["high"]],
            y=[index, index],
            mode="lines",
            name="interval",
            line={"color": theme.NEUTRAL, "width": 1.5},
            hoverinfo="skip",
        )


def _add_gap_columns(figure: Figure, rows: pd.DataFrame) -> None:
    columns = [(64, "points", [format_decimal(v, 0, signed=True) for v in rows["gap"]])]
    if "n" in rows:
        columns.append((134, "images", [f"{int(n):,}" for n in rows["n"]]))
    for shift, heading, texts in columns:
        cells = [*((index, text, 0) for index, text in enumerate(texts)), (len(rows) - 0.4, heading, 10)]
        for y, text, up in cells if "n" in rows else cells[:-1]:
            figure.add_annotation(
                xref="paper",
                x=1,
                xshift=shift,
                y=y,
                yshift=up,
                text=text,
                xanchor="right",
                showarrow=False,
                font={"size": theme.SMALL if up else theme.TEXT},
            )


def _gap_hover(row: pd.Series) -> str:
    gap, low, high = (format_decimal(float(row[c]), 1, signed=True) for c in ("gap", "low", "high"))
    images = f"<br>{int(row['n'])} images" if "n" in row else ""
    return f"<b>{escape_markup(row['class'])}</b> {gap} points<br>{low} to {high}{images}"


def _gap_title(ordered: pd.DataFrame) -> str:
    if ordered.empty:
        return "No class has at least two test images"
    harmed, helped = (ordered["high"] < 0).sum(), (ordered["low"] > 0).sum()
    worst, best = ordered.iloc[0], ordered.iloc[-1]
    if harmed:
        also = f", and helps {helped}" if helped else ""
        most = (
            f"{truncate_middle(worst['class'], 24)} most, {format_decimal(100 * worst['gap'], 0, signed=True)} points"
        )
        return f"The transfer harms {harmed} of {len(ordered)} classes{also}; {most}"
    if helped:
        most = f"{truncate_middle(best['class'], 24)} most, {format_decimal(100 * best['gap'], 0, signed=True)} points"
        return f"The transfer harms no class clearly and helps {helped} of {len(ordered)}; {most}"
    return f"No clear difference in any of {len(ordered)} classes"
