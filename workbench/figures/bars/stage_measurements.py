"""Measurements per stage side by side, to locate where a transfer fails."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.annotated_types import Frame
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.heatmaps.lr_grid import lr_color
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.frame_columns import check_columns
from workbench.figures.style.label_layout import percent_axis, round_ticks
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_multiplier, format_number, format_percent, truncate_middle

__all__ = ["stage_panel"]

_ROW, _NAME, _BETWEEN = 24, 6.9, 40  # pixels per row, per letter, between columns
_PANELS: Mapping[str, tuple[str, str]] = {  # column -> heading, title of its axis
    "probe": ("linear probe", "accuracy"),
    "transplant": ("layer transfer", "accuracy"),
    "drift": ("weight drift", "× its size"),
    "gap": ("domains apart", "A-distance"),
    "cka": ("similarity to pretrained", "CKA"),
    "gradient": ("gradient", "× its size"),
    "rank": ("rank of the features", "effective rank"),
    "mmd": ("domains apart", "MMD²"),
}
_COMPANIONS = {
    "probe": ("untrained", "untrained"),
    "transplant": ("tuned", "not frozen"),
}  # hollow companion, its label
_HOLLOW_COLUMNS = tuple(name for name, _ in _COMPANIONS.values())
_ACCURACY_COLUMNS = (*_COMPANIONS, *_HOLLOW_COLUMNS)
_MOST, _NARROWEST = 4, 620  # maximum number of columns; minimum width for a title


StageFrame = Annotated[
    Any,
    Frame(
        "stages and what was measured there, as a diagnosis of wb.diagnose(...) holds them",
        attribute="stages",
        columns=("stage",),
    ),
]


@check_arguments
def stage_panel(
    frame: StageFrame,
    columns: Sequence[str] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Plot one row per stage, the last one at the top as in the layer painter, and one column per measurement.

    Args:
        frame: frame with stage, stem first, and any of rate (multiplier, 0 is frozen), probe, transplant, untrained and
            tuned (accuracies, 0..1; the latter two are drawn beside the former), drift and gradient (relative, 0 or
            more), cka (0..1), gap (proxy A-distance, 0..2), mmd and rank; or any object with such a `.stages`, such as
            a diagnosis. Measurements that are missing at every stage are left out.
        columns: columns to draw, in this order; at most 4, by default the first 4 with values.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: a column is missing, or no column has values.
    """
    frame = getattr(frame, "stages", frame)
    check_columns(frame, ("stage", *(columns or ())), "stage_panel")
    rows = frame.reset_index(drop=True)
    rows = rows.assign(**{c: rows[c].astype(float) for c in (*_PANELS, "rate", "untrained", "tuned") if c in rows})
    unknown = [c for c in columns or () if c not in _PANELS]
    if unknown or (columns is not None and not 1 <= len(columns) <= _MOST):
        raise BadValue(
            f"columns= takes up to {_MOST} of {', '.join(_PANELS)}; got {', '.join(columns or ()) or 'none'}"
        )
    selected = [c for c in (columns or _PANELS) if c in _PANELS and c in rows and rows[c].notna().any()][:_MOST]
    if not selected and ("rate" not in rows or not len(rows)):
        raise BadValue("expected at least one column with values, got none: nothing was measured at any stage")
    names = [truncate_middle(n, 24) for n in rows["stage"]]
    left = theme.TITLE_MARGIN + _NAME * max(len(n) for n in names) + 12
    width = min(max(left + 100 + 190 * len(selected), _NARROWEST), theme.WIDEST)
    figure = create_figure(
        escape_markup(title if title is not None else _stage_title(rows)),
        width=width,
        plot_height=_ROW * len(rows),
        subtitle="learning rate: hatched frozen, dark low, bright high" if "rate" in rows else None,
        left=left,
        right=44,
        bottom=52,
        above=30,
        barmode="overlay",
    )
    plot_width = width - left - 44
    start = 40 / plot_width if "rate" in rows else 0.0
    if "rate" in rows:
        _add_rate_column(figure, rows, 26 / plot_width)
    column_width = (1 - start) / max(len(selected), 1)
    for index, column in enumerate(selected):
        gap = _BETWEEN / plot_width if index else 0.0
        _add_measurement_panel(
            figure, rows, column, index + 2, [start + index * column_width + gap, start + (index + 1) * column_width]
        )
    figure.update_yaxes(
        anchor="x",
        range=[-0.5, len(rows) - 0.5],
        tickvals=list(range(len(rows))),
        ticktext=[escape_markup(n) for n in names],
        **theme.CATEGORY_AXIS,
    )
    return figure


def _add_rate_column(figure: Figure, rows: pd.DataFrame, end: float) -> None:
    values = rows["rate"].fillna(0.0).tolist()
    figure.add_bar(
        x=[1.0] * len(values),
        y=list(range(len(values))),
        orientation="h",
        width=0.86,
        name="rate",
        marker={
            "color": [lr_color(v) for v in values],
            "line": {"width": 0},
            "pattern": {"shape": ["" if v else "/" for v in values], **theme.HATCH},
        },
        hoverinfo="text",
        hovertext=[
            f"<b>{escape_markup(n)}</b><br>{format_multiplier(v) + ' learning rate' if v else 'frozen'}"
            for n, v in zip(rows["stage"], values, strict=True)
        ],
    )
    figure.update_xaxes(domain=[0, end], range=[0, 1], showticklabels=False, ticks="", showline=False)
    _add_column_heading(figure, "x", 0.5, "rate", len(rows), "center")


def _add_measurement_panel(figure: Figure, rows: pd.DataFrame, column: str, number: int, domain: list[float]) -> None:
    axis, values = f"x{number}", rows[column]
    heading, unit = _PANELS[column]
    companion, companion_label = _COMPANIONS.get(column, ("", ""))
    companion_values = rows[companion] if companion in rows else pd.Series(dtype=float)
    unit += f"; hollow: {companion_label}" if companion_values.notna().any() else ""
    settings = _measurement_axis(column, [*values.dropna(), *companion_values.dropna()])
    if column in _ACCURACY_COLUMNS:
        if companion_values.notna().any():
            _add_dotted_line(
                figure, rows, companion, axis, theme.FROM_SCRATCH if companion == "untrained" else theme.FINE_TUNED
            )
        _add_dotted_line(figure, rows, column, axis, theme.FINE_TUNED)
    else:
        _add_measurement_bars(figure, rows, column, axis)
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
    _add_column_heading(figure, f"{axis} domain", 0.0, heading, len(rows), "left")


def _measurement_axis(column: str, values: list[float]) -> dict[str, Any]:
    if column in _ACCURACY_COLUMNS:
        return percent_axis(max(math.floor(10 * min(values) - 0.5) / 10, 0.0), 1.04, 4)
    if column == "cka":
        return _number_axis(1.18)  # identical is 1, whatever was measured
    return _number_axis(1.18 * (max([0.0, *values]) or 1.0))


def _number_axis(high: float) -> dict[str, Any]:
    ticks = round_ticks(0.0, high, 4)
    return {"range": [0.0, high], "tickvals": ticks, "ticktext": [format_number(t) for t in ticks]}


def _add_dotted_line(figure: Figure, rows: pd.DataFrame, column: str, axis: str, color: str) -> None:
    known = rows[rows[column].notna()]
    hollow = column in _HOLLOW_COLUMNS
    figure.add_scatter(
        x=known[column].tolist(),
        y=known.index.tolist(),
        xaxis=axis,
        mode="lines+markers",
        name=column,
        line={"color": color, "width": 1.6, "dash": "dot" if hollow else "solid"},
        marker={
            "color": "#ffffff" if hollow else color,
            "size": 8,
            "symbol": "circle",
            "line": {"color": color, "width": 1.6},
        },
        hoverinfo="text",
        hovertext=[_measurement_hover(row, column) for _, row in known.iterrows()],
        cliponaxis=False,
    )


def _add_measurement_bars(figure: Figure, rows: pd.DataFrame, column: str, axis: str) -> None:
    known = rows[rows[column].notna()]
    figure.add_bar(
        x=known[column].clip(lower=0.0).tolist(),  # unbiased estimates may be negative: see the number beside
        y=known.index.tolist(),
        xaxis=axis,
        orientation="h",
        width=0.6,
        name=column,
        marker={"color": theme.TARGET if column in ("gap", "mmd") else theme.PRETRAINED, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=[_measurement_hover(row, column) for _, row in known.iterrows()],
        text=[format_number(float(f"{v:.3g}")) for v in known[column]],
        textposition="outside",
        textfont={"size": 10},
        cliponaxis=False,
    )


def _measurement_hover(row: pd.Series, column: str) -> str:
    value = float(row[column])
    text = format_percent(value) if column in _ACCURACY_COLUMNS else format_number(float(f"{value:.3g}"))
    companions = {"untrained": "random weights", "tuned": "layer transfer, fine-tuned"}
    heading = companions.get(column) or _PANELS[column][0]
    return f"<b>{escape_markup(row['stage'])}</b><br>{heading}: {text}"


def _add_column_heading(
    figure: Figure, reference: str, x: float, text: str, n_stages: int, anchor: str, offset: int = 12
) -> None:
    figure.add_annotation(
        xref=reference,
        yref="y",
        x=x,
        y=n_stages - 0.5,
        yshift=offset,
        text=text,
        xanchor=anchor,
        showarrow=False,
        font={"size": theme.SMALL},
    )


def _stage_title(rows: pd.DataFrame) -> str:
    parts = []
    if "transplant" in rows and rows["transplant"].notna().any():
        best = rows.loc[rows["transplant"].idxmax()]
        parts.append(
            f"best with the stages up to {truncate_middle(best['stage'], 20)} transferred, "
            f"{format_percent(best['transplant'], 0)}"
        )
    elif {"probe", "untrained"} <= set(rows) and (rows["probe"] - rows["untrained"]).notna().any():
        gains = 100 * (rows["probe"] - rows["untrained"])
        stage = rows["stage"][gains.idxmax()]
        parts.append(
            f"pretraining helps most at {truncate_middle(stage, 20)}, {gains.max():+.0f} points"
            if gains.max() >= 1
            else "pretrained weights are not better than random ones at any stage"
        )
    if "drift" in rows and np.isfinite(rows["drift"]).any():
        row = rows.loc[rows["drift"].idxmax()]
        if float(row["drift"]) > 0:
            parts.append(
                f"training changed {truncate_middle(row['stage'], 20)} most, by {_format_drift(float(row['drift']))}"
            )
    sentence = "; ".join(parts) or f"{len(rows)} stages, from the stem to the last before the head"
    return sentence[:1].upper() + sentence[1:]


def _format_drift(drift: float) -> str:
    return (
        f"{format_percent(drift, 0)} of its norm" if drift < 1 else f"{format_number(float(f'{drift:.2g}'))}× its size"
    )
