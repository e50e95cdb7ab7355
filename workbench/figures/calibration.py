"""Whether a net is right as often as it says."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.forms import Range
from workbench.markers import Array, Like

from . import style
from .figure import Figure, page
from .placing import percent_axis
from .words import count, percent, plain

Probabilities = Annotated[Any, Array(ndim=2, finite=True, low=0.0, high=1.0)]
Evaluated = Annotated[Any, Like("an evaluation, as wb.evaluate(net, images) gives it", ("probabilities", "labels"))]


@check_arguments
def reliability(
    probabilities: Probabilities | Evaluated,
    labels: Annotated[Any, Array(ndim=1, finite=True)] | None = None,
    *,
    bins: Annotated[int, Range(2, 50)] = 10,
    title: str | None = None,
) -> Figure:
    """Confidence against accuracy in bins, the perfect line drawn, and how many images stand in each bin below.

    Args:
        probabilities: (N, K), rows summing to 1; or anything with `.probabilities` and `.labels`.
        labels: (N,) class numbers within 0..K-1.
        bins: equally wide bins of confidence, 2..50.
        title: replaces the answer read from the numbers.

    Raises:
        BadValue: the shapes do not match.
    """
    if labels is not None and hasattr(probabilities, "labels"):
        raise BadValue("an evaluation brings its own labels: leave labels= out")
    labels = getattr(probabilities, "labels", None) if labels is None else labels
    p = np.asarray(getattr(probabilities, "probabilities", probabilities), dtype=float)
    y = np.asarray(labels)
    if p.ndim != 2 or y.shape != (len(p),) or not len(p):
        raise BadValue(f"reliability wants probabilities (N, K) and labels (N,); there came {p.shape} and {y.shape}")
    _check(p, y)
    sure, right = p.max(axis=1), p.argmax(axis=1) == y
    table = _binned(sure, right, bins)
    error = float(np.sum(table["n"] * np.abs(table["accuracy"] - table["confidence"])) / len(p))
    answer = _answer(float(sure.mean()), float(right.mean()))
    return _drawn(table, bins, error, len(p), plain(title if title is not None else answer))


def _check(p: np.ndarray, y: np.ndarray) -> None:
    if not np.isfinite(p).all() or p.min() < 0 or p.max() > 1 or np.abs(p.sum(axis=1) - 1).max() > 1e-3:
        raise BadValue("probabilities lie within 0 and 1 and add up to 1 in every row; logits need a softmax first")
    if y.dtype.kind not in "iuf" or (y != np.round(y)).any() or y.min() < 0 or y.max() >= p.shape[1]:
        raise BadValue(f"labels are class numbers from 0 to {p.shape[1] - 1}, one an image; got {y.min()} to {y.max()}")


def _answer(sure: float, right: float) -> str:
    gap = sure - right
    if abs(gap) < 0.02:
        return f"As sure as it is right: {percent(sure, 0)} sure, {percent(right, 0)} right"
    return (
        f"{'Too sure' if gap > 0 else 'Not sure enough'}: {percent(sure, 0)} sure on average, {percent(right, 0)} right"
    )


def _binned(sure: np.ndarray, right: np.ndarray, bins: int) -> dict[str, np.ndarray]:
    at = np.minimum((sure * bins).astype(int), bins - 1)
    n = np.bincount(at, minlength=bins)
    seen = n > 0
    mean = {
        name: np.bincount(at, weights=values.astype(float), minlength=bins)[seen] / n[seen]
        for name, values in (("confidence", sure), ("accuracy", right))
    }
    return {"bin": np.flatnonzero(seen), "n": n[seen], **mean}


def _drawn(table: dict[str, np.ndarray], bins: int, error: float, images: int, heading: str) -> Figure:
    figure = page(
        heading,
        width=480,
        inner=390,
        subtitle=f"expected calibration error {percent(error)} over {bins} bins, {count(images)} images",
        left=62,
        right=24,
    )
    _gaps(figure, table)
    _perfect(figure, below=np.sum(table["n"] * (table["accuracy"] - table["confidence"])) >= 0)
    _net(figure, table, bins)
    figure.update_layout(
        xaxis={**percent_axis(0, 1), "title": {"text": "confidence"}, "anchor": "y2"},
        yaxis={**percent_axis(0, 1), "domain": [0.24, 1], "title": {"text": "accuracy"}, "showgrid": True},
        yaxis2={"domain": [0, 0.17], "title": {"text": "images"}, "nticks": 3, "anchor": "x", "rangemode": "tozero"},
    )
    return figure


def _perfect(figure: Figure, below: Any) -> None:
    """The line on which a net is as sure as it is right, named on the side that the curve leaves free."""
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="perfect",
        line={"color": style.RULE, "width": 1.2, "dash": "dash"},
        hoverinfo="skip",
    )
    figure.add_annotation(
        x=0.64 if below else 0.36,
        y=0.64 if below else 0.36,
        text="as sure as it is right",
        xanchor="left" if below else "right",
        xshift=12 if below else -12,
        yshift=-6 if below else 6,
        showarrow=False,
        font={"size": style.SMALL},
    )


def _net(figure: Figure, table: dict[str, np.ndarray], bins: int) -> None:
    told = [
        f"{n} images<br>{percent(c)} sure, {percent(a)} right"
        for n, c, a in zip(table["n"], table["confidence"], table["accuracy"], strict=True)
    ]
    figure.add_scatter(
        x=table["confidence"].tolist(),
        y=table["accuracy"].tolist(),
        mode="lines+markers",
        cliponaxis=False,
        name="net",
        line={"color": style.FINE_TUNED, "width": 2.5},
        marker={"color": style.FINE_TUNED, "size": 8},
        hoverinfo="text",
        hovertext=told,
    )
    figure.add_bar(
        x=((table["bin"] + 0.5) / bins).tolist(),
        y=table["n"].tolist(),
        width=0.92 / bins,
        name="images",
        marker={"color": style.FROM_SCRATCH, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=told,
        yaxis="y2",
    )


def _gaps(figure: Figure, table: dict[str, np.ndarray]) -> None:
    """The distance of each bin from the perfect line, as a faint stroke."""
    for sure, right in zip(table["confidence"], table["accuracy"], strict=True):
        figure.add_shape(
            type="line",
            x0=sure,
            x1=sure,
            y0=sure,
            y1=right,
            line={"color": style.faint(style.LOSS, 0.45), "width": 6},
            layer="below",
        )
