"""Where a transfer goes wrong: what was measured at every stage, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Frame

from . import style
from .figure import Figure, page
from .placing import percent_axis, round_ticks
from .rate_grid import rate_colour
from .words import percent, plain, short, short_number, these_columns, times

_ROW, _NAME, _BETWEEN = 24, 6.9, 40  # pixels of a row, of a letter, between columns
_PANELS: Mapping[str, tuple[str, str]] = {  # column -> what stands above it, what its axis counts
    "probe": ("linear head on it", "accuracy"),
    "transplant": ("transferred up to it", "accuracy"),
    "drift": ("moved by training", "× its size"),
    "gap": ("domains apart", "A-distance"),
    "cka": ("alike before, after", "CKA"),
    "gradient": ("pulled by the loss", "× its size"),
    "rank": ("directions in use", "effective rank"),
    "mmd": ("domains apart", "MMD²"),
}
_BESIDE = {"probe": ("untrained", "untrained"), "transplant": ("tuned", "not frozen")}  # drawn hollow, and its words
_HOLLOW = tuple(name for name, _ in _BESIDE.values())
_ACCURACIES = (*_BESIDE, *_HOLLOW)
_MOST, _NARROWEST = 4, 620  # columns that fit; pixels that a title takes


Stages = Annotated[
    Any,
    Frame(
        "stages and what was measured there, as a diagnosis of wb.diagnose(...) holds them",
        within="stages",
        columns=("stage",),
    ),
]


@check_arguments
def stage_strip(
    frame: Stages,
    columns: Sequence[str] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """A row a stage, the last one on top as in the layer painter, and a column for everything measured there.

    Args:
        frame: frame with stage, stem first, and any of rate (multiplier, 0 is frozen), probe, transplant, untrained and
            tuned (accuracies, 0..1; the latter two are drawn beside the former), drift and gradient (relative, 0 or
            more), cka (0..1), gap (proxy A-distance, 0..2), mmd and rank; or anything with such a `.stages`, such as a
            diagnosis. What is nowhere measured has no column.
        columns: which of them, in this order; at most 4, by default the first 4 that were measured.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: a column is missing, or nothing was measured.
    """
    frame = getattr(frame, "stages", frame)
    these_columns(frame, ("stage", *(columns or ())), "stage_strip")
    rows = frame.reset_index(drop=True)
    rows = rows.assign(**{c: rows[c].astype(float) for c in (*_PANELS, "rate", "untrained", "tuned") if c in rows})
    unknown = [c for c in columns or () if c not in _PANELS]
    if unknown or (columns is not None and not 1 <= len(columns) <= _MOST):
        raise BadValue(
            f"columns= names up to {_MOST} of {', '.join(_PANELS)}; got {', '.join(columns or ()) or 'none'}"
        )
    wanted = [c for c in (columns or _PANELS) if c in _PANELS and c in rows and rows[c].notna().any()][:_MOST]
    if not wanted and ("rate" not in rows or not len(rows)):
        raise BadValue("stage_strip wants at least one column with a number; nothing was measured at any stage")
    names = [short(n, 24) for n in rows["stage"]]
    left = style.EDGE + _NAME * max(len(n) for n in names) + 12
    width = min(max(left + 100 + 190 * len(wanted), _NARROWEST), style.WIDEST)
    figure = page(
        plain(title if title is not None else _answer(rows)),
        width=width,
        inner=_ROW * len(rows),
        subtitle="rates: hatched is frozen, dark slow, bright fast" if "rate" in rows else None,
        left=left,
        right=44,
        bottom=52,
        above=30,
        barmode="overlay",
    )
    lengths = width - left - 44
    start = 40 / lengths if "rate" in rows else 0.0
    if "rate" in rows:
        _rates(figure, rows, 26 / lengths)
    share = (1 - start) / max(len(wanted), 1)
    for at, column in enumerate(wanted):
        gap = _BETWEEN / lengths if at else 0.0
        _panel(figure, rows, column, at + 2, [start + at * share + gap, start + (at + 1) * share])
    figure.update_yaxes(
        anchor="x",
        range=[-0.5, len(rows) - 0.5],
        tickvals=list(range(len(rows))),
        ticktext=[plain(n) for n in names],
        **style.NAMES,
    )
    return figure


def _rates(figure: Figure, rows: pd.DataFrame, end: float) -> None:
    values = rows["rate"].fillna(0.0).tolist()
    figure.add_bar(
        x=[1.0] * len(values),
        y=list(range(len(values))),
        orientation="h",
        width=0.86,
        name="rate",
        marker={
            "color": [rate_colour(v) for v in values],
            "line": {"width": 0},
            "pattern": {"shape": ["" if v else "/" for v in values], **style.HATCH},
        },
        hoverinfo="text",
        hovertext=[
            f"<b>{plain(n)}</b><br>{times(v) + ' base rate' if v else 'frozen'}"
            for n, v in zip(rows["stage"], values, strict=True)
        ],
    )
    figure.update_xaxes(domain=[0, end], range=[0, 1], showticklabels=False, ticks="", showline=False)
    _above(figure, "x", 0.5, "rate", len(rows), "center")


def _panel(figure: Figure, rows: pd.DataFrame, column: str, number: int, domain: list[float]) -> None:
    axis, values = f"x{number}", rows[column]
    heading, unit = _PANELS[column]
    beside, words = _BESIDE.get(column, ("", ""))
    others = rows[beside] if beside in rows else pd.Series(dtype=float)
    unit += f"; hollow: {words}" if others.notna().any() else ""
    settings = _scale(column, [*values.dropna(), *others.dropna()])
    if column in _ACCURACIES:
        if others.notna().any():
            _dotted(figure, rows, beside, axis, style.FROM_SCRATCH if beside == "untrained" else style.FINE_TUNED)
        _dotted(figure, rows, column, axis, style.FINE_TUNED)
    else:
        _bars(figure, rows, column, axis)
    figure.update_layout(
        {
            f"xaxis{number}": {
                "anchor": "y",
                "domain": domain,
                "showgrid": True,
                "title": {"text": unit, "standoff": 6},
                **settings,
            }
        }
    )
    _above(figure, f"{axis} domain", 0.0, heading, len(rows), "left")


def _scale(column: str, values: list[float]) -> dict[str, Any]:
    if column in _ACCURACIES:
        return percent_axis(max(math.floor(10 * min(values) - 0.5) / 10, 0.0), 1.04, 4)
    if column == "cka":
        return _counted(1.18)  # alike is 1, whatever was measured
    return _counted(1.18 * (max([0.0, *values]) or 1.0))


def _counted(high: float) -> dict[str, Any]:
    ticks = round_ticks(0.0, high, 4)
    return {"range": [0.0, high], "tickvals": ticks, "ticktext": [short_number(t) for t in ticks]}


def _dotted(figure: Figure, rows: pd.DataFrame, column: str, axis: str, colour: str) -> None:
    known = rows[rows[column].notna()]
    hollow = column in _HOLLOW
    figure.add_scatter(
        x=known[column].tolist(),
        y=known.index.tolist(),
        xaxis=axis,
        mode="lines+markers",
        name=column,
        line={"color": colour, "width": 1.6, "dash": "dot" if hollow else "solid"},
        marker={
            "color": "#ffffff" if hollow else colour,
            "size": 8,
            "symbol": "circle",
            "line": {"color": colour, "width": 1.6},
        },
        hoverinfo="text",
        hovertext=[_told(row, column) for _, row in known.iterrows()],
        cliponaxis=False,
    )


def _bars(figure: Figure, rows: pd.DataFrame, column: str, axis: str) -> None:
    known = rows[rows[column].notna()]
    figure.add_bar(
        x=known[column].clip(lower=0.0).tolist(),  # estimates without bias may fall below: the number beside says so
        y=known.index.tolist(),
        xaxis=axis,
        orientation="h",
        width=0.6,
        name=column,
        marker={"color": style.TARGET if column in ("gap", "mmd") else style.PRETRAINED, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=[_told(row, column) for _, row in known.iterrows()],
        text=[short_number(float(f"{v:.3g}")) for v in known[column]],
        textposition="outside",
        textfont={"size": 10},
        cliponaxis=False,
    )


def _told(row: pd.Series, column: str) -> str:
    value = float(row[column])
    said = percent(value) if column in _ACCURACIES else short_number(float(f"{value:.3g}"))
    apart = {"untrained": "without the weights", "tuned": "transferred up to it, not frozen"}
    what = apart.get(column) or _PANELS[column][0]
    return f"<b>{plain(row['stage'])}</b><br>{what}: {said}"


def _above(figure: Figure, reference: str, x: float, text: str, count: int, anchor: str, up: int = 12) -> None:
    figure.add_annotation(
        xref=reference,
        yref="y",
        x=x,
        y=count - 0.5,
        yshift=up,
        text=text,
        xanchor=anchor,
        showarrow=False,
        font={"size": style.SMALL},
    )


def _answer(rows: pd.DataFrame) -> str:
    told = []
    if "transplant" in rows and rows["transplant"].notna().any():
        best = rows.loc[rows["transplant"].idxmax()]
        told.append(
            f"best with the stages up to {short(best['stage'], 20)} transferred, {percent(best['transplant'], 0)}"
        )
    elif {"probe", "untrained"} <= set(rows) and (rows["probe"] - rows["untrained"]).notna().any():
        worth = 100 * (rows["probe"] - rows["untrained"])
        at = rows["stage"][worth.idxmax()]
        told.append(
            f"the weights are worth most at {short(at, 20)}, {worth.max():+.0f} points"
            if worth.max() >= 1
            else "at no stage do the weights serve better than none"
        )
    if "drift" in rows and np.isfinite(rows["drift"]).any():
        most = rows.loc[rows["drift"].idxmax()]
        if float(most["drift"]) > 0:
            told.append(f"training moved {short(most['stage'], 20)} most, by {_moved(float(most['drift']))}")
    sentence = "; ".join(told) or f"{len(rows)} stages, from the stem to the last before the head"
    return sentence[:1].upper() + sentence[1:]


def _moved(drift: float) -> str:
    return f"{percent(drift, 0)} of its size" if drift < 1 else f"{short_number(float(f'{drift:.2g}'))}× its size"
