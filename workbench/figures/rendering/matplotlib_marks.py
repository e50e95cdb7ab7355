"""Plotly's traces drawn by matplotlib: lines, markers, bars and heat maps, for the static SVG."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox

from workbench.figures.style import theme
from workbench.figures.style.markup import strip_markup

POINT = 0.72  # matplotlib points per CSS pixel, at 100 dpi
RASTERIZE_ABOVE = 900  # cells of a heat map, dots of a scatter plot; larger numbers are rasterized in the SVG
_DASHES = {
    "dash": (0, (5, 3)),
    "dot": (0, (1.2, 2)),
    "dashdot": (0, (5, 2.5, 1.2, 2.5)),
    "longdash": (0, (9, 4)),
    "longdashdot": (0, (9, 3, 1.2, 3)),
}
SYMBOLS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "cross": "P",
    "x": "X",
    "star": "*",
}


def css_to_rgba(value: Any, opacity: float = 1.0) -> tuple[float, float, float, float]:
    """Convert a CSS color to red, green, blue and opacity within 0..1."""
    match = re.fullmatch(r"rgba?\(([^)]*)\)", str(value).replace(" ", ""))
    if match:
        red, green, blue, *alpha = (float(part) for part in match[1].split(","))
        return red / 255, green / 255, blue / 255, (alpha[0] if alpha else 1.0) * opacity
    *rgb, alpha = to_rgba(value if value else theme.NEUTRAL)
    return rgb[0], rgb[1], rgb[2], alpha * opacity


def to_linestyle(name: Any) -> Any:
    """Convert plotly's dash to matplotlib's line style."""
    return _DASHES.get(str(name), "solid")


def to_floats(values: Any) -> np.ndarray:
    """Convert values to floats; None becomes NaN, and plotly's packed arrays are decoded.

    Raises:
        BadValue: names or dates on an axis, which the static SVG does not support.
    """
    if isinstance(values, dict) and "bdata" in values:
        from base64 import b64decode

        flat = np.frombuffer(b64decode(values["bdata"]), dtype=np.dtype(values["dtype"]).newbyteorder("<"))
        shape = [int(n) for n in str(values.get("shape", len(flat))).split(",")]
        return flat.reshape(shape).astype(float)
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def draw_scatter(axes: Axes, trace: dict[str, Any], index: int) -> None:
    """Draw lines, markers and texts; `index` of the trace decides the color if none is set."""
    x, y = to_floats(trace["x"]), to_floats(trace["y"])
    mode = trace.get("mode", "lines+markers" if len(x) < 20 else "lines")
    line, marker = trace.get("line", {}), trace.get("marker", {})
    opacity = trace.get("opacity", 1.0)
    if trace.get("fill") == "toself":
        axes.fill(x, y, facecolor=css_to_rgba(trace.get("fillcolor") or line.get("color")), linewidth=0, zorder=1)
    if "lines" in mode and line.get("width", 2) > 0:
        axes.plot(
            x,
            y,
            color=css_to_rgba(line.get("color") or theme.category_color(index), opacity),
            linewidth=line.get("width", 2) * POINT,
            linestyle=to_linestyle(line.get("dash")),
            drawstyle={"hv": "steps-post", "vh": "steps-pre", "hvh": "steps-mid"}.get(
                str(line.get("shape")), "default"
            ),
            solid_capstyle="round",
            dash_capstyle="butt",
        )
    if "markers" in mode:
        _draw_markers(
            axes, x, y, marker, marker.get("color") or line.get("color") or theme.category_color(index), opacity
        )
    _draw_error_bars(axes, x, y, trace)
    if "text" in mode:
        for a, b, text in zip(x, y, repeat_to_list(trace.get("text", ""), len(x)), strict=True):
            axes.text(a, b, strip_markup(str(text)), ha="center", va="bottom", size=theme.SMALL * POINT)


def _draw_markers(axes: Axes, x: np.ndarray, y: np.ndarray, marker: dict[str, Any], color: Any, opacity: float) -> None:
    outline = marker.get("line", {})
    if not isinstance(color, str):
        colors = _map_to_colors(color, marker)
    else:
        colors = [css_to_rgba(color, opacity * marker.get("opacity", 1.0))]
    size = marker.get("size", 6)
    sizes = to_floats(size) if not np.isscalar(size) else np.asarray(size, dtype=float)
    symbol = marker.get("symbol", "circle")
    axes.scatter(
        x,
        y,
        s=(sizes * POINT) ** 2,
        c=colors,
        marker=SYMBOLS.get(str(symbol), "o"),
        linewidths=outline.get("width", 0) * POINT,
        edgecolors=css_to_rgba(outline.get("color", color if isinstance(color, str) else theme.NEUTRAL)),
        zorder=3,
        clip_on=False,
        rasterized=len(x) > RASTERIZE_ABOVE,
    )


def _map_to_colors(values: Any, marker: dict[str, Any]) -> list[Any]:
    if isinstance(values, dict) or all(isinstance(v, int | float) for v in values):
        levels = to_floats(values)
        low, high = marker.get("cmin", np.nanmin(levels)), marker.get("cmax", np.nanmax(levels))
        return list(_build_colormap(marker.get("colorscale"))((levels - low) / ((high - low) or 1.0)))
    return [css_to_rgba(v) for v in values]


def _draw_error_bars(axes: Axes, x: np.ndarray, y: np.ndarray, trace: dict[str, Any]) -> None:
    for key in ("error_x", "error_y"):
        error = trace.get(key, {})
        if "array" in error:
            up = to_floats(error["array"])
            down = to_floats(error["arrayminus"]) if error.get("arrayminus") is not None else up
            spans: dict[str, Any] = {"xerr" if key == "error_x" else "yerr": [down, up]}
            color = error.get("color") or trace.get("marker", {}).get("color", theme.NEUTRAL)
            axes.errorbar(x, y, fmt="none", ecolor=css_to_rgba(color), elinewidth=1.5 * POINT, **spans)


def bar_geometry(trace: dict[str, Any]) -> tuple[bool, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return whether bars are horizontal, their bases and lengths, and across them their starts and widths."""
    is_horizontal = trace.get("orientation") == "h"
    lengths, positions = (to_floats(trace[k]) for k in (("x", "y") if is_horizontal else ("y", "x")))
    count, offset = len(lengths), trace.get("offset")
    bases = to_floats(repeat_to_list(trace.get("base") or 0.0, count))
    widths = to_floats(repeat_to_list(trace.get("width") or 0.8, count))
    starts = positions - widths / 2 if offset is None else positions + to_floats(repeat_to_list(offset, count))
    return is_horizontal, bases, lengths, starts, widths


def draw_bars(axes: Axes, trace: dict[str, Any], index: int) -> None:
    """Draw bars, horizontal or vertical, plain or hatched, with their texts at the end."""
    is_horizontal, bases, lengths, starts, widths = bar_geometry(trace)
    count = len(lengths)
    marker = trace.get("marker", {})
    pattern = marker.get("pattern", {})
    fills = repeat_to_list(marker.get("color") or theme.category_color(index), count)
    hatches = repeat_to_list(pattern.get("shape", ""), count)
    for start, base, length, width, fill, hatch in zip(starts, bases, lengths, widths, fills, hatches, strict=True):
        if not np.isfinite(length):
            continue
        corner, size = ((base, start), (length, width)) if is_horizontal else ((start, base), (width, length))
        face = pattern.get("bgcolor", theme.FROZEN) if hatch else fill
        axes.add_patch(Rectangle(corner, *size, facecolor=css_to_rgba(face), linewidth=0))
        if hatch:
            # a separate rectangle: the opacity of the face would apply to the hatch as well
            ink = css_to_rgba(pattern.get("fgcolor", theme.FROZEN_HATCH))
            axes.add_patch(Rectangle(corner, *size, facecolor="none", edgecolor=ink, linewidth=0, hatch="///"))
    ends = bases + np.nan_to_num(lengths)
    if trace.get("textposition") == "outside":
        for end, start, width, text in zip(
            ends, starts, widths, repeat_to_list(trace.get("text", ""), count), strict=True
        ):
            _draw_bar_text(axes, float(end), float(start + width / 2), strip_markup(str(text)), is_horizontal, trace)
    along, across = np.concatenate([bases, ends]), np.concatenate([starts, starts + widths])
    axes.update_datalim(np.column_stack([along, across] if is_horizontal else [across, along]))
    axes.autoscale_view()


def _draw_bar_text(
    axes: Axes, end: float, across: float, text: str, is_horizontal: bool, trace: dict[str, Any]
) -> None:
    axes.annotate(
        text,
        (end, across) if is_horizontal else (across, end),
        xytext=(3, 0) if is_horizontal else (0, 2),
        textcoords="offset points",
        ha="left" if is_horizontal else "center",
        va="center_baseline" if is_horizontal else "bottom",
        size=trace.get("textfont", {}).get("size", theme.TEXT) * POINT,
        annotation_clip=False,
    )


def heatmap_grid(trace: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values (rows, columns) of a heat map, and the centers of its columns and of its rows."""
    rows = trace["z"]
    z = to_floats(rows) if isinstance(rows, dict) else np.array([to_floats(row) for row in rows])
    x = to_floats(trace["x"]) if trace.get("x") is not None else np.arange(z.shape[1], dtype=float)
    y = to_floats(trace["y"]) if trace.get("y") is not None else np.arange(z.shape[0], dtype=float)
    return z, x, y


def draw_heatmap(axes: Axes, trace: dict[str, Any], index: int) -> None:
    """Draw cells with their gaps, their texts in black or white, and the color bar beside them."""
    z, x, y = heatmap_grid(trace)
    low, high = trace.get("zmin", np.nanmin(z)), trace.get("zmax", np.nanmax(z))
    mesh = axes.pcolormesh(
        cell_edges(x),
        cell_edges(y),
        np.ma.masked_invalid(z),
        cmap=_build_colormap(trace.get("colorscale")),
        vmin=low,
        vmax=high,
        rasterized=z.size > RASTERIZE_ABOVE,
        linewidth=1.5 * POINT if trace.get("xgap") else 0,
        edgecolor=(0.5, 0.5, 0.5, 0.12) if trace.get("xgap") else "none",
    )
    for i, line in enumerate(trace.get("text") or []):
        for j, text in enumerate(line):
            if text and np.isfinite(z[i, j]):
                ink = theme.text_color_on("#" + "".join(f"{round(255 * c):02x}" for c in mesh.to_rgba(z[i, j])[:3]))
                axes.text(x[j], y[i], strip_markup(str(text)), ha="center", va="center_baseline", color=ink, size=8.5)
    if trace.get("showscale", True):
        _draw_colorbar(axes, mesh, trace.get("colorbar", {}))


def _draw_colorbar(axes: Axes, mesh: Any, bar: dict[str, Any]) -> None:
    length = bar.get("len", 1)
    box = axes.inset_axes((1.0, 0.5 - length / 2, 0.025, length))
    box.set_axes_locator(_locate_colorbar(axes, 12, 10, length))
    scale = axes.figure.colorbar(mesh, cax=box)
    scale.outline.set_visible(False)  # type: ignore[operator]
    if bar.get("tickvals") is not None:
        scale.set_ticks(
            list(bar["tickvals"]), labels=[strip_markup(str(t)) for t in bar.get("ticktext", bar["tickvals"])]
        )
    box.tick_params(length=0, labelsize=theme.SMALL * POINT)
    if bar.get("title", {}).get("text"):
        box.set_title(strip_markup(bar["title"]["text"]), size=theme.SMALL * POINT, loc="left")


def _locate_colorbar(axes: Axes, gap: float, thickness: float, length: float) -> Callable[[Any, Any], Any]:
    """Return a locator for axes at the right of `axes`, `gap` pixels off and `thickness` pixels wide at any width."""

    def locate(_: Any, renderer: Any) -> Any:
        window = axes.get_window_extent(renderer)
        pixel = window.width / (axes.get_position().width * axes.figure.bbox.width / axes.figure.dpi * 100)
        box = Bbox.from_bounds(
            window.x1 + gap * pixel,
            window.y0 + (1 - length) / 2 * window.height,
            thickness * pixel,
            length * window.height,
        )
        return box.transformed(axes.figure.transFigure.inverted())

    return locate


def _build_colormap(stops: Any) -> LinearSegmentedColormap:
    pairs = [(float(stop), css_to_rgba(color)) for stop, color in (stops or theme.CIVIDIS)]
    return LinearSegmentedColormap.from_list("workbench", pairs)


def cell_edges(centers: np.ndarray) -> np.ndarray:
    """Return the edges of cells by their centers."""
    if len(centers) == 1:
        return np.array([centers[0] - 0.5, centers[0] + 0.5])
    middle = (centers[1:] + centers[:-1]) / 2
    return np.concatenate([[2 * centers[0] - middle[0]], middle, [2 * centers[-1] - middle[-1]]])


def repeat_to_list(value: Any, count: int) -> list[Any]:
    """Return `value` as a list; a single value is repeated `count` times."""
    if isinstance(value, dict):
        return list(to_floats(value))
    return list(value) if isinstance(value, list | tuple | np.ndarray) else [value] * count


TRACE_DRAWERS: dict[str, Callable[[Axes, dict[str, Any], int], None]] = {
    "scatter": draw_scatter,
    "bar": draw_bars,
    "heatmap": draw_heatmap,
}
