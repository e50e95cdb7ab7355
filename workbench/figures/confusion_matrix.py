"""Which class is taken for which."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Array, Like

from . import style
from .figure import Figure, page
from .placing import alike_together
from .words import percent, plain, short

_NUMBERS_UP_TO = 12  # classes; beyond that numbers in the cells are too small to read
_TOLD_UP_TO = 60  # classes; beyond that empty cells say nothing, which keeps the figure small
_SIDE = 560  # pixels of the largest matrix


Counts = Annotated[Any, Array(ndim=2, finite=True, low=0.0)]
Judged = Annotated[Any, Like("an evaluation, as wb.evaluate(net, images) gives it", ("confusion", "classes"))]


@check_arguments
def confusion(
    matrix: Counts | Judged, classes: Sequence[str] | None = None, *, ordered: bool = True, title: str | None = None
) -> Figure:
    """The confusion matrix: a row a true class, a column a predicted one, colour the share of the row.

    Args:
        matrix: counts (K, K), rows true, columns predicted; or anything with `.confusion` and `.classes`.
        classes: K names; numbers when left out.
        ordered: put classes that are taken for each other side by side, so that blocks appear.
        title: replaces the answer read from the matrix.

    Raises:
        BadValue: the matrix is not square, or the names do not match it.
    """
    classes = getattr(matrix, "classes", None) if classes is None else classes
    counts = np.asarray(getattr(matrix, "confusion", matrix))
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not len(counts):
        raise BadValue(f"a confusion matrix is square, K by K; there came the shape {counts.shape}")
    names = [str(c) for c in (range(len(counts)) if classes is None else classes)]
    if len(names) != len(counts):
        raise BadValue(f"the matrix has {len(counts)} classes, but there came {len(names)} names")
    heading = plain(_answer(counts, names)) if title is None else plain(title)
    if ordered and len(counts) > 2:
        order = alike_together(counts)
        counts, names = counts[np.ix_(order, order)], [names[i] for i in order]
    return _drawn(counts, names, heading)


def _answer(counts: np.ndarray, names: list[str]) -> str:
    totals = counts.sum(axis=1)
    recall = np.diag(counts) / np.maximum(totals, 1)
    seen = totals > 0
    bar = 0.8 if seen.any() and np.mean(recall[seen] > 0.8) >= 0.2 else 0.5
    start = f"{int((recall[seen] > bar).sum())} of {int(seen.sum())} classes above {bar * 100:.0f} % recall"
    wrong = (counts / np.maximum(totals[:, None], 1)) * (1 - np.eye(len(counts)))
    true, predicted = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    if wrong[true, predicted] == 0:
        return f"All {len(names)} classes are recognised without a mistake"
    return f"{start}; {short(names[true], 24)} is most often taken for {short(names[predicted], 24)}"


def _drawn(counts: np.ndarray, names: list[str], heading: str) -> Figure:
    k = len(names)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [short(n, 22) for n in names]
    cell = min(max(_SIDE / k, 4.0), 44.0)
    every = max(1, math.ceil(9 / cell))  # a name needs 9 px
    letters = min(style.TEXT, cell - 0.5) if every == 1 else 9
    longest = max(len(n) for n in labels) * 0.56 * letters
    upright = longest < cell - 4
    left, right = 34 + longest, 66
    bottom = 30 + (14 if upright else longest * (1.0 if cell < 16 else 0.72))
    width = max(left + cell * k + right, 580)
    figure = page(
        heading,
        width=width,
        inner=cell * k,
        left=left,
        right=width - left - cell * k,
        bottom=bottom,
        subtitle="row: true, column: predicted, colour: share of the row",
    )
    figure.add_heatmap(**_cells(counts, shares, names, k))
    ticks = {
        **style.NAMES,
        "ticklen": 3,
        "tickvals": list(range(0, k, every)),
        "ticktext": [plain(n) for n in labels[::every]],
        "tickfont": {"size": letters},
    }
    angle = 0 if upright else -90 if cell < 16 else -45
    figure.update_xaxes(**ticks, range=[-0.5, k - 0.5], title_text="predicted", tickangle=angle)
    figure.update_layout(xaxis_title_standoff=6)
    figure.update_yaxes(**ticks, range=[k - 0.5, -0.5], title_text="true")
    return figure


def _cells(counts: np.ndarray, shares: np.ndarray, names: list[str], k: int) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "x": list(range(k)),
        "y": list(range(k)),
        "z": shares.round(4).tolist(),
        "zmin": 0,
        "zmax": 1,
        # squared stops: the small shares of the mistakes get most of the ramp
        "colorscale": [[at**2, colour] for at, colour in style.CIVIDIS],
        "xgap": 1 if k <= 30 else 0,
        "ygap": 1 if k <= 30 else 0,
        "hoverinfo": "text",
        "hovertext": [[_told(counts, shares, names, i, j) for j in range(k)] for i in range(k)],
        "colorbar": {
            "thickness": 10,
            "outlinewidth": 0,
            "ticks": "",
            "tickvals": [0, 0.1, 0.25, 0.5, 1],
            "ticktext": ["0 %", "10 %", "25 %", "50 %", "100 %"],
            "tickfont": {"size": style.SMALL},
            "len": 1.0,
            "lenmode": "fraction",
            "ypad": 0,
            "x": 1.0,
            "xpad": 12,
        },
    }
    if k <= _NUMBERS_UP_TO:
        cells["text"] = [[str(int(n)) if n else "" for n in row] for row in counts]
        cells["texttemplate"] = "%{text}"
    return cells


def _told(counts: np.ndarray, shares: np.ndarray, names: list[str], i: int, j: int) -> str:
    if not counts[i, j] and len(names) > _TOLD_UP_TO:
        return ""
    total = int(counts[i].sum())
    verdict = "recognised" if i == j else f"taken for {plain(names[j])}"
    return f"<b>{plain(names[i])}</b> {verdict}<br>{int(counts[i, j])} of {total} images, {percent(shares[i, j])}"
