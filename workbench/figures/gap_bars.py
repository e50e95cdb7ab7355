"""Which classes a transfer helps, and which it harms."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.arguments import check_arguments
from workbench.markers import Frame, Share

from . import style
from .figure import Figure, page
from .intervals import gain_colour, written, zero_line
from .placing import names_axis, padded
from .words import plain, short

_MOST = 30  # classes shown: the most harmed; of fewer, all


ClassGaps = Annotated[
    Any,
    Frame(
        "gaps by class, as wb.controls(plan) holds them",
        within="per_class",
        columns=("class",),
        numbers=("gap", "low", "high"),
        rows=1,
    ),
]


@check_arguments
def class_gaps(
    frame: ClassGaps,
    *,
    level: Share | None = None,
    title: str | None = None,
) -> Figure:
    """The gap of every class as a bar from zero with its interval, the most harmed on top.

    Args:
        frame: frame with class, gap (-1..1), low and high, optionally n (images judged); or anything with such a
            `.per_class`, such as a diagnosis' `controls`.
        level: level of the intervals within 0..1, told in the caption; that of `frame` if it says one.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: a column is missing.
    """
    level = level if level is not None else getattr(frame, "level", None)
    frame = getattr(frame, "per_class", frame)
    ordered = frame.sort_values("gap", kind="stable")
    left_out = max(len(ordered) - _MOST, 0)
    rows = ordered.head(_MOST).iloc[::-1].reset_index(drop=True)
    rows = rows.assign(**{c: 100 * rows[c].astype(float) for c in ("gap", "low", "high")})
    names = [short(n, 26) for n in rows["class"]]
    told = [f"whiskers: {level * 100:g} % interval"] if level else []
    told += [f"{left_out} better classes left out"] if left_out else []
    step = 28 if len(rows) <= 12 else 22
    figure = page(
        plain(title if title is not None else _answer(ordered)),
        inner=step * max(len(rows), 1),
        subtitle="; ".join(told) or None,
        left=28 + 6.6 * max([len(n) for n in names], default=4),
        right=150 if "n" in rows else 80,
        above=30 if "n" in rows else 16,
    )
    _bars(figure, rows)
    zero_line(figure)
    _beside(figure, rows)
    figure.update_xaxes(
        range=list(padded([0.0, *rows["low"], *rows["high"]], 0.04, 0.04)),
        showgrid=True,
        title_text="your plan less training from scratch, points",
    )
    figure.update_yaxes(**names_axis(names), **style.NAMES)
    return figure


def _bars(figure: Figure, rows: pd.DataFrame) -> None:
    colours = [gain_colour(row.rename({"gap": "value"})) for _, row in rows.iterrows()]
    figure.add_bar(
        x=rows["gap"].tolist(),
        y=list(range(len(rows))),
        orientation="h",
        width=0.56,
        name="gap",
        marker={"color": colours, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=[_told(row) for _, row in rows.iterrows()],
    )
    for at, row in rows.iterrows():
        figure.add_scatter(
            x=[row["low"], row["high"]],
            y=[at, at],
            mode="lines",
            name="interval",
            line={"color": style.NEUTRAL, "width": 1.5},
            hoverinfo="skip",
        )


def _beside(figure: Figure, rows: pd.DataFrame) -> None:
    columns = [(64, "points", [written(v, True, 0) for v in rows["gap"]])]
    if "n" in rows:
        columns.append((134, "images", [f"{int(n):,}" for n in rows["n"]]))
    for shift, heading, texts in columns:
        cells = [*((at, text, 0) for at, text in enumerate(texts)), (len(rows) - 0.4, heading, 10)]
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
                font={"size": style.SMALL if up else style.TEXT},
            )


def _told(row: pd.Series) -> str:
    gap, low, high = (written(float(row[c]), True, 1) for c in ("gap", "low", "high"))
    images = f"<br>{int(row['n'])} images" if "n" in row else ""
    return f"<b>{plain(row['class'])}</b> {gap} points<br>{low} to {high}{images}"


def _answer(ordered: pd.DataFrame) -> str:
    if ordered.empty:
        return "No class has two images to judge by"
    harmed, helped = (ordered["high"] < 0).sum(), (ordered["low"] > 0).sum()
    worst, best = ordered.iloc[0], ordered.iloc[-1]
    if harmed:
        also = f", and helps {helped}" if helped else ""
        most = f"{short(worst['class'], 24)} most, {written(100 * worst['gap'], True, 0)} points"
        return f"The transfer harms {harmed} of {len(ordered)} classes{also}; {most}"
    if helped:
        most = f"{short(best['class'], 24)} most, {written(100 * best['gap'], True, 0)} points"
        return f"The transfer harms no class clearly and helps {helped} of {len(ordered)}; {most}"
    return f"In none of {len(ordered)} classes is the difference clear of chance"
