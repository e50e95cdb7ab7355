"""Precision and recall, class by class."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.arguments import check_arguments
from workbench.markers import Frame

from . import style
from .figure import Figure, page
from .placing import names_axis, percent_axis
from .words import percent, plain, short

_PRECISION, _RECALL = style.CATEGORIES[4], style.CATEGORIES[0]
_MOST = 40  # classes shown; of more, the weakest are what one looks for


ByClass = Annotated[
    Any,
    Frame(
        "precision and recall by class, as wb.evaluate(net, images) holds them",
        within="per_class",
        columns=("class",),
        shares=("precision", "recall"),
        rows=1,
    ),
]


@check_arguments
def per_class(
    frame: ByClass,
    *,
    title: str | None = None,
) -> Figure:
    """Precision and recall of every class as two bars, the weakest recall at the bottom.

    Args:
        frame: frame with class, precision and recall (within 0..1), optionally n (images of the class); or
            anything with `.per_class`, such as an evaluation.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: a column is missing.
    """
    frame = getattr(frame, "per_class", frame)
    rows = frame.sort_values("recall", ascending=True, kind="stable", na_position="first")
    left_out = max(len(rows) - _MOST, 0)
    heading = plain(title if title is not None else _answer(rows))
    rows = rows.head(_MOST).reset_index(drop=True)
    names = [short(n, 24) for n in rows["class"]]
    left = 28 + 6.6 * max([len(n) for n in names], default=4)
    step = 30 if len(rows) <= 20 else 22
    figure = page(
        heading,
        inner=step * len(rows),
        subtitle="weakest recall at the bottom" + (f"; {left_out} better classes left out" if left_out else ""),
        left=left,
        right=140,
        bottom=34,
        barmode="overlay",
    )
    for at, (column, colour) in enumerate((("recall", _RECALL), ("precision", _PRECISION))):
        _bars(figure, rows, column, colour, 0.02 if at == 0 else -0.36)
    _key(figure, rows)
    figure.update_xaxes(**percent_axis(0, 1), showgrid=True)
    figure.update_yaxes(**names_axis(names), **style.NAMES)
    return figure


def _bars(figure: Figure, rows: pd.DataFrame, column: str, colour: str, offset: float) -> None:
    values = rows[column].astype(float).fillna(0.0)
    figure.add_bar(
        x=values.tolist(),
        y=list(range(len(rows))),
        offset=offset,
        width=0.34,
        orientation="h",
        name=column,
        marker={"color": colour, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=[_told(row, column) for _, row in rows.iterrows()],
        text=[percent(v, 0) if pd.notna(v) else "none" for v in rows[column]],
        textposition="outside",
        textfont={"size": 10 if len(rows) <= 20 else 8},
        cliponaxis=False,
    )


def _key(figure: Figure, rows: pd.DataFrame) -> None:
    if rows.empty:
        return
    top = len(rows) - 1
    for column, at in (("recall", top + 0.19), ("precision", top - 0.19)):
        figure.add_annotation(
            xref="paper", x=1, xshift=48, y=at, text=column, xanchor="left", showarrow=False, font={"size": style.SMALL}
        )


def _told(row: pd.Series, column: str) -> str:
    images = f", {int(row['n'])} images" if "n" in row and pd.notna(row["n"]) else ""
    value = percent(row[column]) if pd.notna(row[column]) else "none"
    return f"<b>{plain(row['class'])}</b>{images}<br>{column} {value}"


def _answer(rows: pd.DataFrame) -> str:
    if rows["recall"].notna().sum() == 0:
        return "No class has images to measure recall on"
    known = rows[rows["recall"].notna()]
    worst, best = known.iloc[0], known.iloc[-1]
    if len(known) == 1:
        return f"{short(worst['class'], 24)} is recognised in {percent(worst['recall'], 0)} of its images"
    return (
        f"Recall runs from {percent(worst['recall'], 0)} ({short(worst['class'], 20)}) "
        f"to {percent(best['recall'], 0)} ({short(best['class'], 20)})"
    )
