"""How loss and accuracy moved while a run trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from . import style
from .figure import Figure, page
from .placing import padded, spread
from .words import percent, plain, short_number, these_columns

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM, _BETWEEN = 860, 340, 58, 92, 76, 50, 150
# split -> label, colour, line width, dash: greyscale still tells them apart
_LINES = {
    "train": ("training", style.TRAINING, 1.4, "solid"),
    "valid": ("validation", style.VALIDATION, 3.0, "solid"),
    "target": ("target", style.TARGET, 2.2, "dash"),
}


def curves(points: Any, best: float | None = None, *, title: str | None = None) -> Figure:
    """Loss and accuracy over the epochs: training thin, validation bold, the target domain in its own colour.

    Args:
        points: frame with epoch, split ("train", "valid", "target") and loss or accuracy; or anything with
            `.points`, such as a run.
        best: the epoch to mark; the one with the highest validation accuracy when left out.
        title: replaces the answer read from the points.

    Raises:
        ValueError: a column is missing.
    """
    frame = getattr(points, "points", points)
    these_columns(frame, ("epoch", "split"), "curves")
    measures = [m for m in ("loss", "accuracy") if m in frame and frame[m].notna().any()]
    if best is None:
        best = _best_epoch(frame)
    figure = page(
        plain(title if title is not None else _answer(frame, best)),
        width=_WIDTH if len(measures) != 1 else _WIDTH // 2 + 60,
        height=_HEIGHT,
        margin={"l": _LEFT, "r": _RIGHT, "t": _TOP, "b": _BOTTOM},
    )
    inner = figure.layout.width - _LEFT - _RIGHT
    cut = _BETWEEN / inner / 2 if len(measures) == 2 else 0
    for place, measure in enumerate(measures):
        domain = [0, 1] if len(measures) == 1 else ([0, 0.5 - cut], [0.5 + cut, 1])[place]
        _panel(figure, frame, measure, str(place + 1) if place else "", domain, best)
    if not measures:
        _nothing_yet(figure)
    return figure


def _best_epoch(frame: pd.DataFrame) -> float | None:
    for measure, pick in (("accuracy", "idxmax"), ("loss", "idxmin")):
        if measure in frame:
            rows = frame[frame["split"] == "valid"].reset_index(drop=True)
            if rows[measure].notna().any():
                return float(rows["epoch"][getattr(rows[measure], pick)()])
    return None


def _answer(frame: pd.DataFrame, best: float | None) -> str:
    valid = frame[frame["split"] == "valid"]
    if best is None or valid.empty:
        return "Training has begun; no validation yet"
    near = valid.iloc[int((valid["epoch"] - best).abs().to_numpy().argmin())]
    when = f"in epoch {short_number(best)}"
    if "accuracy" in frame and pd.notna(near["accuracy"]):
        last = valid["accuracy"].dropna().iloc[-1]
        end = "" if near["accuracy"] - last < 0.005 else f" and ends at {percent(last)}"
        return f"Validation accuracy reaches {percent(near['accuracy'])} {when}{end}"
    return f"Validation loss is lowest, {near['loss']:.3f}, {when}"


def _panel(
    figure: Figure, frame: pd.DataFrame, measure: str, number: str, domain: list[float], best: float | None
) -> None:
    rows = {s: frame[(frame["split"] == s) & frame[measure].notna()].sort_values("epoch") for s in _LINES}
    rows = {split: part for split, part in rows.items() if len(part)}
    values = np.concatenate([part[measure].to_numpy(float) for part in rows.values()])
    low, high = padded(values, 0.08, 0.10)
    low = max(low, 0.0) if values.min() >= 0 else low
    high = min(high, 1.0) if measure == "accuracy" else high
    ends = [float(part[measure].iloc[-1]) for part in rows.values()]
    per_pixel = (high - low) / (_HEIGHT - _TOP - _BOTTOM)
    heights = spread(ends, 15 * per_pixel, low, high)
    for (split, part), height in zip(rows.items(), heights, strict=True):
        _line(figure, part, split, measure, number, height)
    axis = {"anchor": f"y{number}", "domain": domain, "title": {"text": "epoch"}, "tickformat": "~g"}
    x_high = float(frame["epoch"].max())
    axis["range"] = [min(0.0, float(frame["epoch"].min())), x_high * 1.01 if x_high > 0 else 1.0]
    unit = "accuracy, %" if measure == "accuracy" else "loss, nats"
    figure.update_layout(
        {
            f"xaxis{number}": axis,
            f"yaxis{number}": {
                "anchor": f"x{number}",
                "range": [low, high],
                "showgrid": True,
                "title": {"text": unit},
                "tickformat": ".0%" if measure == "accuracy" else "~g",
            },
        }
    )
    if best is not None and "valid" in rows:
        _mark(figure, rows["valid"], measure, number, best)


def _line(figure: Figure, part: pd.DataFrame, split: str, measure: str, number: str, height: float) -> None:
    label, colour, width, dash = _LINES[split]
    x, y = part["epoch"].to_numpy(float), part[measure].to_numpy(float)
    figure.add_scatter(
        x=x.tolist(),
        y=y.tolist(),
        name=label,
        mode="lines" if len(part) > 1 else "markers",
        line={"color": colour, "width": width, "dash": dash},
        marker={"color": colour, "size": 6},
        hoverinfo="text",
        hovertext=[f"{label}, epoch {short_number(a)}<br>{_said(measure, b)}" for a, b in zip(x, y, strict=True)],
        xaxis=f"x{number}",
        yaxis=f"y{number}",
    )
    figure.add_annotation(
        xref=f"x{number} domain",
        yref=f"y{number}",
        x=1,
        y=height,
        text=f"{label} {_said(measure, y[-1], brief=True)}",
        xanchor="left",
        xshift=8,
        showarrow=False,
    )


def _said(measure: str, value: float, brief: bool = False) -> str:
    if measure == "accuracy":
        return percent(value)
    return f"{value:.2f}" if brief else f"loss {value:.4f}"


def _mark(figure: Figure, valid: pd.DataFrame, measure: str, number: str, best: float) -> None:
    near = valid.iloc[int((valid["epoch"] - best).abs().to_numpy().argmin())]
    figure.add_shape(
        type="line",
        xref=f"x{number}",
        yref=f"y{number} domain",
        x0=best,
        x1=best,
        y0=0,
        y1=1,
        line={"color": style.RULE, "width": 1, "dash": "dot"},
    )
    figure.add_scatter(
        x=[best],
        y=[float(near[measure])],
        name="best",
        mode="markers",
        marker={
            "symbol": "circle",
            "size": 10,
            "color": style.VALIDATION,
            "line": {"color": "#ffffff", "width": 2},
        },
        hoverinfo="text",
        hovertext=[f"best epoch, {short_number(best)}<br>{_said(measure, float(near[measure]))}"],
        xaxis=f"x{number}",
        yaxis=f"y{number}",
    )
    figure.add_annotation(
        xref=f"x{number}",
        yref=f"y{number} domain",
        x=best,
        y=1,
        text="best",
        yanchor="bottom",
        showarrow=False,
        font={"size": style.SMALL},
    )


def _nothing_yet(figure: Figure) -> None:
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        xref="paper", yref="paper", x=0, y=0.6, xanchor="left", showarrow=False, text="The first points come soon."
    )
