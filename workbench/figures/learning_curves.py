"""How loss and accuracy moved while a run trained."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.markers import Frame

from . import style
from .figure import Figure, leader, page
from .placing import padded, percent_axis, spread
from .words import percent, plain, short_number

_WIDTH, _INNER, _LEFT, _RIGHT, _BETWEEN = 880, 220, 58, 136, 206  # pixels
# split -> label, colour, line width, dash: greyscale still tells them apart
_LINES = {
    "train": ("training", style.TRAINING, 1.4, "solid"),
    "valid": ("validation", style.VALIDATION, 3.0, "solid"),
    "target": ("target", style.TARGET, 2.2, "dash"),
}


Points = Annotated[
    Any,
    Frame("the points of a run, as wb.run(name) holds them", within="points", columns=("split",), numbers=("epoch",)),
]


@check_arguments
def curves(
    points: Points,
    best: float | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Loss and accuracy over the epochs: training thin, validation bold, the target domain in its own colour.

    Args:
        points: frame with epoch, split ("train", "valid", "target") and loss or accuracy; or anything with
            `.points`, such as a run.
        best: the epoch to mark; the one with the highest validation accuracy when left out.
        title: replaces the answer read from the points.

    Raises:
        BadValue: a column is missing.
    """
    frame = getattr(points, "points", points)
    measures = [m for m in ("loss", "accuracy") if m in frame and frame[m].notna().any()]
    if best is None:
        best = _best_epoch(frame)
    figure = page(
        plain(title if title is not None else _answer(frame, best)),
        width=_WIDTH if len(measures) != 1 else 560,
        inner=_INNER,
        left=_LEFT,
        right=_RIGHT,
        above=28,
    )
    cut = _BETWEEN / (_WIDTH - _LEFT - _RIGHT) / 2
    for place, measure in enumerate(measures):
        domain = [0.0, 1.0] if len(measures) == 1 else ([0.0, 0.5 - cut], [0.5 + cut, 1.0])[place]
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
    x_low, x_high = min(0.0, float(frame["epoch"].min())), float(frame["epoch"].max()) or 1.0
    figure.update_layout(
        {
            f"xaxis{number}": {
                "anchor": f"y{number}",
                "domain": domain,
                "range": [x_low, x_high],
                "title": {"text": "epoch"},
                "nticks": 7,
            },
            f"yaxis{number}": {
                "anchor": f"x{number}",
                "showgrid": True,
                "title": {"text": "accuracy" if measure == "accuracy" else "loss, nats"},
                **(percent_axis(low, high) if measure == "accuracy" else {"range": [low, high], "nticks": 6}),
            },
        }
    )
    ends = [float(part[measure].iloc[-1]) for part in rows.values()]
    heights = spread(ends, 15 * (high - low) / _INNER, low, high)
    for (split, part), end, height in zip(rows.items(), ends, heights, strict=True):
        _line(figure, part, split, measure, number)
        label, colour, _, _ = _LINES[split]
        reached = (float(part["epoch"].iloc[-1]) - x_low) / (x_high - x_low)
        text = f"{label} {_said(measure, end, brief=True)}"
        leader(figure, (reached, end), height, text, colour, (f"x{number}", f"y{number}"))
    if best is not None and "valid" in rows:
        _mark(figure, rows["valid"], measure, number, best)


def _line(figure: Figure, part: pd.DataFrame, split: str, measure: str, number: str) -> None:
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
        cliponaxis=False,
        xaxis=f"x{number}",
        yaxis=f"y{number}",
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
        cliponaxis=False,
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
