"""Loss and accuracy over the epochs of a run."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.annotated_types import Frame
from workbench.argument_checks import check_arguments
from workbench.figures.rendering.figure import Figure, add_line_label, create_figure
from workbench.figures.style import theme
from workbench.figures.style.label_layout import pad_range, percent_axis, spread_labels
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_number, format_percent

__all__ = ["training_curves"]

_WIDTH, _INNER, _LEFT, _RIGHT, _BETWEEN = 880, 220, 58, 136, 206  # pixels
# split -> label, color, line width, dash: the lines differ in greyscale as well
_SPLIT_STYLES = {
    "train": ("training", theme.TRAINING, 1.4, "solid"),
    "valid": ("validation", theme.VALIDATION, 3.0, "solid"),
    "target": ("target", theme.TARGET, 2.2, "dash"),
}


PointFrame = Annotated[
    Any,
    Frame(
        "the points of a run, as wb.load_run(name) holds them",
        attribute="points",
        columns=("split",),
        numeric_columns=("epoch",),
    ),
]


@check_arguments
def training_curves(
    points: PointFrame,
    best_epoch: float | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Plot loss and accuracy over the epochs: training thin, validation bold, the target domain in its own color.

    Args:
        points: frame with epoch, split ("train", "valid", "target") and loss or accuracy; or any object with
            `.points`, such as a run.
        best_epoch: epoch to mark; by default the one with the highest validation accuracy.
        title: replaces the title computed from the points.

    Raises:
        BadValue: a column is missing.
    """
    frame = getattr(points, "points", points)
    measures = [m for m in ("loss", "accuracy") if m in frame and frame[m].notna().any()]
    if best_epoch is None:
        best_epoch = _find_best_epoch(frame)
    figure = create_figure(
        escape_markup(title if title is not None else _training_title(frame, best_epoch)),
        width=_WIDTH if len(measures) != 1 else 560,
        plot_height=_INNER,
        left=_LEFT,
        right=_RIGHT,
        above=28,
    )
    cut = _BETWEEN / (_WIDTH - _LEFT - _RIGHT) / 2
    for index, measure in enumerate(measures):
        domain = [0.0, 1.0] if len(measures) == 1 else ([0.0, 0.5 - cut], [0.5 + cut, 1.0])[index]
        _add_measure_panel(figure, frame, measure, str(index + 1) if index else "", domain, best_epoch)
    if not measures:
        _show_waiting_note(figure)
    return figure


def _find_best_epoch(frame: pd.DataFrame) -> float | None:
    for measure, pick in (("accuracy", "idxmax"), ("loss", "idxmin")):
        if measure in frame:
            rows = frame[frame["split"] == "valid"].reset_index(drop=True)
            if rows[measure].notna().any():
                return float(rows["epoch"][getattr(rows[measure], pick)()])
    return None


def _training_title(frame: pd.DataFrame, best_epoch: float | None) -> str:
    valid = frame[frame["split"] == "valid"]
    if best_epoch is None or valid.empty:
        return "No validation results yet"
    near = valid.iloc[int((valid["epoch"] - best_epoch).abs().to_numpy().argmin())]
    when = f"in epoch {format_number(best_epoch)}"
    if "accuracy" in frame and pd.notna(near["accuracy"]):
        last = valid["accuracy"].dropna().iloc[-1]
        end = "" if near["accuracy"] - last < 0.005 else f" and ends at {format_percent(last)}"
        return f"Validation accuracy reaches {format_percent(near['accuracy'])} {when}{end}"
    return f"Validation loss is lowest, {near['loss']:.3f}, {when}"


def _add_measure_panel(
    figure: Figure, frame: pd.DataFrame, measure: str, number: str, domain: list[float], best_epoch: float | None
) -> None:
    rows = {s: frame[(frame["split"] == s) & frame[measure].notna()].sort_values("epoch") for s in _SPLIT_STYLES}
    rows = {split: part for split, part in rows.items() if len(part)}
    values = np.concatenate([part[measure].to_numpy(float) for part in rows.values()])
    low, high = pad_range(values, 0.08, 0.10)
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
    heights = spread_labels(ends, 15 * (high - low) / _INNER, low, high)
    for (split, part), end, height in zip(rows.items(), ends, heights, strict=True):
        _add_split_line(figure, part, split, measure, number)
        label, color, _, _ = _SPLIT_STYLES[split]
        x_fraction = (float(part["epoch"].iloc[-1]) - x_low) / (x_high - x_low)
        text = f"{label} {_format_measure(measure, end, is_brief=True)}"
        add_line_label(figure, (x_fraction, end), height, text, color, (f"x{number}", f"y{number}"))
    if best_epoch is not None and "valid" in rows:
        _mark_best_epoch(figure, rows["valid"], measure, number, best_epoch)


def _add_split_line(figure: Figure, part: pd.DataFrame, split: str, measure: str, number: str) -> None:
    label, color, width, dash = _SPLIT_STYLES[split]
    x, y = part["epoch"].to_numpy(float), part[measure].to_numpy(float)
    figure.add_scatter(
        x=x.tolist(),
        y=y.tolist(),
        name=label,
        mode="lines" if len(part) > 1 else "markers",
        line={"color": color, "width": width, "dash": dash},
        marker={"color": color, "size": 6},
        hoverinfo="text",
        hovertext=[
            f"{label}, epoch {format_number(a)}<br>{_format_measure(measure, b)}" for a, b in zip(x, y, strict=True)
        ],
        cliponaxis=False,
        xaxis=f"x{number}",
        yaxis=f"y{number}",
    )


def _format_measure(measure: str, value: float, is_brief: bool = False) -> str:
    if measure == "accuracy":
        return format_percent(value)
    return f"{value:.2f}" if is_brief else f"loss {value:.4f}"


def _mark_best_epoch(figure: Figure, valid: pd.DataFrame, measure: str, number: str, best_epoch: float) -> None:
    near = valid.iloc[int((valid["epoch"] - best_epoch).abs().to_numpy().argmin())]
    figure.add_shape(
        type="line",
        xref=f"x{number}",
        yref=f"y{number} domain",
        x0=best_epoch,
        x1=best_epoch,
        y0=0,
        y1=1,
        line={"color": theme.REFERENCE_COLOR, "width": 1, "dash": "dot"},
    )
    figure.add_scatter(
        x=[best_epoch],
        y=[float(near[measure])],
        name="best",
        mode="markers",
        marker={
            "symbol": "circle",
            "size": 10,
            "color": theme.VALIDATION,
            "line": {"color": "#ffffff", "width": 2},
        },
        hoverinfo="text",
        hovertext=[f"best epoch, {format_number(best_epoch)}<br>{_format_measure(measure, float(near[measure]))}"],
        cliponaxis=False,
        xaxis=f"x{number}",
        yaxis=f"y{number}",
    )
    figure.add_annotation(
        xref=f"x{number}",
        yref=f"y{number} domain",
        x=best_epoch,
        y=1,
        text="best",
        yanchor="bottom",
        showarrow=False,
        font={"size": theme.SMALL},
    )


def _show_waiting_note(figure: Figure) -> None:
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        xref="paper", yref="paper", x=0, y=0.6, xanchor="left", showarrow=False, text="Waiting for the first results."
    )
