"""Plotly's marks drawn by matplotlib: lines, dots, bars and heat, for the stills."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox

from . import style
from .words import shown

POINT = 0.72  # matplotlib points a CSS pixel, at 100 dots an inch
_RASTER_FROM = 900  # cells of a heat map, dots of a scatter: beyond, a still keeps a picture of them
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


def colour(value: Any, opacity: float = 1.0) -> tuple[float, float, float, float]:
    """A CSS colour as red, green, blue, opacity within 0..1."""
    found = re.fullmatch(r"rgba?\(([^)]*)\)", str(value).replace(" ", ""))
    if found:
        red, green, blue, *alpha = (float(part) for part in found[1].split(","))
        return red / 255, green / 255, blue / 255, (alpha[0] if alpha else 1.0) * opacity
    *rgb, alpha = to_rgba(value if value else style.NEUTRAL)
    return rgb[0], rgb[1], rgb[2], alpha * opacity


def dash(name: Any) -> Any:
    """Matplotlib's line style for plotly's dash."""
    return _DASHES.get(str(name), "solid")


def numbers(values: Any) -> np.ndarray:
    """Values as floats, None as not a number, plotly's packed arrays unpacked.

    Raises:
        BadValue: names or dates on an axis, which the stills do not draw.
    """
    if isinstance(values, dict) and "bdata" in values:
        from base64 import b64decode

        flat = np.frombuffer(b64decode(values["bdata"]), dtype=np.dtype(values["dtype"]).newbyteorder("<"))
        shape = [int(n) for n in str(values.get("shape", len(flat))).split(",")]
        return flat.reshape(shape).astype(float)
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def scatter(axes: Axes, trace: dict[str, Any], turn: int) -> None:
    """Lines, dots and texts; `turn` counts the traces, for a colour where none is set."""
    x, y = numbers(trace["x"]), numbers(trace["y"])
    mode = trace.get("mode", "lines+markers" if len(x) < 20 else "lines")
    line, marker = trace.get("line", {}), trace.get("marker", {})
    opacity = trace.get("opacity", 1.0)
    if trace.get("fill") == "toself":
        axes.fill(x, y, facecolor=colour(trace.get("fillcolor") or line.get("color")), linewidth=0, zorder=1)
    if "lines" in mode and line.get("width", 2) > 0:
        axes.plot(
            x,
            y,
            color=colour(line.get("color") or style.category(turn), opacity),
            linewidth=line.get("width", 2) * POINT,
            linestyle=dash(line.get("dash")),
            drawstyle={"hv": "steps-post", "vh": "steps-pre", "hvh": "steps-mid"}.get(
                str(line.get("shape")), "default"
            ),
            solid_capstyle="round",
            dash_capstyle="butt",
        )
    if "markers" in mode:
        _dots(axes, x, y, marker, marker.get("color") or line.get("color") or style.category(turn), opacity)
    _whiskers(axes, x, y, trace)
    if "text" in mode:
        for a, b, text in zip(x, y, _each(trace.get("text", ""), len(x)), strict=True):
            axes.text(a, b, shown(str(text)), ha="center", va="bottom", size=style.SMALL * POINT)


def _dots(axes: Axes, x: np.ndarray, y: np.ndarray, marker: dict[str, Any], paint: Any, opacity: float) -> None:
    edge = marker.get("line", {})
    if not isinstance(paint, str):
        colours = _graded(paint, marker)
    else:
        colours = [colour(paint, opacity * marker.get("opacity", 1.0))]
    size = marker.get("size", 6)
    across = numbers(size) if not np.isscalar(size) else np.asarray(size, dtype=float)
    symbol = marker.get("symbol", "circle")
    axes.scatter(
        x,
        y,
        s=(across * POINT) ** 2,
        c=colours,
        marker=SYMBOLS.get(str(symbol), "o"),
        linewidths=edge.get("width", 0) * POINT,
        edgecolors=colour(edge.get("color", paint if isinstance(paint, str) else style.NEUTRAL)),
        zorder=3,
        clip_on=False,
        rasterized=len(x) > _RASTER_FROM,
    )


def _graded(values: Any, marker: dict[str, Any]) -> list[Any]:
    if isinstance(values, dict) or all(isinstance(v, int | float) for v in values):
        levels = numbers(values)
        low, high = marker.get("cmin", np.nanmin(levels)), marker.get("cmax", np.nanmax(levels))
        return list(_map(marker.get("colorscale"))((levels - low) / ((high - low) or 1.0)))
    return [colour(v) for v in values]


def _whiskers(axes: Axes, x: np.ndarray, y: np.ndarray, trace: dict[str, Any]) -> None:
    for key in ("error_x", "error_y"):
        error = trace.get(key, {})
        if "array" in error:
            up = numbers(error["array"])
            down = numbers(error["arrayminus"]) if error.get("arrayminus") is not None else up
            spans: dict[str, Any] = {"xerr" if key == "error_x" else "yerr": [down, up]}
            paint = error.get("color") or trace.get("marker", {}).get("color", style.NEUTRAL)
            axes.errorbar(x, y, fmt="none", ecolor=colour(paint), elinewidth=1.5 * POINT, **spans)


def bar(axes: Axes, trace: dict[str, Any], turn: int) -> None:
    """Bars, lying or standing, plain or hatched, with their texts at the end."""
    lying = trace.get("orientation") == "h"
    lengths, places = (numbers(trace[k]) for k in (("x", "y") if lying else ("y", "x")))
    count = len(lengths)
    bases = numbers(_each(trace.get("base") or 0.0, count))
    widths = numbers(_each(trace.get("width") or 0.8, count))
    marker = trace.get("marker", {})
    pattern = marker.get("pattern", {})
    fills = _each(marker.get("color") or style.category(turn), count)
    hatches = _each(pattern.get("shape", ""), count)
    offset = trace.get("offset")
    starts = places - widths / 2 if offset is None else places + numbers(_each(offset, count))
    for start, base, length, width, fill, hatch in zip(starts, bases, lengths, widths, fills, hatches, strict=True):
        if not np.isfinite(length):
            continue
        corner, size = ((base, start), (length, width)) if lying else ((start, base), (width, length))
        face = pattern.get("bgcolor", style.FROZEN) if hatch else fill
        axes.add_patch(Rectangle(corner, *size, facecolor=colour(face), linewidth=0))
        if hatch:
            # a rectangle of its own: the face's opacity would take the strokes along
            ink = colour(pattern.get("fgcolor", style.FROZEN_HATCH))
            axes.add_patch(Rectangle(corner, *size, facecolor="none", edgecolor=ink, linewidth=0, hatch="///"))
    ends = bases + np.nan_to_num(lengths)
    if trace.get("textposition") == "outside":
        for end, start, width, text in zip(ends, starts, widths, _each(trace.get("text", ""), count), strict=True):
            _beyond(axes, float(end), float(start + width / 2), shown(str(text)), lying, trace)
    along, across = np.concatenate([bases, ends]), np.concatenate([starts, starts + widths])
    axes.update_datalim(np.column_stack([along, across] if lying else [across, along]))
    axes.autoscale_view()


def _beyond(axes: Axes, end: float, across: float, text: str, lying: bool, trace: dict[str, Any]) -> None:
    axes.annotate(
        text,
        (end, across) if lying else (across, end),
        xytext=(3, 0) if lying else (0, 2),
        textcoords="offset points",
        ha="left" if lying else "center",
        va="center_baseline" if lying else "bottom",
        size=trace.get("textfont", {}).get("size", style.TEXT) * POINT,
        annotation_clip=False,
    )


def heatmap(axes: Axes, trace: dict[str, Any], turn: int) -> None:
    """Cells with their gaps, their texts in black or white, and the scale beside them."""
    rows = trace["z"]
    z = numbers(rows) if isinstance(rows, dict) else np.array([numbers(row) for row in rows])
    x = numbers(trace["x"]) if trace.get("x") is not None else np.arange(z.shape[1], dtype=float)
    y = numbers(trace["y"]) if trace.get("y") is not None else np.arange(z.shape[0], dtype=float)
    low, high = trace.get("zmin", np.nanmin(z)), trace.get("zmax", np.nanmax(z))
    mesh = axes.pcolormesh(
        _edges(x),
        _edges(y),
        np.ma.masked_invalid(z),
        cmap=_map(trace.get("colorscale")),
        vmin=low,
        vmax=high,
        rasterized=z.size > _RASTER_FROM,
        linewidth=1.5 * POINT if trace.get("xgap") else 0,
        edgecolor=(0.5, 0.5, 0.5, 0.12) if trace.get("xgap") else "none",
    )
    for i, line in enumerate(trace.get("text") or []):
        for j, text in enumerate(line):
            if text and np.isfinite(z[i, j]):
                ink = style.on("#" + "".join(f"{round(255 * c):02x}" for c in mesh.to_rgba(z[i, j])[:3]))
                axes.text(x[j], y[i], shown(str(text)), ha="center", va="center_baseline", color=ink, size=8.5)
    if trace.get("showscale", True):
        _scale(axes, mesh, trace.get("colorbar", {}))


def _scale(axes: Axes, mesh: Any, bar: dict[str, Any]) -> None:
    length = bar.get("len", 1)
    box = axes.inset_axes((1.0, 0.5 - length / 2, 0.025, length))
    box.set_axes_locator(_beside(axes, 12, 10, length))
    scale = axes.figure.colorbar(mesh, cax=box)
    scale.outline.set_visible(False)  # type: ignore[operator]
    if bar.get("tickvals") is not None:
        scale.set_ticks(list(bar["tickvals"]), labels=[shown(str(t)) for t in bar.get("ticktext", bar["tickvals"])])
    box.tick_params(length=0, labelsize=style.SMALL * POINT)
    if bar.get("title", {}).get("text"):
        box.set_title(shown(bar["title"]["text"]), size=style.SMALL * POINT, loc="left")


def _beside(axes: Axes, gap: float, thick: float, length: float) -> Callable[[Any, Any], Any]:
    """A place right of the axes, `gap` pixels off and `thick` wide, however wide the axes are."""

    def place(_: Any, renderer: Any) -> Any:
        window = axes.get_window_extent(renderer)
        pixel = window.width / (axes.get_position().width * axes.figure.bbox.width / axes.figure.dpi * 100)
        box = Bbox.from_bounds(
            window.x1 + gap * pixel, window.y0 + (1 - length) / 2 * window.height, thick * pixel, length * window.height
        )
        return box.transformed(axes.figure.transFigure.inverted())

    return place


def _map(stops: Any) -> LinearSegmentedColormap:
    pairs = [(float(at), colour(paint)) for at, paint in (stops or style.CIVIDIS)]
    return LinearSegmentedColormap.from_list("still", pairs)


def _edges(centres: np.ndarray) -> np.ndarray:
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _each(value: Any, count: int) -> list[Any]:
    if isinstance(value, dict):
        return list(numbers(value))
    return list(value) if isinstance(value, list | tuple | np.ndarray) else [value] * count


MARKS: dict[str, Callable[[Axes, dict[str, Any], int], None]] = {"scatter": scatter, "bar": bar, "heatmap": heatmap}
