"""Calibration: confidence against accuracy."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from workbench.annotated_types import Array, HasAttributes
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.label_layout import percent_axis
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_count, format_percent
from workbench.forms import Range

__all__ = ["reliability_diagram"]

Probabilities = Annotated[Any, Array(ndim=2, finite=True, low=0.0, high=1.0)]
EvaluationLike = Annotated[
    Any, HasAttributes("an evaluation, as wb.evaluate(net, images) gives it", ("probabilities", "labels"))
]


@check_arguments
def reliability_diagram(
    probabilities: Probabilities | EvaluationLike,
    labels: Annotated[Any, Array(ndim=1, finite=True)] | None = None,
    *,
    n_bins: Annotated[int, Range(2, 50)] = 10,
    title: str | None = None,
) -> Figure:
    """Plot accuracy against confidence in bins, with the diagonal of perfect calibration and a histogram of images.

    Args:
        probabilities: (N, K), rows summing to 1; or any object with `.probabilities` and `.labels`.
        labels: (N,) class indices within 0..K-1.
        n_bins: number of equally wide bins of confidence, 2..50.
        title: replaces the title computed from the numbers.

    Raises:
        BadValue: the shapes do not match.
    """
    if labels is not None and hasattr(probabilities, "labels"):
        raise BadValue("an evaluation contains its own labels; leave labels= out")
    labels = getattr(probabilities, "labels", None) if labels is None else labels
    p = np.asarray(getattr(probabilities, "probabilities", probabilities), dtype=float)
    y = np.asarray(labels)
    if p.ndim != 2 or y.shape != (len(p),) or not len(p):
        raise BadValue(f"expected probabilities (N, K) and labels (N,), got {p.shape} and {y.shape}")
    _check_probabilities(p, y)
    confidence, is_correct = p.max(axis=1), p.argmax(axis=1) == y
    table = _bin_by_confidence(confidence, is_correct, n_bins)
    error = float(np.sum(table["n"] * np.abs(table["accuracy"] - table["confidence"])) / len(p))
    answer = _calibration_title(float(confidence.mean()), float(is_correct.mean()))
    return _draw_reliability(table, n_bins, error, len(p), escape_markup(title if title is not None else answer))


def _check_probabilities(p: np.ndarray, y: np.ndarray) -> None:
    if not np.isfinite(p).all() or p.min() < 0 or p.max() > 1 or np.abs(p.sum(axis=1) - 1).max() > 1e-3:
        raise BadValue("expected probabilities within 0..1 that sum to 1 in every row; apply a softmax to logits first")
    if y.dtype.kind not in "iuf" or (y != np.round(y)).any() or y.min() < 0 or y.max() >= p.shape[1]:
        raise BadValue(f"expected class indices from 0 to {p.shape[1] - 1}, one an image; got {y.min()} to {y.max()}")


def _calibration_title(confidence: float, accuracy: float) -> str:
    gap = confidence - accuracy
    if abs(gap) < 0.02:
        return f"Well calibrated: {format_percent(confidence, 0)} sure, {format_percent(accuracy, 0)} right"
    kind = "Overconfident" if gap > 0 else "Underconfident"
    return f"{kind}: {format_percent(confidence, 0)} sure on average, {format_percent(accuracy, 0)} right"


def _bin_by_confidence(confidence: np.ndarray, is_correct: np.ndarray, n_bins: int) -> dict[str, np.ndarray]:
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    n = np.bincount(bins, minlength=n_bins)
    is_used = n > 0
    means = {
        name: np.bincount(bins, weights=values.astype(float), minlength=n_bins)[is_used] / n[is_used]
        for name, values in (("confidence", confidence), ("accuracy", is_correct))
    }
    return {"bin": np.flatnonzero(is_used), "n": n[is_used], **means}


def _draw_reliability(table: dict[str, np.ndarray], n_bins: int, error: float, n_images: int, heading: str) -> Figure:
    figure = create_figure(
        heading,
        width=480,
        plot_height=390,
        subtitle=f"expected calibration error {format_percent(error)} over {n_bins} bins, "
        f"{format_count(n_images)} images",
        left=62,
        right=24,
    )
    _add_calibration_gaps(figure, table)
    _add_perfect_line(figure, below=np.sum(table["n"] * (table["accuracy"] - table["confidence"])) >= 0)
    _add_calibration_curve(figure, table, n_bins)
    figure.update_layout(
        xaxis={**percent_axis(0, 1), "title": {"text": "confidence"}, "anchor": "y2"},
        yaxis={**percent_axis(0, 1), "domain": [0.24, 1], "title": {"text": "accuracy"}, "showgrid": True},
        yaxis2={"domain": [0, 0.17], "title": {"text": "images"}, "nticks": 3, "anchor": "x", "rangemode": "tozero"},
    )
    return figure


def _add_perfect_line(figure: Figure, below: Any) -> None:
    """Add the diagonal of perfect calibration, labeled on the side that the curve leaves free."""
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="perfect",
        line={"color": theme.REFERENCE_COLOR, "width": 1.2, "dash": "dash"},
        hoverinfo="skip",
    )
    figure.add_annotation(
        x=0.64 if below else 0.36,
        y=0.64 if below else 0.36,
        text="perfect calibration",
        xanchor="left" if below else "right",
        xshift=12 if below else -12,
        yshift=-6 if below else 6,
        showarrow=False,
        font={"size": theme.SMALL},
    )


def _add_calibration_curve(figure: Figure, table: dict[str, np.ndarray], n_bins: int) -> None:
    hover_texts = [
        f"{n} images<br>{format_percent(c)} sure, {format_percent(a)} right"
        for n, c, a in zip(table["n"], table["confidence"], table["accuracy"], strict=True)
    ]
    figure.add_scatter(
        x=table["confidence"].tolist(),
        y=table["accuracy"].tolist(),
        mode="lines+markers",
        cliponaxis=False,
        name="net",
        line={"color": theme.FINE_TUNED, "width": 2.5},
        marker={"color": theme.FINE_TUNED, "size": 8},
        hoverinfo="text",
        hovertext=hover_texts,
    )
    figure.add_bar(
        x=((table["bin"] + 0.5) / n_bins).tolist(),
        y=table["n"].tolist(),
        width=0.92 / n_bins,
        name="images",
        marker={"color": theme.FROM_SCRATCH, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=hover_texts,
        yaxis="y2",
    )


def _add_calibration_gaps(figure: Figure, table: dict[str, np.ndarray]) -> None:
    """Add the distance of each bin from the diagonal as a faint line."""
    for confidence, accuracy in zip(table["confidence"], table["accuracy"], strict=True):
        figure.add_shape(
            type="line",
            x0=confidence,
            x1=confidence,
            y0=confidence,
            y1=accuracy,
            line={"color": theme.with_opacity(theme.LOSS, 0.45), "width": 6},
            layer="below",
        )
