"""Similarity of the representations of stages, with the drift of each stage that both nets have."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.annotated_types import HasAttributes
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.markup import escape_markup
from workbench.formatting import join_names, truncate_middle

__all__ = ["stage_similarity"]

METHOD_TITLES = {"cka": "linear CKA", "svcca": "SVCCA", "pwcca": "PWCCA"}
DRIFT_THRESHOLD = 0.9  # similarity below which a stage counts as changed


SimilarityLike = Annotated[
    Any,
    HasAttributes(
        "similarities, as wb.probes.similarity(a, b, images) gives them",
        ("matrix", "rows", "columns", "names", "frame"),
    ),
]


@check_arguments
def stage_similarity(
    result: SimilarityLike,
    *,
    title: str | None = None,
) -> Figure:
    """Plot the similarity of stages: one row per stage of the first net, one column per stage of the second.

    If both nets have the same stages, the similarity of each stage to itself is shown at the right of its row, with
    changed stages in another color.

    Args:
        result: object with matrix (R, C) within -1..1, rows, columns, method, names, n_images and frame (stage,
            similarity, drift), such as the result of `wb.probes.similarity`.
        title: replaces the title computed from the numbers.

    Raises:
        BadValue: no such fields, or names that do not match the matrix.
    """
    missing = [n for n in ("matrix", "rows", "columns", "names", "frame") if not hasattr(result, n)]
    if missing:
        raise BadValue(f"expected a result of wb.probes.similarity; {type(result).__name__} has no {missing[0]}")
    matrix = np.asarray(result.matrix, dtype=float)
    rows, columns = list(map(str, result.rows)), list(map(str, result.columns))
    if matrix.shape != (len(rows), len(columns)) or not matrix.size:
        raise BadValue(f"{len(rows)} rows and {len(columns)} columns do not match a matrix {matrix.shape}")
    return _draw_similarity(
        result, matrix, rows, columns, escape_markup(_similarity_title(result) if title is None else title)
    )


def _similarity_title(result: Any) -> str:
    frame, matrix, rows = result.frame, np.asarray(result.matrix), result.rows
    if len(frame):
        least = frame.loc[frame["similarity"].idxmin()]
        if least["similarity"] >= DRIFT_THRESHOLD:
            return (
                f"No stage differs much: {truncate_middle(least['stage'], 24)} is still {least['similarity']:.2f} alike"
            )
        n_similar = int((frame["similarity"] >= DRIFT_THRESHOLD).sum())
        rest = (
            f", {n_similar} of {len(frame)} stay above {DRIFT_THRESHOLD:g}"
            if n_similar
            else ", and none stays above 0.9"
        )
        return f"{truncate_middle(least['stage'], 24)} differs most: {least['similarity']:.2f} alike{rest}"
    if len(rows) > 1 and result.names[0] == result.names[1]:
        steps = np.diag(matrix, 1)
        least = int(steps.argmin())
        before, after = (truncate_middle(rows[k], 24) for k in (least, least + 1))
        return f"The largest change is from {before} to {after}: {steps[least]:.2f} alike"
    row, column = np.unravel_index(int(matrix.argmax()), matrix.shape)
    first, second = truncate_middle(rows[row], 20), truncate_middle(result.columns[column], 20)
    return f"The two nets agree most at {first} and {second}: {matrix.max():.2f}"


def _draw_similarity(result: Any, matrix: np.ndarray, rows: list[str], columns: list[str], heading: str) -> Figure:
    names = [truncate_middle(n, 26) for n in result.names]
    cell = min(max(440 / max(len(rows), len(columns)), 16.0), 46.0)
    left = 34 + 0.56 * theme.TEXT * max(len(truncate_middle(r, 18)) for r in rows) + 16
    right = 190.0 if len(result.frame) else 24.0
    width = max(left + cell * len(columns) + right, 640)
    method = METHOD_TITLES.get(result.method, str(result.method))
    figure = create_figure(
        heading,
        width=width,
        plot_height=cell * len(rows),
        left=left,
        right=width - left - cell * len(columns),
        bottom=44 + 0.4 * theme.TEXT * max(len(truncate_middle(c, 14)) for c in columns),
        above=16 + 12 * bool(len(result.frame)),
        subtitle=f"{method} over {result.n_images:,} images; bright: the same, dark: unrelated"
        + _constant_stages_note(result),
    )
    _add_similarity_cells(figure, matrix, rows, columns, names, cell)
    if len(result.frame):
        _add_drift_column(figure, result.frame, rows, cell * len(columns))
    _set_stage_axes(figure, rows, columns, names)
    return figure


def _constant_stages_note(result: Any) -> str:
    """Return a note on stages whose row or column is 0 because their representation is equal for every image."""
    names = list(dict.fromkeys(str(c).partition(": ")[2] for c in getattr(result, "constant_stages", ())))
    return f"; {escape_markup(join_names(truncate_middle(n, 18) for n in names[:3]))} constant" if names else ""


def _add_similarity_cells(
    figure: Figure, matrix: np.ndarray, rows: list[str], columns: list[str], names: list[str], cell_size: float
) -> None:
    cell_texts = [[f"{v:.2f}".replace("-", "−") for v in row] for row in matrix] if cell_size >= 34 else None
    first, second = (escape_markup(n) for n in names)
    figure.add_heatmap(
        x=list(range(len(columns))),
        y=list(range(len(rows))),
        z=matrix.clip(0, 1).round(4).tolist(),
        zmin=0,
        zmax=1,
        meta={"rows": rows, "columns": columns},
        colorscale=[[stop, color] for stop, color in theme.CIVIDIS],
        xgap=1,
        ygap=1,
        showscale=False,
        text=cell_texts,
        texttemplate="%{text}" if cell_texts else None,
        hoverinfo="text",
        hovertext=[
            [
                f"<b>{matrix[i, j]:.3f}</b><br>{first}: {escape_markup(r)}<br>{second}: {escape_markup(c)}"
                for j, c in enumerate(columns)
            ]
            for i, r in enumerate(rows)
        ],
    )


def _add_drift_column(figure: Figure, frame: pd.DataFrame, rows: list[str], plot_width: float) -> None:
    """Add a bar with the similarity of each stage to itself, and the numbers."""
    start, length = 1 + 14 / plot_width, 70 / plot_width
    notes = [("same stage", -0.5, start, "left"), ("drift", -0.5, start + 152 / plot_width, "right")]
    for row in frame.itertuples():
        index, has_changed = rows.index(str(row.stage)), row.similarity < DRIFT_THRESHOLD
        figure.add_shape(
            type="rect",
            xref="paper",
            x0=start,
            x1=start + length * max(row.similarity, 0),
            y0=index - 0.22,
            y1=index + 0.22,
            fillcolor=theme.LOSS if has_changed else theme.NEUTRAL,
            opacity=1 if has_changed else 0.4,
            line={"width": 0},
        )
        number = f"{row.similarity:.2f}".replace("-", "−")
        notes.append((f"<b>{number}</b>" if has_changed else number, index, start + length + 34 / plot_width, "right"))
        if math.isfinite(row.drift):
            notes.append((f"{row.drift:.2f}", index, start + 152 / plot_width, "right"))
    for text, y, x, anchor in notes:
        figure.add_annotation(
            text=text,
            xref="paper",
            x=x,
            y=y,
            yshift=10 if y == -0.5 else 0,
            xanchor=anchor,
            showarrow=False,
            font={"size": theme.SMALL},
        )


def _set_stage_axes(figure: Figure, rows: list[str], columns: list[str], names: list[str]) -> None:
    ticks = {**theme.CATEGORY_AXIS, "ticklen": 3}
    figure.update_xaxes(
        **ticks,
        tickvals=list(range(len(columns))),
        ticktext=[escape_markup(truncate_middle(c, 14)) for c in columns],
        range=[-0.5, len(columns) - 0.5],
        title_text=escape_markup(names[1]),
        tickangle=-45,
    )
    figure.update_yaxes(
        **ticks,
        tickvals=list(range(len(rows))),
        ticktext=[escape_markup(truncate_middle(r, 18)) for r in rows],
        range=[len(rows) - 0.5, -0.5],
        title_text=escape_markup(names[0]),
    )
