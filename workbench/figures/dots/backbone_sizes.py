"""Size against accuracy of backbones."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.annotated_types import Frame
from workbench.argument_checks import check_arguments
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.frame_columns import check_columns
from workbench.figures.style.label_layout import log_ticks, pad_range
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_count, format_number, truncate_middle

__all__ = ["accuracy_vs_size"]

_WIDTH, _INNER, _LEFT, _RIGHT = 880, 340, 54, 30  # pixels
_GROUPS, _LABELS = 6, 12  # pretraining data sets with their own color; labels on the front


BackboneFrame = Annotated[Any, Frame("backbones, as wb.search_backbones() lists them", columns=("name",))]


@check_arguments
def accuracy_vs_size(
    frame: BackboneFrame,
    *,
    size: str = "parameters",
    score: str = "top1",
    group: str = "pretrained_on",
    title: str | None = None,
) -> Figure:
    """Plot size against accuracy, one dot per backbone, with the Pareto front joined and labeled.

    Args:
        frame: frame with name, a size and a score column, optionally a group column.
        size: column on the logarithmic x axis: "parameters" (a count) or "gmacs" (10⁹ multiply-adds), > 0.
        score: column on the y axis, in % or within 0..1.
        group: column that decides color and marker.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: a column is missing.
    """
    check_columns(frame, ("name", size, score), "accuracy_vs_size")
    known = frame[frame[size].gt(0) & frame[score].notna()].copy()
    known["_score"] = known[score] * (100 if len(known) and known[score].max() <= 1 else 1)
    known = known.sort_values([size, "_score"], ascending=[True, False]).reset_index(drop=True)
    front = known[_is_on_pareto_front(known["_score"].to_numpy(float))]
    left_out = len(frame) - len(known)
    figure = create_figure(
        escape_markup(title if title is not None else _tradeoff_title(front, size)),
        width=_WIDTH,
        plot_height=_INNER,
        subtitle=f"{len(known)} backbones; joined: nothing smaller is more accurate"
        + (f"; {left_out} without a published score left out" if left_out else ""),
        left=_LEFT,
        right=_RIGHT,
        above=40,
        showlegend=True,
        legend={"y": 1.01},
    )
    if len(known):
        _add_backbone_dots(figure, known, size, group)
        _add_front_line(figure, front, size)
        _set_tradeoff_axes(figure, known, size)
        _label_front(figure, front, size)
    return figure


def _is_on_pareto_front(scores: np.ndarray) -> np.ndarray:
    """Return for each score, sorted by size, True if no smaller backbone reaches it."""
    before = np.concatenate([[-np.inf], np.maximum.accumulate(scores)[:-1]]) if len(scores) else scores
    return scores > before


def _tradeoff_title(front: pd.DataFrame, size: str) -> str:
    if front.empty:
        return "No backbone has both a size and a score"
    best = front.iloc[-1]
    close = front[front["_score"] >= best["_score"] - 3].iloc[0]
    if close["name"] == best["name"]:
        return f"{truncate_middle(best['name'], 40)} is the most accurate, {best['_score']:.1f} %"
    ratio = best[size] / close[size]
    unit = {"parameters": "parameters", "gmacs": "multiply-adds"}.get(size, size)
    return f"{truncate_middle(close['name'], 34)} is within 3 points of the best with {ratio:.2g}× fewer {unit}"


def _add_backbone_dots(figure: Figure, known: pd.DataFrame, size: str, group: str) -> None:
    groups = known[group].fillna("unknown").astype(str) if group in known else pd.Series(["all"] * len(known))
    common = list(groups.value_counts().index[:_GROUPS])
    groups = groups.where(groups.isin(common), "other")
    for index, name in enumerate(
        [*common, *(["other"] if (groups == "other").any() and "other" not in common else [])]
    ):
        rows = known[groups == name]
        figure.add_scatter(
            x=rows[size].astype(float).tolist(),
            y=rows["_score"].tolist(),
            mode="markers",
            name=escape_markup(truncate_middle(name, 24)),
            showlegend=len(common) > 1,
            marker={
                "color": theme.category_color(index) if name != "other" else theme.FROM_SCRATCH,
                "symbol": theme.SYMBOLS[index % len(theme.SYMBOLS)],
                "size": 8 if len(known) < 200 else 6,
                "opacity": 0.9 if len(known) < 200 else 0.7,
            },
            hoverinfo="text",
            hovertext=[_backbone_hover(row, size, group) for _, row in rows.iterrows()],
        )


def _backbone_hover(row: pd.Series, size: str, group: str) -> str:
    lines = [f"<b>{escape_markup(row['name'])}</b>", f"{row['_score']:.1f} %, {_format_size(row[size], size)}"]
    if group in row and pd.notna(row[group]):
        lines.append(escape_markup(row[group]))
    return "<br>".join(lines)


def _format_size(value: float, size: str) -> str:
    if size == "parameters":
        return f"{format_count(value)} parameters"
    return f"{format_number(value)} {size}"


def _add_front_line(figure: Figure, front: pd.DataFrame, size: str) -> None:
    figure.add_scatter(
        x=front[size].astype(float).tolist(),
        y=front["_score"].tolist(),
        mode="lines",
        name="front",
        showlegend=False,
        line={"color": theme.REFERENCE_COLOR, "width": 1.2, "shape": "hv"},
        hoverinfo="skip",
    )


def _set_tradeoff_axes(figure: Figure, known: pd.DataFrame, size: str) -> None:
    low, high = float(known[size].min()) / 1.3, float(known[size].max()) * 1.3
    ticks = log_ticks(low, high, 10)
    axis_title = {"parameters": "parameters", "gmacs": "multiply-adds an image, 10⁹"}.get(size, escape_markup(size))
    figure.update_xaxes(
        type="log",
        range=[math.log10(low), math.log10(high)],
        tickvals=ticks,
        ticktext=[format_count(t) if size == "parameters" else format_number(t) for t in ticks],
        title_text=axis_title,
    )
    figure.update_yaxes(
        range=list(pad_range(known["_score"].tolist(), 0.05, 0.09)), showgrid=True, title_text="ImageNet top-1, %"
    )


def _label_front(figure: Figure, front: pd.DataFrame, size: str) -> None:
    """Label the backbones of the front, most accurate first, and leave out labels that would overlap an earlier one."""
    x_low, x_high = figure.layout.xaxis.range
    y_low, y_high = figure.layout.yaxis.range
    per_x = (_WIDTH - _LEFT - _RIGHT) / (x_high - x_low)
    per_y = _INNER / (y_high - y_low)
    taken: list[tuple[float, float, float]] = []
    for _, row in front.iloc[::-1].iterrows():
        label = truncate_middle(row["name"], 28)
        x, y = (math.log10(row[size]) - x_low) * per_x, (row["_score"] - y_low) * per_y
        length = 6.2 * len(label)
        start = max(x - length - 6, 2)
        free = all(abs(y - ty) > 14 or start > tend or start + length < tstart for tstart, tend, ty in taken)
        if len(taken) >= _LABELS or not free:
            continue
        taken.append((start, start + length, y))
        figure.add_annotation(
            x=math.log10(row[size]),
            y=row["_score"],
            text=escape_markup(label),
            xanchor="left",
            xshift=start - x,
            yshift=9,
            showarrow=False,
            font={"size": theme.SMALL},
        )
