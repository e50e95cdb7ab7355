"""Which learning rate to start from."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.forms import Range
from workbench.markers import Frame

from . import style
from .figure import Figure, page
from .placing import decades, padded
from .words import plain, short_number

Losses = Annotated[
    Any,
    Frame("losses by learning rate, as wb.find_lr(plan) gives them", within="frame", numbers=("lr", "loss"), rows=1),
]


@check_arguments
def lr_finder(
    frame: Losses,
    suggestion: Annotated[float, Range(1e-12, 1e6)] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """The loss while the learning rate grew, raw thin and smoothed bold, with the suggested rate marked.

    Args:
        frame: frame with lr (> 0) and loss, optionally smooth; or anything with `.frame` and `.suggestion`.
        suggestion: the rate to mark, > 0.
        title: replaces the suggestion as the title.

    Raises:
        BadValue: a column is missing.
    """
    if suggestion is None:
        suggestion = getattr(frame, "suggestion", None)
    frame = getattr(frame, "frame", frame)
    lr = frame["lr"].to_numpy(float)
    smooth = frame["smooth"].to_numpy(float) if "smooth" in frame else frame["loss"].to_numpy(float)
    answer = f"Start from a learning rate near {short_number(suggestion)}" if suggestion else "No rate stands out"
    figure = page(plain(title if title is not None else answer), inner=240, left=54, right=90, above=28)
    low, high = _window(smooth)
    if "smooth" in frame:
        _line(figure, lr, frame["loss"].to_numpy(float), "loss of a batch", style.TRAINING, 1.2)
    _line(figure, lr, smooth, "smoothed", style.VALIDATION, 3.0)
    figure.update_yaxes(range=[low, high], title_text="loss, nats", showgrid=True, nticks=6)
    ticks = decades(lr.min(), lr.max(), 7) if len(lr) else []
    figure.update_xaxes(
        type="log",
        range=[math.log10(lr.min()), math.log10(lr.max())] if len(lr) else None,
        tickvals=ticks,
        ticktext=[short_number(t) for t in ticks],
        title_text="learning rate",
    )
    _label(figure, lr, smooth, low, high)
    if suggestion:
        _mark(figure, suggestion, lr, smooth)
    return figure


def _window(smooth: np.ndarray) -> tuple[float, float]:
    """The part of the losses worth seeing: a blow-up at the end would flatten everything before it."""
    known = smooth[np.isfinite(smooth)]
    if not known.size:
        return 0.0, 1.0
    start = float(np.median(known[: max(len(known) // 10, 1)]))
    low = float(known.min())
    return padded([low, max(start, low) + 0.6 * (max(start, low) - low)], 0.1, 0.1)


def _line(figure: Figure, lr: np.ndarray, loss: np.ndarray, name: str, colour: str, width: float) -> None:
    figure.add_scatter(
        x=lr.tolist(),
        y=loss.tolist(),
        name=name,
        mode="lines",
        line={"color": colour, "width": width},
        hoverinfo="text",
        hovertext=[f"learning rate {short_number(a)}<br>{name} {b:.3f}" for a, b in zip(lr, loss, strict=True)],
    )


def _label(figure: Figure, lr: np.ndarray, smooth: np.ndarray, low: float, high: float) -> None:
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


def _mark(figure: Figure, suggestion: float, lr: np.ndarray, smooth: np.ndarray) -> None:
    at = math.log10(suggestion)
    figure.add_shape(
        type="line",
        xref="x",
        yref="y domain",
        x0=suggestion,
        x1=suggestion,
        y0=0,
        y1=1,
        line={"color": style.RULE, "width": 1, "dash": "dot"},
    )
    near = int(np.argmin(np.abs(np.log10(lr) - at)))
    figure.add_scatter(
        x=[suggestion],
        y=[float(smooth[near])],
        name="suggestion",
        mode="markers",
        marker={"size": 10, "color": style.VALIDATION, "line": {"color": "#ffffff", "width": 2}},
        hoverinfo="text",
        hovertext=[f"suggested: {short_number(suggestion)}"],
    )
    figure.add_annotation(
        x=at,
        yref="y domain",
        y=1,
        text=f"suggested {short_number(suggestion)}",
        yanchor="bottom",
        showarrow=False,
        font={"size": style.SMALL},
    )
