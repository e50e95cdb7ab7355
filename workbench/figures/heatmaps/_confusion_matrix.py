"""Confusion matrix of true and predicted classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from workbench.annotated_types import Array, HasAttributes
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.label_layout import cluster_order
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_percent, truncate_middle

__all__ = ["confusion_matrix"]

_MAX_CLASSES_WITH_COUNTS = 12  # classes; with more, numbers in the cells are too small to read
_MAX_CLASSES_WITH_EMPTY_HOVER = 60  # classes; with more, empty cells have no hover text, which keeps the figure small
_MAX_SIDE = 560  # pixels of the largest matrix


Counts = Annotated[Any, Array(ndim=2, finite=True, low=0.0)]
EvaluationLike = Annotated[
    Any, HasAttributes("an evaluation, as wb.evaluate(net, images) gives it", ("confusion", "classes"))
]


@check_arguments
def confusion_matrix(
    matrix: Counts | EvaluationLike,
    classes: Sequence[str] | None = None,
    *,
    cluster_classes: bool = True,
    title: str | None = None,
) -> Figure:
    """Plot the confusion matrix: one row per true class, one column per predicted class, color by share of the row.

    Args:
        matrix: counts (K, K), rows true, columns predicted; or any object with `.confusion` and `.classes`.
        classes: K names; numbers by default.
        cluster_classes: True to put classes that are confused with each other side by side, so that blocks appear.
        title: replaces the title computed from the matrix.

    Raises:
        BadValue: the matrix is not square, or the names do not match it.
    """
    classes = getattr(matrix, "classes", None) if classes is None else classes
    counts = np.asarray(getattr(matrix, "confusion", matrix))
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not len(counts):
        raise BadValue(f"expected a square confusion matrix (K, K), got the shape {counts.shape}")
    names = [str(c) for c in (range(len(counts)) if classes is None else classes)]
    if len(names) != len(counts):
        raise BadValue(f"the matrix has {len(counts)} classes, got {len(names)} names")
    heading = escape_markup(_confusion_title(counts, names)) if title is None else escape_markup(title)
    if cluster_classes and len(counts) > 2:
        order = cluster_order(counts)
        counts, names = counts[np.ix_(order, order)], [names[i] for i in order]
    return _draw_confusion(counts, names, heading)


def _confusion_title(counts: np.ndarray, names: list[str]) -> str:
    totals = counts.sum(axis=1)
    recall = np.diag(counts) / np.maximum(totals, 1)
    has_images = totals > 0
    threshold = 0.8 if has_images.any() and np.mean(recall[has_images] > 0.8) >= 0.2 else 0.5
    n_above = int((recall[has_images] > threshold).sum())
    start = f"{n_above} of {int(has_images.sum())} classes above {format_percent(threshold, 0)} recall"
    wrong = (counts / np.maximum(totals[:, None], 1)) * (1 - np.eye(len(counts)))
    true, predicted = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    if wrong[true, predicted] == 0:
        return f"All {len(names)} classes are recognized without a mistake"
    return (
        f"{start}; {truncate_middle(names[true], 24)} is most often taken for {truncate_middle(names[predicted], 24)}"
    )


def _draw_confusion(counts: np.ndarray, names: list[str], heading: str) -> Figure:
    n_classes = len(names)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [truncate_middle(n, 22) for n in names]
    cell = min(max(_MAX_SIDE / n_classes, 4.0), 44.0)
    step = max(1, math.ceil(9 / cell))  # a name needs 9 px
    font_size = min(theme.TEXT, cell - 0.5) if step == 1 else 9
    longest = max(len(n) for n in labels) * 0.56 * font_size
    upright = longest < cell - 4
    left, right = 34 + longest, 66
    bottom = 30 + (14 if upright else longest * (1.0 if cell < 16 else 0.72))
    width = max(left + cell * n_classes + right, 580)
    figure = create_figure(
        heading,
        width=width,
        plot_height=cell * n_classes,
        left=left,
        right=width - left - cell * n_classes,
        bottom=bottom,
        subtitle="row: true, column: predicted, color: share of the row",
    )
    figure.add_heatmap(**_confusion_cells(counts, shares, names, n_classes))
    ticks = {
        **theme.CATEGORY_AXIS,
        "ticklen": 3,
        "tickvals": list(range(0, n_classes, step)),
        "ticktext": [escape_markup(n) for n in labels[::step]],
        "tickfont": {"size": font_size},
    }
    angle = 0 if upright else -90 if cell < 16 else -45
    figure.update_xaxes(**ticks, range=[-0.5, n_classes - 0.5], title_text="predicted", tickangle=angle)
    figure.update_layout(xaxis_title_standoff=6)
    figure.update_yaxes(**ticks, range=[n_classes - 0.5, -0.5], title_text="true")
    return figure


def _confusion_cells(counts: np.ndarray, shares: np.ndarray, names: list[str], n_classes: int) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "x": list(range(n_classes)),
        "y": list(range(n_classes)),
        "z": shares.round(4).tolist(),
        "zmin": 0,
        "zmax": 1,
        "meta": {"rows": names, "columns": names},
        # squared stops: the small shares of the mistakes get most of the ramp
        "colorscale": [[stop**2, color] for stop, color in theme.CIVIDIS],
        "xgap": 1 if n_classes <= 30 else 0,
        "ygap": 1 if n_classes <= 30 else 0,
        "hoverinfo": "text",
        "hovertext": [
            [_confusion_hover(counts, shares, names, i, j) for j in range(n_classes)] for i in range(n_classes)
        ],
        "colorbar": {
            "thickness": 10,
            "outlinewidth": 0,
            "ticks": "",
            "tickvals": [0, 0.1, 0.25, 0.5, 1],
            "ticktext": ["0 %", "10 %", "25 %", "50 %", "100 %"],
            "tickfont": {"size": theme.SMALL},
            "len": 1.0,
            "lenmode": "fraction",
            "ypad": 0,
            "x": 1.0,
            "xpad": 12,
        },
    }
    if n_classes <= _MAX_CLASSES_WITH_COUNTS:
        cells["text"] = [[str(int(n)) if n else "" for n in row] for row in counts]
        cells["texttemplate"] = "%{text}"
    return cells


def _confusion_hover(counts: np.ndarray, shares: np.ndarray, names: list[str], i: int, j: int) -> str:
    if not counts[i, j] and len(names) > _MAX_CLASSES_WITH_EMPTY_HOVER:
        return ""
    total = int(counts[i].sum())
    verdict = "recognized" if i == j else f"taken for {escape_markup(names[j])}"
    share = f"{int(counts[i, j])} of {total} images, {format_percent(shares[i, j])}"
    return f"<b>{escape_markup(names[i])}</b> {verdict}<br>{share}"
