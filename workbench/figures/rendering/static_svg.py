"""Static SVG of a plotly figure, for pages that cannot run plotly.

Supports what the figures of this package use: scatter, bar and heat map traces, several axes, annotations, straight
lines and rectangles. A figure with anything else has no SVG.
"""

from __future__ import annotations

import io
import re
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import blended_transform_factory

from workbench.figures.rendering.matplotlib_marks import POINT, SYMBOLS, TRACE_DRAWERS, css_to_rgba, to_linestyle
from workbench.figures.rendering.project_3d import project_traces
from workbench.figures.rendering.svg_regions import render_regions
from workbench.figures.style import theme
from workbench.figures.style.markup import strip_markup
from workbench.formatting import format_number

_DPI = 100
_TRACE_ALIASES = {"scattergl": "scatter"}


def render_svg(figure: dict[str, Any]) -> str | None:
    """Render plotly's dictionary as SVG; return None if a trace or an axis has an unsupported type.

    Its text takes the text color of a page that contains it, and can be selected. Every cell of a heat map and
    every bar has a region with its hover text and its names (`svg_regions`).
    """
    traces = [
        {**t, "type": _TRACE_ALIASES.get(t.get("type", "scatter"), t.get("type", "scatter"))} for t in figure["data"]
    ]
    layout = figure.get("layout", {})
    with theme.matplotlib_style():
        try:
            if traces and all(trace["type"] == "scatter3d" for trace in traces):
                traces, layout = project_traces(traces, layout)
            if any(trace["type"] not in TRACE_DRAWERS for trace in traces):
                return None
            drawn, axes_by_pair = _draw_figure(traces, layout)
            return export_svg(drawn, render_regions(drawn, axes_by_pair, traces, layout))
        except (TypeError, ValueError, KeyError):
            # names or dates on an axis, a custom template: the SVG is a fallback and must not raise
            return None


def _draw_figure(traces: list[dict[str, Any]], layout: dict[str, Any]) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    width, height = float(layout.get("width") or theme.WIDTH), float(layout.get("height") or 450)
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
    FigureCanvasSVG(figure)
    margin = {"l": 80, "r": 80, "t": 100, "b": 80, **layout.get("margin", {})}
    box = (
        margin["l"] / width,
        margin["b"] / height,
        1 - (margin["l"] + margin["r"]) / width,
        1 - (margin["t"] + margin["b"]) / height,
    )
    axes_by_pair: dict[tuple[str, str], Axes] = {}
    for index, trace in enumerate(traces):
        pair = (trace.get("xaxis", "x"), trace.get("yaxis", "y"))
        if pair not in axes_by_pair:
            axes_by_pair[pair] = _add_axes(figure, layout, pair, box)
        TRACE_DRAWERS[trace["type"]](axes_by_pair[pair], trace, index)
    axes_by_pair = axes_by_pair or {("x", "y"): _add_axes(figure, layout, ("x", "y"), box)}
    for pair, axes in axes_by_pair.items():
        for axis_name, own, partner in (("x", *pair), ("y", pair[1], pair[0])):
            settings = layout.get(_axis_key(own), {})
            _configure_axis(axes, settings, axis_name)
            if settings.get("anchor", partner) != partner:
                _hide_axis(axes, axis_name)
    for shape in layout.get("shapes", []):
        _draw_shape(axes_by_pair, shape, box)
    for note in layout.get("annotations", []):
        _draw_annotation(figure, axes_by_pair, note, box)
    _draw_title(figure, layout.get("title", {}), width, height)
    if any(trace.get("showlegend") for trace in traces) and layout.get("showlegend", True) is not False:
        _draw_legend(figure, traces, layout.get("legend", {}), box, height)
    return figure, axes_by_pair


def _axis_key(axis: str) -> str:
    return f"{axis[0]}axis{axis[1:]}"


def _add_axes(figure: Figure, layout: dict[str, Any], pair: tuple[str, str], box: tuple[float, ...]) -> Axes:
    left, bottom, width, height = box
    x0, x1 = layout.get(_axis_key(pair[0]), {}).get("domain", (0, 1))
    y0, y1 = layout.get(_axis_key(pair[1]), {}).get("domain", (0, 1))
    axes = figure.add_axes((left + x0 * width, bottom + y0 * height, (x1 - x0) * width, (y1 - y0) * height))
    axes.set_axisbelow(True)
    return axes


def _configure_axis(axes: Axes, settings: dict[str, Any], axis_name: str) -> None:
    axis = getattr(axes, f"{axis_name}axis")
    logarithmic = settings.get("type") == "log"
    if logarithmic:
        getattr(axes, f"set_{axis_name}scale")("log")
    if settings.get("range"):
        ends = [10.0**v if logarithmic else v for v in settings["range"]]
        getattr(axes, f"set_{axis_name}lim")(*ends)
    _configure_ticks(axes, axis, settings, axis_name)
    side = "bottom" if axis_name == "x" else "left"
    if settings.get("visible") is False:
        axis.set_visible(False)
    if settings.get("visible") is False or settings.get("showline") is False:
        axes.spines[side].set_visible(False)
    if settings.get("showgrid"):
        axis.grid(True, color=css_to_rgba(theme.GRIDLINE_COLOR), linewidth=POINT)
    title = settings.get("title", {})
    if title.get("text"):
        axis.set_label_text(strip_markup(title["text"]), size=theme.TEXT * POINT)
        axis.labelpad = title.get("standoff", 4) * POINT


def _hide_axis(axes: Axes, axis_name: str) -> None:
    """Hide the line and labels of an axis that shares them with the axes that it is anchored to."""
    axes.spines["bottom" if axis_name == "x" else "left"].set_visible(False)
    axes.tick_params(axis=axis_name, length=0, label1On=False)  # type: ignore[arg-type]
    getattr(axes, f"set_{axis_name}label")("")


def _configure_ticks(axes: Axes, axis: Any, settings: dict[str, Any], axis_name: str) -> None:
    axis.set_minor_locator(NullLocator())
    if settings.get("tickvals") is not None:
        values = [float(v) for v in settings["tickvals"]]
        axis.set_major_locator(FixedLocator(values))
        axis.set_ticklabels([strip_markup(str(t)) for t in settings.get("ticktext", settings["tickvals"])])
    else:
        axis.set_major_locator(MaxNLocator(settings.get("nticks") or 6, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(_tick_formatter(settings)))
    angle = settings.get("tickangle") or 0
    length = 0 if settings.get("ticks") == "" else settings.get("ticklen", 4)
    axis.set_tick_params(
        length=length * POINT,
        color=css_to_rgba(settings.get("tickcolor", theme.REFERENCE_COLOR)),
        labelsize=settings.get("tickfont", {}).get("size", theme.TEXT) * POINT,
        pad=2,
    )
    for label in axis.get_ticklabels():
        label.set_parse_math(False)
        if angle:
            label.set(rotation=-angle, ha="right", va="center" if angle == -90 else "top", rotation_mode="anchor")
    if settings.get("showticklabels") is False:
        axis.set_ticklabels([])


def _tick_formatter(settings: dict[str, Any]) -> Any:
    match = re.search(r"\.(\d+)%$", settings.get("tickformat") or "")
    prefix, suffix = (strip_markup(settings.get(key) or "") for key in ("tickprefix", "ticksuffix"))
    if match:
        return lambda value, _: f"{prefix}{100 * value:.{match[1]}f}%{suffix}"
    return lambda value, _: f"{prefix}{format_number(round(value, 12) + 0.0).replace('-', '−')}{suffix}"


def _resolve_transform(
    axes_by_pair: dict[tuple[str, str], Axes], element: dict[str, Any]
) -> tuple[Axes, Any, bool, bool]:
    """Return the axes of an annotation or shape, its transform, and whether x and y are data coordinates."""
    x_reference, y_reference = element.get("xref") or "x", element.get("yref") or "y"
    x_name, y_name = x_reference.split(" ")[0], y_reference.split(" ")[0]
    axes = next(
        (a for (x, y), a in axes_by_pair.items() if x_name in (x, "paper") and y_name in (y, "paper")),
        next(iter(axes_by_pair.values())),
    )
    paper = axes.figure.transFigure if "paper" in (x_name, y_name) else axes.transAxes
    x_data, y_data = x_reference == x_name != "paper", y_reference == y_name != "paper"
    horizontal = axes.transData if x_data else (paper if x_name == "paper" else axes.transAxes)
    vertical = axes.transData if y_data else (paper if y_name == "paper" else axes.transAxes)
    return axes, blended_transform_factory(horizontal, vertical), x_data, y_data


def _paper_to_figure(reference: str | None, value: float, start: float, length: float) -> float:
    return start + value * length if reference == "paper" else value


def _draw_annotation(
    figure: Figure, axes_by_pair: dict[tuple[str, str], Axes], note: dict[str, Any], box: tuple[float, ...]
) -> None:
    if not note.get("text"):
        return
    axes, transform, x_data, y_data = _resolve_transform(axes_by_pair, note)
    x = _paper_to_figure(note.get("xref"), float(note.get("x", 0)), box[0], box[2])
    y = _paper_to_figure(note.get("yref"), float(note.get("y", 0)), box[1], box[3])
    # on a logarithmic axis plotly positions annotations, unlike shapes, by the exponent
    x = 10.0**x if x_data and axes.get_xscale() == "log" else x
    y = 10.0**y if y_data and axes.get_yscale() == "log" else y
    font = note.get("font", {})
    axes.annotate(
        strip_markup(note["text"]),
        (x, y),
        xycoords=transform,
        xytext=(note.get("xshift", 0) * POINT, note.get("yshift", 0) * POINT),
        textcoords="offset points",
        ha=note.get("xanchor", "center") if note.get("xanchor") != "auto" else "center",
        va={"top": "top", "bottom": "bottom"}.get(str(note.get("yanchor")), "center_baseline"),
        size=font.get("size", theme.TEXT) * POINT,
        color=font.get("color", theme.NEUTRAL),
        annotation_clip=False,
    )


def _draw_shape(axes_by_pair: dict[tuple[str, str], Axes], shape: dict[str, Any], box: tuple[float, ...]) -> None:
    axes, transform, *data = _resolve_transform(axes_by_pair, shape)
    line = shape.get("line", {})
    x0, x1 = (_paper_to_figure(shape.get("xref"), float(shape[key]), box[0], box[2]) for key in ("x0", "x1"))
    y0, y1 = (_paper_to_figure(shape.get("yref"), float(shape[key]), box[1], box[3]) for key in ("y0", "y1"))
    zorder = 0.5 if shape.get("layer") == "below" else 2.5
    if shape.get("type") == "rect":
        fill = css_to_rgba(shape["fillcolor"], shape.get("opacity", 1)) if shape.get("fillcolor") else "none"
        width = line.get("width", 0) * POINT
        rectangle = Rectangle(
            (x0, y0), x1 - x0, y1 - y0, transform=transform, facecolor=fill, linewidth=width, zorder=zorder
        )
        axes.add_patch(rectangle)
        rectangle.set_clip_on(all(data))
        return
    stroke = Line2D(
        [x0, x1],
        [y0, y1],
        transform=transform,
        color=css_to_rgba(line.get("color", theme.REFERENCE_COLOR)),
        linewidth=line.get("width", 2) * POINT,
        linestyle=to_linestyle(line.get("dash")),
        zorder=zorder,
        solid_capstyle="butt",
    )
    axes.add_line(stroke)
    stroke.set_clip_on(all(data))


def _draw_title(figure: Figure, title: dict[str, Any], width: float, height: float) -> None:
    if title.get("text"):
        position = theme.TITLE_MARGIN / width, 1 - 11 / height
        figure.text(
            *position,
            strip_markup(title["text"]),
            size=theme.HEADING * POINT,
            weight="bold",
            va="top",
            linespacing=1.35,
        )


def _draw_legend(
    figure: Figure, traces: list[dict[str, Any]], legend: dict[str, Any], box: tuple[float, ...], height: float
) -> None:
    entries = [trace for trace in traces if trace.get("showlegend")]
    is_below = legend.get("yref") == "container"
    y = 4 / height if is_below else box[1] + box[3] + 6 / height
    figure.legend(
        handles=[_legend_handle(trace) for trace in entries],
        loc="lower left",
        bbox_to_anchor=(legend.get("x", 0) if legend.get("xref") == "container" else box[0], y),
        ncols=len(entries) if figure.get_figwidth() * _DPI > 90 * len(entries) else 3,
        frameon=False,
        fontsize=theme.TEXT * POINT,
        handlelength=1.1,
        handleheight=1.1,
        handletextpad=0.4,
        columnspacing=1.2,
        borderaxespad=0,
    )


def _legend_handle(trace: dict[str, Any]) -> Any:
    name, marker = strip_markup(trace.get("name") or ""), trace.get("marker", {})
    if trace["type"] == "bar":
        pattern = marker.get("pattern", {})
        if pattern.get("shape"):
            ink = css_to_rgba(pattern.get("fgcolor", theme.FROZEN_HATCH))
            return Patch(facecolor="none", edgecolor=ink, linewidth=0, hatch="//////", label=name)
        return Patch(facecolor=css_to_rgba(marker.get("color")), linewidth=0, label=name)
    color = marker.get("color") or trace.get("line", {}).get("color")
    return Line2D(
        [],
        [],
        color=css_to_rgba(color),
        marker=SYMBOLS.get(str(marker.get("symbol", "circle")), "o"),
        markersize=7 * POINT,
        linewidth=0 if trace.get("mode") == "markers" else 1.5,
        label=name,
    )


def export_svg(figure: Figure, regions: str = "") -> str:
    """Export a matplotlib figure in the workbench's style as SVG, its text in the page's text color.

    Args:
        figure: the figure, drawn at 100 dpi.
        regions: SVG to add on top.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", dpi=2 * _DPI, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
    # matplotlib's unit is a point of 1/72 inch, that of a page a pixel of 1/96 inch
    size = (round(side * _DPI) for side in figure.get_size_inches())
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', 'width="{}" height="{}"'.format(*size), text, count=1)
    page_text = f"var(--jp-content-font-color1, {theme.NEUTRAL})"
    text = text.replace(f"fill: {theme.NEUTRAL}", f"fill: {page_text}")
    return text.replace("</svg>", f"{regions}</svg>")
