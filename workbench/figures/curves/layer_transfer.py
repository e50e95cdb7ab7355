"""Generality of each stage: layer transfer curves."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.annotated_types import Frame
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.figure import Figure, add_line_label, create_figure
from workbench.figures.style import theme
from workbench.figures.style.label_layout import pad_range, percent_axis, spread_labels
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_percent, truncate_middle

__all__ = ["layer_transfer_curves"]

_WIDTH, _INNER = 760, 320
# frozen stages solid, fine-tuned ones dashed; stages of the other task in the target's color, own ones in the source's
_KIND_STYLES = {
    "BnB": ("#0072B2", "solid", "circle", "own stages, frozen"),
    "BnB+": ("#56B4E9", "dash", "square", "own, fine-tuned"),
    "AnB": ("#D55E00", "solid", "diamond", "other task's, frozen"),
    "AnB+": ("#E69F00", "dash", "triangle-up", "other's, fine-tuned"),
}
_MARK_LABELS = {"dip": "dip: co-adapted stages split", "drop": "drop: stages too specific"}


TransplantFrame = Annotated[
    Any,
    Frame(
        "transplants, as wb.layer_transfer_curve(...) gives them",
        attribute="frame",
        columns=("kind",),
        numeric_columns=("n",),
        fraction_columns=("accuracy",),
        min_rows=1,
    ),
]


@check_arguments
def layer_transfer_curves(
    result: TransplantFrame,
    *,
    title: str | None = None,
) -> Figure:
    """Plot accuracy against the number of transferred stages, one line per kind, with the dip and the drop marked.

    Args:
        result: result of `wb.layer_transfer_curve`; or a frame with n, kind, accuracy (0..1), optionally stage and
            seed.
        title: replaces the title computed from the result.

    Raises:
        BadValue: a column is missing.
    """
    frame = getattr(result, "frame", result)
    means = frame.groupby(["kind", "n"], sort=False)["accuracy"].agg(["mean", "min", "max", "count"]).reset_index()
    base = means[means["kind"] == "B"]
    curves = {
        kind: means[means["kind"] == kind].sort_values("n") for kind in _KIND_STYLES if (means["kind"] == kind).any()
    }
    if not curves:
        raise BadValue(f"expected rows of the kinds {', '.join(_KIND_STYLES)}; there are {sorted(set(frame['kind']))}")
    losses = getattr(result, "greatest_losses", None)
    losses = losses[losses["clear"]] if losses is not None else None
    seeds = int(means["count"].max())
    figure = create_figure(
        escape_markup(title if title is not None else _layer_transfer_title(curves, losses)),
        width=_WIDTH,
        plot_height=_INNER,
        subtitle=f"band: lowest to highest of {seeds} seeds" if seeds > 1 else None,
        left=70,
        right=196,
        bottom=66,
    )
    for kind, part in curves.items():
        _add_kind_curve(figure, kind, part, seeds > 1)
    _set_transplant_axes(figure, frame, means)
    if len(base):
        _add_base_level(figure, float(base["mean"].iloc[0]))
    if losses is not None:
        for row in losses.to_dict("records"):
            _add_drop_bracket(figure, row, row["n"] > frame["n"].max() / 2)
    _label_kind_ends(figure, curves)
    return figure


def _add_kind_curve(figure: Figure, kind: str, part: pd.DataFrame, has_band: bool) -> None:
    color, dash, symbol, label = _KIND_STYLES[kind]
    if has_band:
        figure.add_scatter(
            x=[*part["n"], *part["n"][::-1]],
            y=[*part["max"], *part["min"][::-1]],
            mode="lines",
            name="band",
            line={"width": 0, "color": color},
            fill="toself",
            fillcolor=theme.with_opacity(color, 0.16),
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=part["n"].tolist(),
        y=part["mean"].tolist(),
        mode="lines+markers",
        name=kind,
        line={"color": color, "width": 2.4, "dash": dash},
        marker={"color": color, "size": 8, "symbol": symbol},
        hoverinfo="text",
        hovertext=[
            f"<b>{kind}</b>: {label}<br>{n} stages, {format_percent(y)} right"
            for n, y in zip(part["n"], part["mean"], strict=True)
        ],
    )


def _set_transplant_axes(figure: Figure, frame: pd.DataFrame, means: pd.DataFrame) -> None:
    low, high = pad_range([*means["min"], *means["max"]], 0.08, 0.1)
    figure.update_yaxes(**percent_axis(max(low, 0.0), min(high, 1.0)), showgrid=True, title_text="accuracy on B")
    steps = sorted(n for n in set(frame["n"]) if n > 0)
    named = dict(zip(frame["n"], frame["stage"], strict=True)) if "stage" in frame else {}
    figure.update_xaxes(
        range=[min(steps) - 0.3, max(steps) + 0.3],
        tickvals=steps,
        ticktext=[f"{n}<br>{escape_markup(truncate_middle(named[n], 12))}" if named.get(n) else str(n) for n in steps],
        title_text="number of transferred stages",
    )


def _add_base_level(figure: Figure, accuracy: float) -> None:
    """Add the accuracy of the net trained on B alone, the reference of every curve."""
    figure.add_shape(
        type="line",
        xref="x domain",
        yref="y",
        x0=0,
        x1=1,
        y0=accuracy,
        y1=accuracy,
        line={"color": theme.REFERENCE_COLOR, "width": 1.5, "dash": "dot"},
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
        font={"size": theme.SMALL},
    )


def _add_drop_bracket(figure: Figure, row: dict[str, Any], is_late: bool) -> None:
    """Add a bracket from the expected accuracy to the measured one, with its label."""
    n, color = float(row["n"]), _KIND_STYLES[row["kind"]][0]
    figure.add_shape(
        type="line", x0=n, x1=n, y0=float(row["low"]), y1=float(row["high"]), line={"color": color, "width": 1.5}
    )
    figure.add_annotation(
        name=row["name"],
        x=n,
        y=float(row["low"]),
        text=f"{_MARK_LABELS[row['name']]}, −{row['points']:.0f}",
        xanchor="right" if is_late else "left",
        yanchor="top",
        xshift=-4 if is_late else 4,
        yshift=-6,
        showarrow=False,
        font={"size": theme.SMALL},
    )


def _label_kind_ends(figure: Figure, curves: dict[str, pd.DataFrame]) -> None:
    (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    ends = [float(part["mean"].iloc[-1]) for part in curves.values()]
    heights = spread_labels(ends, 15 * (top - bottom) / _INNER, bottom, top)
    for (kind, part), end, height in zip(curves.items(), ends, heights, strict=True):
        x_fraction = (float(part["n"].iloc[-1]) - left) / (right - left)
        add_line_label(figure, (x_fraction, end), height, f"{kind}: {_KIND_STYLES[kind][3]}", _KIND_STYLES[kind][0])


def _layer_transfer_title(curves: dict[str, pd.DataFrame], losses: pd.DataFrame | None) -> str:
    by_name = {row["name"]: row for row in ([] if losses is None else losses.to_dict("records"))}
    if "drop" in by_name:
        row = by_name["drop"]
        drop_text = f"Stages of another task cost {row['points']:.0f} points by {truncate_middle(row['stage'], 16)}"
        dip = by_name.get("dip")
        return (
            f"{drop_text}; splitting the net costs {dip['points']:.0f} at {truncate_middle(dip['stage'], 16)}"
            if dip
            else drop_text
        )
    if "dip" in by_name:
        dip = by_name["dip"]
        return f"Splitting the net costs {dip['points']:.0f} points at {truncate_middle(dip['stage'], 16)}"
    ends = {kind: float(part["mean"].iloc[-1]) for kind, part in curves.items()}
    best = max(ends, key=lambda kind: ends[kind])
    return f"{best} ends highest, {format_percent(ends[best], 0)} right"
