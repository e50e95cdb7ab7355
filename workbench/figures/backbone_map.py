"""What a backbone costs, and what it brings."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.markers import Frame

from . import style
from .figure import Figure, page
from .placing import decades, padded
from .words import count, plain, short, short_number, these_columns

_WIDTH, _INNER, _LEFT, _RIGHT = 880, 340, 54, 30  # pixels
_GROUPS, _LABELS = 6, 12  # pretraining data told apart; labels on the front


Listing = Annotated[Any, Frame("backbones, as wb.backbones() lists them", columns=("name",))]


@check_arguments
def backbones(
    frame: Listing,
    *,
    size: str = "parameters",
    score: str = "top1",
    group: str = "pretrained_on",
    title: str | None = None,
) -> Figure:
    """Size against accuracy, a dot a backbone; those that nothing smaller beats are joined and named.

    Args:
        frame: frame with name, a size and a score column, optionally a group column.
        size: column on the logarithmic x axis: "parameters" (a count) or "gmacs" (10⁹ multiply-adds), > 0.
        score: column on the y axis, in % or within 0..1.
        group: column told apart by colour and shape.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: a column is missing.
    """
    these_columns(frame, ("name", size, score), "backbones")
    known = frame[frame[size].gt(0) & frame[score].notna()].copy()
    known["_score"] = known[score] * (100 if len(known) and known[score].max() <= 1 else 1)
    known = known.sort_values([size, "_score"], ascending=[True, False]).reset_index(drop=True)
    front = known[_front(known["_score"].to_numpy(float))]
    left_out = len(frame) - len(known)
    figure = page(
        plain(title if title is not None else _answer(front, size)),
        width=_WIDTH,
        inner=_INNER,
        subtitle=f"{len(known)} backbones; joined: nothing smaller is more accurate"
        + (f"; {left_out} without a published score left out" if left_out else ""),
        left=_LEFT,
        right=_RIGHT,
        above=40,
        showlegend=True,
        legend={"y": 1.01},
    )
    if len(known):
        _dots(figure, known, size, group)
        _joined(figure, front, size)
        _axes(figure, known, size)
        _names(figure, front, size)
    return figure


def _front(scores: np.ndarray) -> np.ndarray:
    """Which of the scores, in the order of size, no smaller one reaches."""
    before = np.concatenate([[-np.inf], np.maximum.accumulate(scores)[:-1]]) if len(scores) else scores
    return scores > before


def _answer(front: pd.DataFrame, size: str) -> str:
    if front.empty:
        return "No backbone has both a size and a score"
    best = front.iloc[-1]
    close = front[front["_score"] >= best["_score"] - 3].iloc[0]
    if close["name"] == best["name"]:
        return f"{short(best['name'], 40)} is the most accurate, {best['_score']:.1f} %"
    less = best[size] / close[size]
    what = {"parameters": "parameters", "gmacs": "multiply-adds"}.get(size, size)
    return f"{short(close['name'], 34)} is within 3 points of the best with {less:.2g}× fewer {what}"


def _dots(figure: Figure, known: pd.DataFrame, size: str, group: str) -> None:
    groups = known[group].fillna("unknown").astype(str) if group in known else pd.Series(["all"] * len(known))
    common = list(groups.value_counts().index[:_GROUPS])
    groups = groups.where(groups.isin(common), "other")
    for at, name in enumerate([*common, *(["other"] if (groups == "other").any() and "other" not in common else [])]):
        rows = known[groups == name]
        figure.add_scatter(
            x=rows[size].astype(float).tolist(),
            y=rows["_score"].tolist(),
            mode="markers",
            name=plain(short(name, 24)),
            showlegend=len(common) > 1,
            marker={
                "color": style.category(at) if name != "other" else style.FROM_SCRATCH,
                "symbol": style.SYMBOLS[at % len(style.SYMBOLS)],
                "size": 8 if len(known) < 200 else 6,
                "opacity": 0.9 if len(known) < 200 else 0.7,
            },
            hoverinfo="text",
            hovertext=[_told(row, size, group) for _, row in rows.iterrows()],
        )


def _told(row: pd.Series, size: str, group: str) -> str:
    lines = [f"<b>{plain(row['name'])}</b>", f"{row['_score']:.1f} %, {_sized(row[size], size)}"]
    if group in row and pd.notna(row[group]):
        lines.append(plain(row[group]))
    return "<br>".join(lines)


def _sized(value: float, size: str) -> str:
    if size == "parameters":
        return f"{count(value)} parameters"
    return f"{short_number(value)} {size}"


def _joined(figure: Figure, front: pd.DataFrame, size: str) -> None:
    figure.add_scatter(
        x=front[size].astype(float).tolist(),
        y=front["_score"].tolist(),
        mode="lines",
        name="front",
        showlegend=False,
        line={"color": style.RULE, "width": 1.2, "shape": "hv"},
        hoverinfo="skip",
    )


def _axes(figure: Figure, known: pd.DataFrame, size: str) -> None:
    low, high = float(known[size].min()) / 1.3, float(known[size].max()) * 1.3
    ticks = decades(low, high, 10)
    named = {"parameters": "parameters", "gmacs": "multiply-adds an image, 10⁹"}.get(size, plain(size))
    figure.update_xaxes(
        type="log",
        range=[math.log10(low), math.log10(high)],
        tickvals=ticks,
        ticktext=[count(t) if size == "parameters" else short_number(t) for t in ticks],
        title_text=named,
    )
    figure.update_yaxes(
        range=list(padded(known["_score"].tolist(), 0.05, 0.09)), showgrid=True, title_text="ImageNet top-1, %"
    )


def _names(figure: Figure, front: pd.DataFrame, size: str) -> None:
    """Names on the front, from the most accurate down, each only where no earlier one stands."""
    x_low, x_high = figure.layout.xaxis.range
    y_low, y_high = figure.layout.yaxis.range
    per_x = (_WIDTH - _LEFT - _RIGHT) / (x_high - x_low)
    per_y = _INNER / (y_high - y_low)
    taken: list[tuple[float, float, float]] = []
    for _, row in front.iloc[::-1].iterrows():
        label = short(row["name"], 28)
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
            text=plain(label),
            xanchor="left",
            xshift=start - x,
            yshift=9,
            showarrow=False,
            font={"size": style.SMALL},
        )
