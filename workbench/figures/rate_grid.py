"""A tuning as a picture: which stage moves in which epoch, and how fast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Array, Share

from . import style
from .figure import Figure, page
from .words import plain, short, times

_ROW, _NAME = 24, 6.9  # pixels of a row, of a letter
# × base: the ends of the ramp unless something lies beyond, the same as in the layer painter
_SLOWEST, _FASTEST = 1e-2, 3.0


Rates = Annotated[Any, Array(ndim=2, finite=True, low=0.0)]


@check_arguments
def rates(
    grid: Rates,
    stages: Sequence[Any],
    shares: Sequence[Share] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """The learning rate of every stage in every epoch: the head on top, frozen hatched, bright is fast.

    Args:
        grid: multipliers of the base rate (S, E), 0 or more; 0 is frozen; rows from the stem to the head.
        stages: S names, or objects with `.name` and `.share`, stem to head.
        shares: S shares of the parameters within 0..1; taken from the stages when they have them.
        title: replaces the answer read from the grid.

    Raises:
        BadValue: the grid is not (S, E), holds a negative or no number, or does not match the stages.
    """
    multipliers = np.asarray(grid, dtype=float)
    if multipliers.ndim != 2 or multipliers.shape[0] != len(stages) or 0 in multipliers.shape:
        raise BadValue(
            f"a grid of rates has a row a stage and a column an epoch; "
            f"there came the shape {multipliers.shape} for {len(stages)} stages"
        )
    if not np.isfinite(multipliers).all() or (multipliers < 0).any():
        raise BadValue("a rate is 0 (frozen) or a positive multiple of the base rate")
    names = [str(getattr(stage, "name", stage)) for stage in stages]
    if shares is None and all(hasattr(stage, "share") for stage in stages):
        shares = [float(stage.share) for stage in stages]
    if shares is not None and len(shares) != len(stages):
        raise BadValue(f"shares are one a stage, {len(stages)}; got {len(shares)}")
    heading = plain(title if title is not None else _answer(multipliers, names, shares))
    return _drawn(multipliers, names, shares, heading)


def _answer(grid: np.ndarray, names: list[str], shares: Sequence[float] | None) -> str:
    ever, always = np.any(grid > 0, axis=1), np.all(grid > 0, axis=1)
    if not ever.any():
        return "Every stage is frozen; nothing trains"
    if ever.all() and always.all():
        even = np.ptp(grid) < 1e-12
        return "Every stage trains from the first epoch" + ("" if even else ", at its own rate")
    first, last, count = int((grid[:, 0] > 0).sum()), int((grid[:, -1] > 0).sum()), len(names)
    if first < last and ever.all():
        return f"{first} of {count} stages train{'s' if first == 1 else ''} at first, {_all(last, count)} in the end"
    moving = [n for n, e in zip(names, ever.tolist(), strict=True) if e]
    who = f"Only {short(moving[0], 20)} trains" if len(moving) == 1 else f"{len(moving)} of {count} stages train"
    if (always == ever).all() and shares is not None:
        return f"{who}, {100 * float(np.sum(np.asarray(shares)[ever])):.3g} % of the parameters"
    return (
        who if (always == ever).all() else f"{who}, {_all(first, count)} of them at first, {_all(last, count)} at last"
    )


def _all(number: int, count: int) -> str:
    return "all" if number == count else "none" if number == 0 else str(number)


def _drawn(grid: np.ndarray, names: list[str], shares: Sequence[float] | None, heading: str) -> Figure:
    stages, epochs = grid.shape
    labels = [short(n, 24) for n in names]
    left = style.EDGE + _NAME * max(len(n) for n in labels) + (62 if shares is not None else 12)
    cell = min(max(560 / epochs, 5), 40)
    width = max(left + cell * epochs + 20, 460)
    figure = page(
        heading,
        width=width,
        inner=_ROW * stages,
        left=left,
        right=width - left - cell * epochs,
        bottom=76,
        above=26,
        barmode="overlay",
        showlegend=True,
        legend={
            "xref": "container",
            "yref": "container",
            "x": style.EDGE / width,
            "y": 4 / (_ROW * stages + 130),
            "itemclick": False,
            "itemdoubleclick": False,
        },
    )
    figure.add_bar(**_cells(grid, names))
    _key(figure, grid)
    every = max(1, math.ceil(epochs * 18 / (cell * epochs))) if cell < 18 else 1
    ticks = [e for e in range(epochs) if (e + 1) % every == 0 or e == 0]
    figure.update_xaxes(
        range=[0, epochs],
        tickvals=[e + 0.5 for e in ticks],
        ticktext=[str(e + 1) for e in ticks],
        **style.NAMES,
        title={"text": "epoch", "standoff": 4},
    )
    _rows(figure, labels, shares, left)
    return figure


def _rows(figure: Figure, labels: list[str], shares: Sequence[float] | None, left: float) -> None:
    stages = len(labels)
    figure.update_yaxes(
        range=[-0.5, stages - 0.5],
        tickvals=list(range(stages)),
        ticktext=[f"{100 * s:.1f} %" for s in shares] if shares is not None else [""] * stages,
        **style.NAMES,
    )
    headings = [(stages - 0.5, "stage", style.EDGE - left, "left", 12)]
    if shares is not None:
        headings.append((stages - 0.5, "share", -6, "right", 12))
    rows = [(float(at), plain(label), style.EDGE - left, "left", 0) for at, label in enumerate(labels)]
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
            font={"size": style.SMALL if up else style.TEXT},
        )


def _span(grid: np.ndarray) -> tuple[float, float]:
    lit = grid[grid > 0]
    if not lit.size:
        return _SLOWEST, _FASTEST
    return min(float(lit.min()), _SLOWEST), max(float(lit.max()), _FASTEST)


def rate_colour(multiplier: float, low: float = _SLOWEST, high: float = _FASTEST) -> str:
    """The colour of a rate, relative to the base: the frozen grey, or dark to bright from `low` to `high`."""
    if multiplier == 0:
        return style.FROZEN_HATCH
    return style.ramp(math.log(multiplier / low) / math.log(high / low))


def _cells(grid: np.ndarray, names: list[str]) -> dict[str, Any]:
    stages, epochs = grid.shape
    low, high = _span(grid)
    places = [(s, e) for s in range(stages) for e in range(epochs)]
    gap = 0.06 if epochs <= 60 else 0.0
    return {
        "x": [1 - gap] * len(places),
        "base": [e + gap / 2 for _, e in places],
        "y": [s for s, _ in places],
        "width": 0.88,
        "orientation": "h",
        "name": "rates",
        "showlegend": False,
        "marker": {
            "color": [rate_colour(grid[p], low, high) for p in places],
            "line": {"width": 0},
            "pattern": {"shape": ["/" if grid[p] == 0 else "" for p in places], **style.HATCH},
        },
        "hoverinfo": "text",
        "hovertext": [_told(names[s], e, float(grid[s, e])) for s, e in places],
    }


def _told(name: str, epoch: int, multiplier: float) -> str:
    return f"<b>{plain(name)}</b>, epoch {epoch + 1}<br>{'frozen' if multiplier == 0 else times(multiplier) + ' base'}"


def _key(figure: Figure, grid: np.ndarray) -> None:
    """The legend: frozen, then the rates that occur, or round ones between where many occur."""
    low, high = _span(grid)
    lit = sorted({float(f"{v:.2g}") for v in grid[grid > 0]})
    if len(lit) > 5:
        steps = np.geomspace(lit[0], lit[-1], 5)
        lit = [float(f"{v:.1g}") for v in steps]
    entries = [("frozen", 0.0)] if (grid == 0).any() else []
    entries += [(times(v) + (" base rate" if v == lit[-1] else ""), v) for v in lit]
    for name, multiplier in entries:
        figure.add_bar(
            x=[None],
            y=[None],
            name=name,
            showlegend=True,
            marker={
                "color": rate_colour(multiplier, low, high),
                "line": {"width": 0},
                "pattern": {"shape": "/" if multiplier == 0 else "", **style.HATCH},
            },
            hoverinfo="skip",
        )
