"""Learning rate range test."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from workbench.annotated_types import Frame
from workbench.argument_checks import check_arguments
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.label_layout import log_ticks, pad_range
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_number
from workbench.forms import Range

__all__ = ["lr_finder"]

LossFrame = Annotated[
    Any,
    Frame(
        "losses by learning rate, as wb.find_lr(plan) gives them",
        attribute="frame",
        numeric_columns=("lr", "loss"),
        min_rows=1,
    ),
]


@check_arguments
def lr_finder(
    frame: LossFrame,
    suggestion: Annotated[float, Range(1e-12, 1e6)] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Plot the loss against the growing learning rate, raw thin and smoothed bold, with the suggested rate marked.

    Args:
        frame: frame with lr (> 0) and loss, optionally smooth; or any object with `.frame` and `.suggestion`.
        suggestion: learning rate to mark, > 0.
        title: replaces the suggestion as title.

    Raises:
        BadValue: a column is missing.
    """
    if suggestion is None:
        suggestion = getattr(frame, "suggestion", None)
    frame = getattr(frame, "frame", frame)
    lr = frame["lr"].to_numpy(float)
    smooth = frame["smooth"].to_numpy(float) if "smooth" in frame else frame["loss"].to_numpy(float)
    answer = (
        f"Start from a learning rate near {format_number(suggestion)}" if suggestion else "No learning rate to suggest"
    )
    figure = create_figure(
        escape_markup(title if title is not None else answer), plot_height=240, left=54, right=90, above=28
    )
    low, high = _loss_range(smooth)
    if "smooth" in frame:
        _add_loss_line(figure, lr, frame["loss"].to_numpy(float), "loss per batch", theme.TRAINING, 1.2)
    _add_loss_line(figure, lr, smooth, "smoothed", theme.VALIDATION, 3.0)
    figure.update_yaxes(range=[low, high], title_text="loss, nats", showgrid=True, nticks=6)
    ticks = log_ticks(lr.min(), lr.max(), 7) if len(lr) else []
    figure.update_xaxes(
        type="log",
        range=[math.log10(lr.min()), math.log10(lr.max())] if len(lr) else None,
        tickvals=ticks,
        ticktext=[format_number(t) for t in ticks],
        title_text="learning rate",
    )
    _label_smoothed(figure, lr, smooth, low, high)
    if suggestion:
        _mark_suggestion(figure, suggestion, lr, smooth)
    return figure


def _loss_range(smooth: np.ndarray) -> tuple[float, float]:
    """Return the range of losses to show; a divergence at the end would compress everything before it."""
    known = smooth[np.isfinite(smooth)]
    if not known.size:
        return 0.0, 1.0
    start = float(np.median(known[: max(len(known) // 10, 1)]))
    low = float(known.min())
    return pad_range([low, max(start, low) + 0.6 * (max(start, low) - low)], 0.1, 0.1)


def _add_loss_line(figure: Figure, lr: np.ndarray, loss: np.ndarray, name: str, color: str, width: float) -> None:
    figure.add_scatter(
        x=lr.tolist(),
        y=loss.tolist(),
        name=name,
        mode="lines",
        line={"color": color, "width": width},
        hoverinfo="text",
        hovertext=[f"learning rate {format_number(a)}<br>{name} {b:.3f}" for a, b in zip(lr, loss, strict=True)],
    )


def _label_smoothed(figure: Figure, lr: np.ndarray, smooth: np.ndarray, low: float, high: float) -> None:
    inside = np.flatnonzero(np.isfinite(smooth) & (smooth <= high) & (smooth >= low))
    if not inside.size:
        return
    last = int(inside[-1])
    figure.add_annotation(
        x=math.log10(lr[last]),
        y=min(float(smooth[last]), high),
        text="smoothed",
        xanchor="left",
        xshift=8,
        showarrow=False,
    )


def _mark_suggestion(figure: Figure, suggestion: float, lr: np.ndarray, smooth: np.ndarray) -> None:
    exponent = math.log10(suggestion)
    figure.add_shape(
        type="line",
        xref="x",
        yref="y domain",
        x0=suggestion,
        x1=suggestion,
        y0=0,
        y1=1,
        line={"color": theme.REFERENCE_COLOR, "width": 1, "dash": "dot"},
    )
    near = int(np.argmin(np.abs(np.log10(lr) - exponent)))
    figure.add_scatter(
        x=[suggestion],
        y=[float(smooth[near])],
        name="suggestion",
        mode="markers",
        marker={"size": 10, "color": theme.VALIDATION, "line": {"color": "#ffffff", "width": 2}},
        hoverinfo="text",
        hovertext=[f"suggested: {format_number(suggestion)}"],
    )
    figure.add_annotation(
        x=exponent,
        yref="y domain",
        y=1,
        text=f"suggested {format_number(suggestion)}",
        yanchor="bottom",
        showarrow=False,
        font={"size": theme.SMALL},
    )
