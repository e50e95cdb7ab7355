"""Regions of a static SVG that a page can point at and click: one per cell of a heat map and per bar.

A region is a transparent rectangle with its hover text as `<title>` and with names as attributes: `data-row` and
`data-column` of a cell, `data-category` and `data-series` of a bar. Names are those in the trace's `meta` (`rows` and
`columns`, or `categories`), which are complete, or else the ticks at that position.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.figures.rendering.matplotlib_marks import (
    POINT,
    RASTERIZE_ABOVE,
    bar_geometry,
    cell_edges,
    heatmap_grid,
    repeat_to_list,
    to_floats,
)
from workbench.figures.style.markup import strip_markup
from workbench.formatting import format_number

_MAX_CELLS = 10_000  # of a larger heat map no cell is large enough to be clicked
_SHORTEST = 24.0  # pixels of the shortest bar's region, so that a bar of length 0 can be clicked


@dataclass(frozen=True)
class Region:
    """Rectangle of a cell or a bar, in coordinates of its axes.

    Attributes:
        corners: x and y of two opposite corners.
        names: attributes by name, without `data-`.
        tooltip: hover text, plain.
        extends: axis along which the region is at least 24 px long, x or y; empty if it is not extended.
    """

    corners: tuple[tuple[float, float], tuple[float, float]]
    names: dict[str, str]
    tooltip: str
    extends: str = ""


def render_regions(
    figure: Figure, axes_by_pair: dict[tuple[str, str], Axes], traces: list[dict[str, Any]], layout: dict[str, Any]
) -> str:
    """Render the regions of all traces as an SVG group; empty if there are none."""
    rectangles = [
        _render_region(figure, axes_by_pair[trace.get("xaxis", "x"), trace.get("yaxis", "y")], region)
        for trace in traces
        for region in _list_regions(trace, layout)
    ]
    return f'<g class="wb-regions">{"".join(rectangles)}</g>' if rectangles else ""


def _list_regions(trace: dict[str, Any], layout: dict[str, Any]) -> Iterator[Region]:
    if trace["type"] == "heatmap":
        yield from _list_cells(trace, layout)
    elif trace["type"] == "bar":
        yield from _list_bars(trace, layout)


def _list_cells(trace: dict[str, Any], layout: dict[str, Any]) -> Iterator[Region]:
    z, x, y = heatmap_grid(trace)
    if z.size > _MAX_CELLS:
        return
    x_edges, y_edges, tooltips = cell_edges(x), cell_edges(y), trace.get("hovertext")
    columns = _list_names(trace, "columns", layout, "x", x)
    rows = _list_names(trace, "rows", layout, "y", y)
    for i, j in np.ndindex(*z.shape):
        tooltip = strip_markup(str(tooltips[i][j])) if tooltips is not None else ""
        if not np.isfinite(z[i, j]) or (z.size > RASTERIZE_ABOVE and not (z[i, j] and tooltip)):
            continue
        corners = (float(x_edges[j]), float(y_edges[i])), (float(x_edges[j + 1]), float(y_edges[i + 1]))
        yield Region(corners, {"row": rows[i], "column": columns[j]}, tooltip)


def _list_bars(trace: dict[str, Any], layout: dict[str, Any]) -> Iterator[Region]:
    is_horizontal, bases, lengths, starts, widths = bar_geometry(trace)
    axis = "y" if is_horizontal else "x"
    names = _list_names(trace, "categories", layout, axis, to_floats(trace[axis]))
    tooltips = repeat_to_list(trace.get("hovertext") or "", len(lengths))
    series = strip_markup(str(trace.get("name") or ""))
    for index in np.flatnonzero(np.isfinite(lengths)).tolist():
        base, start = float(bases[index]), float(starts[index])
        end, edge = base + float(lengths[index]), start + float(widths[index])
        corners = ((base, start), (end, edge)) if is_horizontal else ((start, base), (edge, end))
        attributes = {"category": names[index], **({"series": series} if series else {})}
        yield Region(corners, attributes, strip_markup(str(tooltips[index])), "x" if is_horizontal else "y")


def _list_names(trace: dict[str, Any], key: str, layout: dict[str, Any], axis: str, positions: np.ndarray) -> list[str]:
    """Return the names of the rows, columns or categories at the positions on an axis."""
    meta = trace.get("meta")
    if isinstance(meta, dict) and key in meta:
        return [str(name) for name in meta[key]]
    settings = layout.get(f"{axis}axis{trace.get(f'{axis}axis', axis)[1:]}", {})
    values = settings.get("tickvals")
    if values is None:
        return [format_number(float(position)) for position in positions]
    ticks = {float(v): strip_markup(str(t)) for v, t in zip(values, settings.get("ticktext", values), strict=False)}
    return [ticks.get(float(position), format_number(float(position))) for position in positions]


def _render_region(figure: Figure, axes: Axes, region: Region) -> str:
    width, height = figure.get_size_inches() * figure.dpi
    pixels = figure.transFigure.inverted().transform(axes.transData.transform(np.array(region.corners)))
    x0, x1 = sorted(pixels[:, 0] * width)
    y0, y1 = sorted((1 - pixels[:, 1]) * height)
    if region.extends == "x":
        x1 = max(x1, x0 + _SHORTEST)
    elif region.extends == "y":
        y0 = min(y0, y1 - _SHORTEST)
    box = {"x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0}
    numbers = " ".join(f'{name}="{value * POINT:.2f}"' for name, value in box.items())
    names = " ".join(f'data-{name}="{html.escape(text)}"' for name, text in region.names.items())
    title = f"<title>{html.escape(region.tooltip)}</title>" if region.tooltip else ""
    return f'<rect {numbers} fill="none" pointer-events="all" {names}>{title}</rect>'
