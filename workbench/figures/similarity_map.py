"""How alike stages are: a heat map, and beside it what became of each stage that both nets have."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Like

from . import style
from .figure import Figure, page
from .words import listed, plain, short

METHODS = {"cka": "linear CKA", "svcca": "SVCCA", "pwcca": "PWCCA"}
MOVED = 0.9  # below this a stage counts as moved


Similar = Annotated[
    Any,
    Like(
        "similarities, as wb.probes.similarity(a, b, images) gives them",
        ("matrix", "rows", "columns", "names", "frame"),
    ),
]


@check_arguments
def similarity(
    found: Similar,
    *,
    title: str | None = None,
) -> Figure:
    """A row a stage of the first net, a column one of the second, bright where they say the same of the images.

    Where both nets have the stages, each one's similarity to itself stands on the right of its row, the stages that
    moved in another colour and shape.

    Args:
        found: anything with matrix (R, C) within -1..1, rows, columns, method, names, images and frame (stage,
            similarity, drift), such as what `wb.probes.similarity` gives.
        title: replaces the answer read from the numbers.

    Raises:
        BadValue: no such fields, or names that do not fit the matrix.
    """
    missing = [n for n in ("matrix", "rows", "columns", "names", "frame") if not hasattr(found, n)]
    if missing:
        raise BadValue(f"similarity wants what wb.probes.similarity gives; {type(found).__name__} has no {missing[0]}")
    matrix = np.asarray(found.matrix, dtype=float)
    rows, columns = list(map(str, found.rows)), list(map(str, found.columns))
    if matrix.shape != (len(rows), len(columns)) or not matrix.size:
        raise BadValue(f"{len(rows)} rows and {len(columns)} columns do not name a matrix {matrix.shape}")
    return _drawn(found, matrix, rows, columns, plain(answer(found) if title is None else title))


def answer(found: Any) -> str:
    """What the comparison says, in a sentence."""
    frame, matrix, rows = found.frame, np.asarray(found.matrix), found.rows
    if len(frame):
        least = frame.loc[frame["similarity"].idxmin()]
        if least["similarity"] >= MOVED:
            return f"No stage differs much: {short(least['stage'], 24)} is still {least['similarity']:.2f} alike"
        stayed = int((frame["similarity"] >= MOVED).sum())
        kept = f", {stayed} of {len(frame)} stay above {MOVED:g}" if stayed else ", and none stays above 0.9"
        return f"{short(least['stage'], 24)} differs most: {least['similarity']:.2f} alike{kept}"
    if len(rows) > 1 and found.names[0] == found.names[1]:
        steps = np.diag(matrix, 1)
        at = int(steps.argmin())
        return f"The greatest step is from {short(rows[at], 24)} to {short(rows[at + 1], 24)}: {steps[at]:.2f} alike"
    at = np.unravel_index(int(matrix.argmax()), matrix.shape)
    return (
        f"The two nets agree most at {short(rows[at[0]], 20)} and {short(found.columns[at[1]], 20)}: {matrix.max():.2f}"
    )


def _drawn(found: Any, matrix: np.ndarray, rows: list[str], columns: list[str], heading: str) -> Figure:
    names = [short(n, 26) for n in found.names]
    cell = min(max(440 / max(len(rows), len(columns)), 16.0), 46.0)
    left = 34 + 0.56 * style.TEXT * max(len(short(r, 18)) for r in rows) + 16
    beside = 190.0 if len(found.frame) else 24.0
    width = max(left + cell * len(columns) + beside, 640)
    method = METHODS.get(found.method, str(found.method))
    figure = page(
        heading,
        width=width,
        inner=cell * len(rows),
        left=left,
        right=width - left - cell * len(columns),
        bottom=44 + 0.4 * style.TEXT * max(len(short(c, 14)) for c in columns),
        above=16 + 12 * bool(len(found.frame)),
        subtitle=f"{method} over {found.images:,} images; bright: the same, dark: unrelated{_constant(found)}",
    )
    _heat(figure, matrix, rows, columns, names, cell)
    if len(found.frame):
        _beside(figure, found.frame, rows, cell * len(columns))
    _axes(figure, rows, columns, names)
    return figure


def _constant(found: Any) -> str:
    """The stages whose row or column is 0 since they say the same of every image."""
    names = list(dict.fromkeys(str(c).partition(": ")[2] for c in getattr(found, "constant", ())))
    return f"; {plain(listed(short(n, 18) for n in names[:3]))} constant" if names else ""


def _heat(
    figure: Figure, matrix: np.ndarray, rows: list[str], columns: list[str], names: list[str], cell: float
) -> None:
    written = [[f"{v:.2f}".replace("-", "−") for v in row] for row in matrix] if cell >= 34 else None
    one, other = (plain(n) for n in names)
    figure.add_heatmap(
        x=list(range(len(columns))),
        y=list(range(len(rows))),
        z=matrix.clip(0, 1).round(4).tolist(),
        zmin=0,
        zmax=1,
        colorscale=[[at, colour] for at, colour in style.CIVIDIS],
        xgap=1,
        ygap=1,
        showscale=False,
        text=written,
        texttemplate="%{text}" if written else None,
        hoverinfo="text",
        hovertext=[
            [f"<b>{matrix[i, j]:.3f}</b><br>{one}: {plain(r)}<br>{other}: {plain(c)}" for j, c in enumerate(columns)]
            for i, r in enumerate(rows)
        ],
    )


def _beside(figure: Figure, frame: pd.DataFrame, rows: list[str], inner: float) -> None:
    """What became of each stage: a bar from nothing to its similarity with itself, and the number."""
    start, length = 1 + 14 / inner, 70 / inner
    notes = [("same stage", -0.5, start, "left"), ("drift", -0.5, start + 152 / inner, "right")]
    for row in frame.itertuples():
        at, moved = rows.index(str(row.stage)), row.similarity < MOVED
        figure.add_shape(
            type="rect",
            xref="paper",
            x0=start,
            x1=start + length * max(row.similarity, 0),
            y0=at - 0.22,
            y1=at + 0.22,
            fillcolor=style.LOSS if moved else style.NEUTRAL,
            opacity=1 if moved else 0.4,
            line={"width": 0},
        )
        number = f"{row.similarity:.2f}".replace("-", "−")
        notes.append((f"<b>{number}</b>" if moved else number, at, start + length + 34 / inner, "right"))
        if math.isfinite(row.drift):
            notes.append((f"{row.drift:.2f}", at, start + 152 / inner, "right"))
    for text, y, x, anchor in notes:
        figure.add_annotation(
            text=text,
            xref="paper",
            x=x,
            y=y,
            yshift=10 if y == -0.5 else 0,
            xanchor=anchor,
            showarrow=False,
            font={"size": style.SMALL},
        )


def _axes(figure: Figure, rows: list[str], columns: list[str], names: list[str]) -> None:
    ticks = {**style.NAMES, "ticklen": 3}
    figure.update_xaxes(
        **ticks,
        tickvals=list(range(len(columns))),
        ticktext=[plain(short(c, 14)) for c in columns],
        range=[-0.5, len(columns) - 0.5],
        title_text=plain(names[1]),
        tickangle=-45,
    )
    figure.update_yaxes(
        **ticks,
        tickvals=list(range(len(rows))),
        ticktext=[plain(short(r, 18)) for r in rows],
        range=[len(rows) - 0.5, -0.5],
        title_text=plain(names[0]),
    )
