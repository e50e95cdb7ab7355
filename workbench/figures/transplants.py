"""How general each stage is: curves of layer transfer."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Frame

from . import style
from .figure import Figure, leader, page
from .placing import padded, percent_axis, spread
from .words import plain, short

_WIDTH, _INNER = 760, 320
# frozen ones solid, those trained on dashed; from the other task in the target's colour, from its own in the source's
_LOOK = {
    "BnB": ("#0072B2", "solid", "circle", "own stages, frozen"),
    "BnB+": ("#56B4E9", "dash", "square", "own, trained on"),
    "AnB": ("#D55E00", "solid", "diamond", "other task's, frozen"),
    "AnB+": ("#E69F00", "dash", "triangle-up", "other's, trained on"),
}
_SAID = {"dip": "dip: co-adapted stages split", "drop": "drop: stages too specific"}


Transplants = Annotated[
    Any,
    Frame(
        "transplants, as wb.layer_transfer(...) gives them",
        within="frame",
        columns=("kind",),
        numbers=("n",),
        shares=("accuracy",),
        rows=1,
    ),
]


@check_arguments
def layer_transfer(
    result: Transplants,
    *,
    title: str | None = None,
) -> Figure:
    """Accuracy against the number of transplanted stages, a line a kind, the dip and the drop marked.

    Args:
        result: what `wb.layer_transfer` gives; or a frame with n, kind, accuracy (0..1), optionally stage and seed.
        title: replaces the answer read from the result.

    Raises:
        BadValue: a column is missing.
    """
    frame = getattr(result, "frame", result)
    means = frame.groupby(["kind", "n"], sort=False)["accuracy"].agg(["mean", "min", "max", "count"]).reset_index()
    base = means[means["kind"] == "B"]
    curves = {kind: means[means["kind"] == kind].sort_values("n") for kind in _LOOK if (means["kind"] == kind).any()}
    if not curves:
        raise BadValue(f"layer_transfer wants rows of {', '.join(_LOOK)}; there are {sorted(set(frame['kind']))}")
    marks = getattr(result, "marks", None)
    marks = marks[marks["clear"]] if marks is not None else None
    seeds = int(means["count"].max())
    figure = page(
        plain(title if title is not None else _answer(curves, marks)),
        width=_WIDTH,
        inner=_INNER,
        subtitle=f"band: lowest to highest of {seeds} seeds" if seeds > 1 else None,
        left=70,
        right=196,
        bottom=66,
    )
    for kind, part in curves.items():
        _curve(figure, kind, part, seeds > 1)
    _axes(figure, frame, means)
    if len(base):
        _level(figure, float(base["mean"].iloc[0]))
    if marks is not None:
        for row in marks.to_dict("records"):
            _mark(figure, row, row["n"] > frame["n"].max() / 2)
    _ends(figure, curves)
    return figure


def _curve(figure: Figure, kind: str, part: pd.DataFrame, band: bool) -> None:
    colour, dash, symbol, told = _LOOK[kind]
    if band:
        figure.add_scatter(
            x=[*part["n"], *part["n"][::-1]],
            y=[*part["max"], *part["min"][::-1]],
            mode="lines",
            name="band",
            line={"width": 0, "color": colour},
            fill="toself",
            fillcolor=style.faint(colour, 0.16),
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=part["n"].tolist(),
        y=part["mean"].tolist(),
        mode="lines+markers",
        name=kind,
        line={"color": colour, "width": 2.4, "dash": dash},
        marker={"color": colour, "size": 8, "symbol": symbol},
        hoverinfo="text",
        hovertext=[
            f"<b>{kind}</b>: {told}<br>{n} stages, {100 * y:.1f} % right"
            for n, y in zip(part["n"], part["mean"], strict=True)
        ],
    )


def _axes(figure: Figure, frame: pd.DataFrame, means: pd.DataFrame) -> None:
    low, high = padded([*means["min"], *means["max"]], 0.08, 0.1)
    figure.update_yaxes(**percent_axis(max(low, 0.0), min(high, 1.0)), showgrid=True, title_text="accuracy on B")
    steps = sorted(n for n in set(frame["n"]) if n > 0)
    named = dict(zip(frame["n"], frame["stage"], strict=True)) if "stage" in frame else {}
    figure.update_xaxes(
        range=[min(steps) - 0.3, max(steps) + 0.3],
        tickvals=steps,
        ticktext=[f"{n}<br>{plain(short(named[n], 12))}" if named.get(n) else str(n) for n in steps],
        title_text="stages transplanted, up to",
    )


def _level(figure: Figure, accuracy: float) -> None:
    """The net trained on B alone: what every curve is measured against."""
    figure.add_shape(
        type="line",
        xref="x domain",
        yref="y",
        x0=0,
        x1=1,
        y0=accuracy,
        y1=accuracy,
        line={"color": style.RULE, "width": 1.5, "dash": "dot"},
    )
    figure.add_annotation(
        xref="x domain",
        x=0,
        y=accuracy,
        text="B alone",
        xanchor="left",
        yanchor="bottom",
        yshift=2,
        showarrow=False,
        font={"size": style.SMALL},
    )


def _mark(figure: Figure, row: dict[str, Any], late: bool) -> None:
    """A bracket from where the accuracy should be to where it is, with what it is called."""
    n, colour = float(row["n"]), _LOOK[row["kind"]][0]
    figure.add_shape(
        type="line", x0=n, x1=n, y0=float(row["low"]), y1=float(row["high"]), line={"color": colour, "width": 1.5}
    )
    figure.add_annotation(
        name=row["name"],
        x=n,
        y=float(row["low"]),
        text=f"{_SAID[row['name']]}, −{row['points']:.0f}",
        xanchor="right" if late else "left",
        yanchor="top",
        xshift=-4 if late else 4,
        yshift=-6,
        showarrow=False,
        font={"size": style.SMALL},
    )


def _ends(figure: Figure, curves: dict[str, pd.DataFrame]) -> None:
    (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    ends = [float(part["mean"].iloc[-1]) for part in curves.values()]
    heights = spread(ends, 15 * (top - bottom) / _INNER, bottom, top)
    for (kind, part), end, height in zip(curves.items(), ends, heights, strict=True):
        reached = (float(part["n"].iloc[-1]) - left) / (right - left)
        leader(figure, (reached, end), height, f"{kind}: {_LOOK[kind][3]}", _LOOK[kind][0])


def _answer(curves: dict[str, pd.DataFrame], marks: pd.DataFrame | None) -> str:
    found = {row["name"]: row for row in ([] if marks is None else marks.to_dict("records"))}
    if "drop" in found:
        row = found["drop"]
        said = f"Stages of another task cost {row['points']:.0f} points by {short(row['stage'], 16)}"
        dip = found.get("dip")
        return f"{said}; splitting the net costs {dip['points']:.0f} at {short(dip['stage'], 16)}" if dip else said
    if "dip" in found:
        return f"Splitting the net costs {found['dip']['points']:.0f} points at {short(found['dip']['stage'], 16)}"
    ends = {kind: float(part["mean"].iloc[-1]) for kind, part in curves.items()}
    best = max(ends, key=lambda kind: ends[kind])
    return f"{best} ends highest, {100 * ends[best]:.0f} % right"
