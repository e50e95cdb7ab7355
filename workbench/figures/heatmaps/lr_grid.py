"""Learning rate of every stage in every epoch as a heat map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from workbench.annotated_types import Array, Fraction
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_multiplier, format_percent, truncate_middle

__all__ = ["lr_heatmap"]

_ROW, _NAME = 24, 6.9  # pixels per row, per letter
# × base: ends of the color scale unless a value is outside, as in the layer painter
_SLOWEST, _FASTEST = 1e-2, 3.0


LrMultipliers = Annotated[Any, Array(ndim=2, finite=True, low=0.0)]


@check_arguments
def lr_heatmap(
    lr_multipliers: LrMultipliers,
    stages: Sequence[Any],
    shares: Sequence[Fraction] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Plot the learning rate of every stage in every epoch: head at the top, frozen stages hatched, bright for fast.

    Args:
        lr_multipliers: multipliers of the learning rate (S, E), 0 or more; 0 is frozen; rows from the stem to the head.
        stages: S names, or objects with `.name` and `.parameter_fraction`, stem to head.
        shares: S shares of the parameters within 0..1; taken from the stages by default, if they have them.
        title: replaces the title computed from the multipliers.

    Raises:
        BadValue: the array is not (S, E), contains negative or non-finite values, or does not match the stages.
    """
    multipliers = np.asarray(lr_multipliers, dtype=float)
    if multipliers.ndim != 2 or multipliers.shape[0] != len(stages) or 0 in multipliers.shape:
        raise BadValue(
            f"expected multipliers (stages, epochs); got the shape {multipliers.shape} for {len(stages)} stages"
        )
    if not np.isfinite(multipliers).all() or (multipliers < 0).any():
        raise BadValue("expected 0 (frozen) or a positive multiple of the learning rate in every cell")
    names = [str(getattr(stage, "name", stage)) for stage in stages]
    if shares is None and all(hasattr(stage, "parameter_fraction") for stage in stages):
        shares = [float(stage.parameter_fraction) for stage in stages]
    if shares is not None and len(shares) != len(stages):
        raise BadValue(f"expected one share per stage, {len(stages)}, got {len(shares)}")
    heading = escape_markup(title if title is not None else _tuning_title(multipliers, names, shares))
    return _draw_lr_heatmap(multipliers, names, shares, heading)


def _tuning_title(lr_multipliers: np.ndarray, names: list[str], shares: Sequence[float] | None) -> str:
    ever, always = np.any(lr_multipliers > 0, axis=1), np.all(lr_multipliers > 0, axis=1)
    if not ever.any():
        return "Every stage is frozen; nothing trains"
    if ever.all() and always.all():
        even = np.ptp(lr_multipliers) < 1e-12
        return "Every stage trains from the first epoch" + ("" if even else ", at its own rate")
    first, last, count = int((lr_multipliers[:, 0] > 0).sum()), int((lr_multipliers[:, -1] > 0).sum()), len(names)
    if first < last and ever.all():
        verb = "trains" if first == 1 else "train"
        return f"{first} of {count} stages {verb} at first, {_format_stage_count(last, count)} in the end"
    trained = [n for n, e in zip(names, ever.tolist(), strict=True) if e]
    subject = (
        f"Only {truncate_middle(trained[0], 20)} trains"
        if len(trained) == 1
        else f"{len(trained)} of {count} stages train"
    )
    if (always == ever).all() and shares is not None:
        return f"{subject}, {100 * float(np.sum(np.asarray(shares)[ever])):.3g} % of the parameters"
    return (
        subject
        if (always == ever).all()
        else f"{subject}, {_format_stage_count(first, count)} of them at first, "
        f"{_format_stage_count(last, count)} at last"
    )


def _format_stage_count(number: int, count: int) -> str:
    return "all" if number == count else "none" if number == 0 else str(number)


def _draw_lr_heatmap(
    lr_multipliers: np.ndarray, names: list[str], shares: Sequence[float] | None, heading: str
) -> Figure:
    stages, epochs = lr_multipliers.shape
    labels = [truncate_middle(n, 24) for n in names]
    left = theme.TITLE_MARGIN + _NAME * max(len(n) for n in labels) + (62 if shares is not None else 12)
    cell = min(max(560 / epochs, 5), 40)
    width = max(left + cell * epochs + 20, 460)
    figure = create_figure(
        heading,
        width=width,
        plot_height=_ROW * stages,
        left=left,
        right=width - left - cell * epochs,
        bottom=76,
        above=26,
        barmode="overlay",
        showlegend=True,
        legend={
            "xref": "container",
            "yref": "container",
            "x": theme.TITLE_MARGIN / width,
            "y": 4 / (_ROW * stages + 130),
            "itemclick": False,
            "itemdoubleclick": False,
        },
    )
    figure.add_bar(**_lr_cells(lr_multipliers, names))
    _add_lr_legend(figure, lr_multipliers)
    step = max(1, math.ceil(epochs * 18 / (cell * epochs))) if cell < 18 else 1
    ticks = [e for e in range(epochs) if (e + 1) % step == 0 or e == 0]
    figure.update_xaxes(
        range=[0, epochs],
        tickvals=[e + 0.5 for e in ticks],
        ticktext=[str(e + 1) for e in ticks],
        **theme.CATEGORY_AXIS,
        title={"text": "epoch", "standoff": 4},
    )
    _label_stages(figure, labels, shares, left)
    return figure


def _label_stages(figure: Figure, labels: list[str], shares: Sequence[float] | None, left: float) -> None:
    stages = len(labels)
    figure.update_yaxes(
        range=[-0.5, stages - 0.5],
        tickvals=list(range(stages)),
        ticktext=[format_percent(s) for s in shares] if shares is not None else [""] * stages,
        **theme.CATEGORY_AXIS,
    )
    headings = [(stages - 0.5, "stage", theme.TITLE_MARGIN - left, "left", 12)]
    if shares is not None:
        headings.append((stages - 0.5, "share", -6, "right", 12))
    rows = [
        (float(index), escape_markup(label), theme.TITLE_MARGIN - left, "left", 0) for index, label in enumerate(labels)
    ]
    for y, text, shift, anchor, up in rows + headings:
        figure.add_annotation(
            xref="paper",
            x=0,
            y=y,
            text=text,
            xanchor=anchor,
            xshift=shift,
            yshift=up,
            showarrow=False,
            font={"size": theme.SMALL if up else theme.TEXT},
        )


def _color_range(lr_multipliers: np.ndarray) -> tuple[float, float]:
    positive = lr_multipliers[lr_multipliers > 0]
    if not positive.size:
        return _SLOWEST, _FASTEST
    return min(float(positive.min()), _SLOWEST), max(float(positive.max()), _FASTEST)


def lr_color(multiplier: float, low: float = _SLOWEST, high: float = _FASTEST) -> str:
    """Return the color of a learning-rate multiplier: gray for frozen, else dark to bright from `low` to `high`."""
    if multiplier == 0:
        return theme.FROZEN_HATCH
    return theme.cividis_color(math.log(multiplier / low) / math.log(high / low))


def _lr_cells(lr_multipliers: np.ndarray, names: list[str]) -> dict[str, Any]:
    stages, epochs = lr_multipliers.shape
    low, high = _color_range(lr_multipliers)
    cells = [(s, e) for s in range(stages) for e in range(epochs)]
    gap = 0.06 if epochs <= 60 else 0.0
    return {
        "x": [1 - gap] * len(cells),
        "base": [e + gap / 2 for _, e in cells],
        "y": [s for s, _ in cells],
        "width": 0.88,
        "orientation": "h",
        "name": "rates",
        "showlegend": False,
        "marker": {
            "color": [lr_color(lr_multipliers[p], low, high) for p in cells],
            "line": {"width": 0},
            "pattern": {"shape": ["/" if lr_multipliers[p] == 0 else "" for p in cells], **theme.HATCH},
        },
        "hoverinfo": "text",
        "hovertext": [_lr_hover(names[s], e, float(lr_multipliers[s, e])) for s, e in cells],
    }


def _lr_hover(name: str, epoch: int, multiplier: float) -> str:
    rate = "frozen" if multiplier == 0 else f"{format_multiplier(multiplier)} base"
    return f"<b>{escape_markup(name)}</b>, epoch {epoch + 1}<br>{rate}"


def _add_lr_legend(figure: Figure, lr_multipliers: np.ndarray) -> None:
    """Add the legend: frozen, then the rates that occur, or rounded steps where more than five occur."""
    low, high = _color_range(lr_multipliers)
    rates = sorted({float(f"{v:.2g}") for v in lr_multipliers[lr_multipliers > 0]})
    if len(rates) > 5:
        steps = np.geomspace(rates[0], rates[-1], 5)
        rates = [float(f"{v:.1g}") for v in steps]
    entries = [("frozen", 0.0)] if (lr_multipliers == 0).any() else []
    entries += [(format_multiplier(v) + (" learning rate" if v == rates[-1] else ""), v) for v in rates]
    for name, multiplier in entries:
        figure.add_bar(
            x=[None],
            y=[None],
            name=name,
            showlegend=True,
            marker={
                "color": lr_color(multiplier, low, high),
                "line": {"width": 0},
                "pattern": {"shape": "/" if multiplier == 0 else "", **theme.HATCH},
            },
            hoverinfo="skip",
        )
