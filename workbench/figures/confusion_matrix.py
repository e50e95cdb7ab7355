"""Which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import style
from .figure import Figure, page, wrapped
from .placing import alike_together
from .words import percent, plain, short

_NUMBERS_UP_TO = 12  # classes; beyond that numbers in the cells are too small to read
_NAMES_UP_TO = 60


def confusion(
    matrix: Any, classes: Sequence[str] | None = None, *, ordered: bool = True, title: str | None = None
) -> Figure:
    """The confusion matrix: a row a true class, a column a predicted one, colour the share of the row.

    Args:
        matrix: counts (K, K), rows true, columns predicted; or anything with `.confusion` and `.classes`.
        classes: K names; numbers when left out.
        ordered: put classes that are taken for each other side by side, so that blocks appear.
        title: replaces the answer read from the matrix.

    Raises:
        ValueError: the matrix is not square, or the names do not match it.
    """
    classes = getattr(matrix, "classes", None) if classes is None else classes
    counts = np.asarray(getattr(matrix, "confusion", matrix))
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not len(counts):
        raise ValueError(f"a confusion matrix is square, K by K; there came the shape {counts.shape}")
    names = [str(c) for c in (range(len(counts)) if classes is None else classes)]
    if len(names) != len(counts):
        raise ValueError(f"the matrix has {len(counts)} classes, but there came {len(names)} names")
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
        return f"{start}; no image is taken for another class"
    return f"{start}; {short(names[true], 24)} is most often taken for {short(names[predicted], 24)}"


def _drawn(counts: np.ndarray, names: list[str], heading: str) -> Figure:
    k = len(names)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [plain(short(n, 22)) for n in names]
    longest = max(len(short(n, 22)) for n in names) if k <= _NAMES_UP_TO else 4
    left, bottom = 40 + 6.6 * longest, 40 + 6.6 * min(longest, 22) * 0.75
    cell = min(max(440 / k, 7), 46)
    side = cell * k
    letters = max(int((left + side + 70) / 8.2), 44)
    heading = wrapped(heading, letters)
    top = 52 + 19 * (heading.count("<br>") + 1)
    figure = page(
        heading,
        width=int(max(left + side + 90, 430)),
        height=int(top + side + bottom),
        subtitle="row: true class, column: predicted class, colour: share of the row",
        margin={"l": left, "r": max(90, 430 - left - side), "t": top, "b": bottom},
    )
    figure.add_heatmap(**_cells(counts, shares, names, k))
    every = 1 if k <= _NAMES_UP_TO else -(-k // 30)
    ticks = {
        "tickvals": list(range(0, k, every)),
        "ticktext": labels[::every],
        "showline": False,
        "ticks": "",
        "range": [-0.5, k - 0.5],
    }
    figure.update_xaxes(**ticks, title_text="predicted", tickangle=-45 if longest * 6.6 > cell - 6 else 0)
    figure.update_yaxes(**{**ticks, "range": [k - 0.5, -0.5]}, title_text="true")
    return figure


def _cells(counts: np.ndarray, shares: np.ndarray, names: list[str], k: int) -> dict[str, Any]:
    filled = np.where(counts > 0, shares, np.nan)
    cells: dict[str, Any] = {
        "x": list(range(k)),
        "y": list(range(k)),
        "z": [[None if np.isnan(v) else round(float(v), 4) for v in row] for row in filled],
        "zmin": 0,
        "zmax": 1,
        "colorscale": [list(stop) for stop in style.CIVIDIS],
        "xgap": 1 if k <= 30 else 0,
        "ygap": 1 if k <= 30 else 0,
        "hoverinfo": "text",
        "hoverongaps": False,
        "hovertext": [[_told(counts, shares, names, i, j) for j in range(k)] for i in range(k)],
        "colorbar": {
            "thickness": 10,
            "outlinewidth": 0,
            "tickvals": [0, 0.5, 1],
            "ticktext": ["0 %", "50 %", "100 %"],
            "len": 0.6,
            "x": 1.02,
        },
    }
    if k <= _NUMBERS_UP_TO:
        cells["text"] = [[str(int(n)) if n else "" for n in row] for row in counts]
        cells["texttemplate"] = "%{text}"
    return cells


def _told(counts: np.ndarray, shares: np.ndarray, names: list[str], i: int, j: int) -> str:
    total = int(counts[i].sum())
    verdict = "recognised" if i == j else f"taken for {plain(names[j])}"
    return f"<b>{plain(names[i])}</b> {verdict}<br>{int(counts[i, j])} of {total} images, {percent(shares[i, j])}"
