"""An evaluation as light drawings for a page: tables, bars and small SVG as HTML. Every name is escaped."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from workbench.metrics import Evaluation

NAMED = 24
"""Classes up to which the confusion matrix has a number in every cell; beyond it is a picture."""
WORST = 24
"""Rows of the table of classes: the worst."""


def metrics(evaluation: Evaluation) -> str:
    """The figures in one table."""
    rows = [
        ("images", f"{len(evaluation.ids):,}"),
        ("accuracy", percent(evaluation.accuracy)),
        ("balanced accuracy", percent(evaluation.balanced_accuracy)),
        ("calibration error", f"{evaluation.calibration_error:.3f}"),
        ("loss", f"{evaluation.loss:.3f}"),
    ]
    cells = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
    return f'<table class="wb-table wb-metrics">{cells}</table>'


def confusion(evaluation: Evaluation) -> str:
    """Which class was taken for which, the classes in an order in which those confused stand together."""
    matrix = np.asarray(evaluation.confusion)
    if matrix.ndim != 2:
        return ""
    order = blocks(matrix)
    matrix, names = matrix[np.ix_(order, order)], [str(evaluation.classes[k]) for k in order]
    drawn = _numbers(matrix, names) if len(names) <= NAMED else _picture(matrix)
    return f"{section(_confused(matrix, names))}{drawn}"


def blocks(matrix: np.ndarray) -> np.ndarray:
    """An order of classes in which those that are taken for each other are neighbours, (K,).

    The order of the second eigenvector of the graph whose edges are the confusions (Atkins et al. 1998).
    """
    links = (matrix + matrix.T).astype(float)
    np.fill_diagonal(links, 0.0)
    links += 1e-6
    laplacian = np.diag(links.sum(1)) - links
    return np.argsort(np.linalg.eigh(laplacian)[1][:, min(1, len(links) - 1)], kind="stable")


def per_class(evaluation: Evaluation) -> str:
    """A bar a class, the worst first."""
    frame = evaluation.per_class.sort_values(["recall", "f1"], na_position="last", kind="stable")
    left_out = len(frame) - WORST
    rows = "".join(_class_row(row) for row in frame.head(WORST).itertuples(index=False))
    more = f'<p class="wb-quiet">{left_out} better classes are not shown.</p>' if left_out > 0 else ""
    worst = frame.iloc[0]
    answer = f"Hardest: {worst['class']}, {percent(worst['recall'])} of {count(worst['n'], 'image')} found"
    head = "<tr><th>class</th><th></th><th>found</th><th>images</th><th>precision</th><th>F1</th></tr>"
    return f'{section(answer)}<table class="wb-table wb-classes">{head}{rows}</table>{more}'


def calibration(evaluation: Evaluation, bins: int = 10) -> str:
    """How often the net is right when it is so sure, beside the diagonal of a net that knows itself."""
    if evaluation.kind != "classes" or not len(evaluation.labels):
        return ""
    sure, right = evaluation.probabilities.max(1), evaluation.probabilities.argmax(1) == evaluation.labels
    at = np.minimum((sure * bins).astype(int), bins - 1)
    bars = []
    for k in np.unique(at):
        share, n = right[at == k].mean(), int((at == k).sum())
        told = (
            f"{count(n, 'image')} answered {100 * k // bins} to {100 * (k + 1) // bins} % sure: {percent(share)} right"
        )
        box = f'x="{40 + 20 * k + 1}" y="{208 - 200 * share:.1f}" width="18" height="{max(200 * share, 1):.1f}"'
        bars.append(f'<rect {box} class="wb-bar-fill"><title>{told}</title></rect>')
    gap = float(sure.mean() - right.mean())
    answer = "As sure as it is right" if abs(gap) < 0.02 else "Too sure" if gap > 0 else "Not sure enough"
    words = [
        (32, 12, "end", "100 %"),
        (32, 212, "end", "0 %"),
        (40, 226, "start", "0"),
        (240, 226, "end", "100 % sure"),
    ]
    texts = "".join(f'<text x="{x}" y="{y}" text-anchor="{side}">{text}</text>' for x, y, side, text in words)
    lines = '<line x1="40" y1="208" x2="240" y2="8" class="wb-diagonal"/>'
    lines += '<line x1="40" y1="208" x2="240" y2="208" class="wb-axis"/>'
    about = f"{answer}: {percent(sure.mean())} sure on average, {percent(right.mean())} right"
    opening = f'<svg viewBox="-4 0 254 232" class="wb-small-chart" role="img" aria-label="{about}">'
    drawn = f"{opening}{''.join(bars)}{lines}{texts}</svg>"
    return f"{section(about)}{drawn}"


def thumbnails(pictures: Iterable[np.ndarray], captions: Iterable[str]) -> str:
    """Pictures of one size with a caption each."""
    cells = (_thumb(picture, html.escape(text), text) for picture, text in zip(pictures, captions, strict=True))
    return f'<div class="wb-thumbs">{"".join(cells)}</div>'


def table(frame: Any) -> str:
    """A frame of words and whole numbers as a table, its index as first column."""
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in ["", *frame.columns])
    rows = "".join(
        _table_row(index, row) for index, row in zip(frame.index, frame.itertuples(index=False), strict=True)
    )
    return f'<table class="wb-table wb-counts"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def section(text: str) -> str:
    """A heading that says the answer."""
    return f'<h4 class="wb-answer">{html.escape(text)}</h4>'


def percent(share: float) -> str:
    """A share with one decimal: "82.4 %"; a dash for none."""
    return f"{100 * share:.1f} %" if share == share else "–"


def count(n: float, noun: str) -> str:
    """A number of things: "1 image", "3,068 images"."""
    return f"{int(n):,} {noun}{'' if n == 1 else 's'}"


def data_uri(picture: np.ndarray) -> str:
    """An image as a PNG inside a page."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _numbers(matrix: np.ndarray, names: list[str]) -> str:
    totals = np.maximum(matrix.sum(1, keepdims=True), 1)
    shares = matrix / totals
    head = "".join(f'<th class="wb-turned"><span>{html.escape(name)}</span></th>' for name in names)
    rows = []
    for i, name in enumerate(names):
        cells = "".join(_cell(int(matrix[i, j]), float(shares[i, j]), names, i, j) for j in range(len(names)))
        rows.append(f"<tr><th>{html.escape(name)}</th>{cells}</tr>")
    corner = '<th class="wb-corner">true ↓ predicted →</th>'
    table_ = f'<table class="wb-table wb-confusion"><tr>{corner}{head}</tr>{"".join(rows)}</table>'
    return f'<div class="wb-scroll">{table_}</div>'


def _cell(n: int, share: float, names: list[str], i: int, j: int) -> str:
    kind = "wb-right" if i == j else "wb-wrong"
    told = html.escape(f"{names[i]} called {names[j]}: {n}, {percent(share)}")
    shade = f"--wb-share: {round(100 * share**0.6)}%"
    return f'<td class="{kind}" style="{shade}" title="{told}">{n or ""}</td>'


def _picture(matrix: np.ndarray) -> str:
    from matplotlib import colormaps

    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    pixels = (colormaps["cividis"](np.sqrt(shares))[..., :3] * 255).astype(np.uint8)
    alt = "rows are true classes, columns predicted ones, bright is frequent"
    return f'<img class="wb-matrix" src="{data_uri(pixels)}" alt="{alt}"><p class="wb-quiet">{alt}</p>'


def _confused(matrix: np.ndarray, names: list[str]) -> str:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return "No class was taken for another"
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    return f"Most often confused: {names[i]} taken for {names[j]} ({wrong[i, j]} of {matrix[i].sum()})"


def _class_row(row: Any) -> str:
    name, n, precision, recall, f1 = row
    width = 0 if recall != recall else 100 * recall
    bar = f'<div class="wb-track"><div class="wb-track-fill" style="width: {width:.1f}%"></div></div>'
    numbers = f"<td>{percent(recall)}</td><td>{int(n):,}</td><td>{percent(precision)}</td><td>{percent(f1)}</td>"
    return f'<tr><th>{html.escape(str(name))}</th><td class="wb-wide">{bar}</td>{numbers}</tr>'


def _thumb(picture: np.ndarray, caption: str, told: str) -> str:
    image = f'<img src="{data_uri(picture)}" alt="{html.escape(told)}" title="{html.escape(told)}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _table_row(index: Any, row: Sequence[Any]) -> str:
    name = " · ".join(map(str, index)) if isinstance(index, tuple) else str(index)
    cells = "".join(
        f"<td>{html.escape(f'{value:,}' if isinstance(value, (int, np.integer)) else str(value))}</td>" for value in row
    )
    return f"<tr><th>{html.escape(name)}</th>{cells}</tr>"
