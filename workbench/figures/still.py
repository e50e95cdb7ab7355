"""A plotly figure as a small SVG, for pages that cannot draw it live.

Knows what the figures of this room use: scatter, bar and heat traces, several axes, annotations, straight lines
and rectangles. Whatever holds something else has no still.
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

from . import style
from .from_space import flattened
from .marks import MARKS, POINT, SYMBOLS, colour, dash
from .words import short_number, shown

_DPI = 100
_KINDS = {"scattergl": "scatter"}


def svg(figure: dict[str, Any]) -> str | None:
    """The SVG of plotly's dictionary; None where a trace or an axis is of a kind that it cannot draw.

    Its text takes the page's text colour where it stands in a page, and is selectable.
    """
    traces = [{**t, "type": _KINDS.get(t.get("type", "scatter"), t.get("type", "scatter"))} for t in figure["data"]]
    layout = figure.get("layout", {})
    with style.matplotlib_style():
        try:
            if traces and all(trace["type"] == "scatter3d" for trace in traces):
                traces, layout = flattened(traces, layout)
            if any(trace["type"] not in MARKS for trace in traces):
                return None
            return _finished(_drawn(traces, layout))
        except (TypeError, ValueError, KeyError):
            # names or dates on an axis, a template of its own: a still is a spare, never worth an exception
            return None


def _drawn(traces: list[dict[str, Any]], layout: dict[str, Any]) -> Figure:
    width, height = float(layout.get("width") or style.WIDTH), float(layout.get("height") or 450)
    sheet = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
    FigureCanvasSVG(sheet)
    margin = {"l": 80, "r": 80, "t": 100, "b": 80, **layout.get("margin", {})}
    box = (
        margin["l"] / width,
        margin["b"] / height,
        1 - (margin["l"] + margin["r"]) / width,
        1 - (margin["t"] + margin["b"]) / height,
    )
    planes: dict[tuple[str, str], Axes] = {}
    for turn, trace in enumerate(traces):
        pair = (trace.get("xaxis", "x"), trace.get("yaxis", "y"))
        if pair not in planes:
            planes[pair] = _plane(sheet, layout, pair, box)
        MARKS[trace["type"]](planes[pair], trace, turn)
    planes = planes or {("x", "y"): _plane(sheet, layout, ("x", "y"), box)}
    for pair, axes in planes.items():
        for which, mine, other in (("x", *pair), ("y", pair[1], pair[0])):
            settings = layout.get(_key(mine), {})
            _set_axis(axes, settings, which)
            if settings.get("anchor", other) != other:
                _bare(axes, which)
    for shape in layout.get("shapes", []):
        _shape(planes, shape)
    for note in layout.get("annotations", []):
        _note(sheet, planes, note, box)
    _heading(sheet, layout.get("title", {}), width, height)
    if any(trace.get("showlegend") for trace in traces) and layout.get("showlegend", True) is not False:
        _legend(sheet, traces, layout.get("legend", {}), box, height)
    return sheet


def _key(axis: str) -> str:
    return f"{axis[0]}axis{axis[1:]}"


def _plane(sheet: Figure, layout: dict[str, Any], pair: tuple[str, str], box: tuple[float, ...]) -> Axes:
    left, bottom, width, height = box
    x0, x1 = layout.get(_key(pair[0]), {}).get("domain", (0, 1))
    y0, y1 = layout.get(_key(pair[1]), {}).get("domain", (0, 1))
    axes = sheet.add_axes((left + x0 * width, bottom + y0 * height, (x1 - x0) * width, (y1 - y0) * height))
    axes.set_axisbelow(True)
    return axes


def _set_axis(axes: Axes, settings: dict[str, Any], which: str) -> None:
    axis = getattr(axes, f"{which}axis")
    logarithmic = settings.get("type") == "log"
    if logarithmic:
        getattr(axes, f"set_{which}scale")("log")
    if settings.get("range"):
        ends = [10.0**v if logarithmic else v for v in settings["range"]]
        getattr(axes, f"set_{which}lim")(*ends)
    _set_ticks(axes, axis, settings, which)
    side = "bottom" if which == "x" else "left"
    if settings.get("visible") is False:
        axis.set_visible(False)
    if settings.get("visible") is False or settings.get("showline") is False:
        axes.spines[side].set_visible(False)
    if settings.get("showgrid"):
        axis.grid(True, color=colour(style.GRID), linewidth=POINT)
    title = settings.get("title", {})
    if title.get("text"):
        axis.set_label_text(shown(title["text"]), size=style.TEXT * POINT)
        axis.labelpad = title.get("standoff", 4) * POINT


def _bare(axes: Axes, which: str) -> None:
    """Leaves an axis without its line and names: it shares them with the plane that it is anchored to."""
    axes.spines["bottom" if which == "x" else "left"].set_visible(False)
    axes.tick_params(axis=which, length=0, label1On=False)  # type: ignore[arg-type]
    getattr(axes, f"set_{which}label")("")


def _set_ticks(axes: Axes, axis: Any, settings: dict[str, Any], which: str) -> None:
    axis.set_minor_locator(NullLocator())
    if settings.get("tickvals") is not None:
        values = [float(v) for v in settings["tickvals"]]
        axis.set_major_locator(FixedLocator(values))
        axis.set_ticklabels([shown(str(t)) for t in settings.get("ticktext", settings["tickvals"])])
    else:
        axis.set_major_locator(MaxNLocator(settings.get("nticks") or 6, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(_number(settings)))
    angle = settings.get("tickangle") or 0
    length = 0 if settings.get("ticks") == "" else settings.get("ticklen", 4)
    axis.set_tick_params(
        length=length * POINT,
        color=colour(settings.get("tickcolor", style.RULE)),
        labelsize=settings.get("tickfont", {}).get("size", style.TEXT) * POINT,
        pad=2,
    )
    for label in axis.get_ticklabels():
        label.set_parse_math(False)
        if angle:
            label.set(rotation=-angle, ha="right", va="center" if angle == -90 else "top", rotation_mode="anchor")
    if settings.get("showticklabels") is False:
        axis.set_ticklabels([])


def _number(settings: dict[str, Any]) -> Any:
    found = re.search(r"\.(\d+)%$", settings.get("tickformat") or "")
    before, after = (shown(settings.get(key) or "") for key in ("tickprefix", "ticksuffix"))
    if found:
        return lambda value, _: f"{before}{100 * value:.{found[1]}f}%{after}"
    return lambda value, _: f"{before}{short_number(round(value, 12) + 0.0).replace('-', '−')}{after}"


def _transform(planes: dict[tuple[str, str], Axes], element: dict[str, Any]) -> tuple[Axes, Any, bool, bool]:
    """The axes that an annotation or shape is placed on, its transform, and whether x and y are data."""
    x_reference, y_reference = element.get("xref") or "x", element.get("yref") or "y"
    x_name, y_name = x_reference.split(" ")[0], y_reference.split(" ")[0]
    axes = next(
        (a for (x, y), a in planes.items() if x_name in (x, "paper") and y_name in (y, "paper")),
        next(iter(planes.values())),
    )
    whole = axes.figure.transFigure if "paper" in (x_name, y_name) else axes.transAxes
    x_data, y_data = x_reference == x_name != "paper", y_reference == y_name != "paper"
    horizontal = axes.transData if x_data else (whole if x_name == "paper" else axes.transAxes)
    vertical = axes.transData if y_data else (whole if y_name == "paper" else axes.transAxes)
    return axes, blended_transform_factory(horizontal, vertical), x_data, y_data


def _paper(reference: str | None, value: float, start: float, length: float) -> float:
    return start + value * length if reference == "paper" else value


def _note(sheet: Figure, planes: dict[tuple[str, str], Axes], note: dict[str, Any], box: tuple[float, ...]) -> None:
    if not note.get("text"):
        return
    axes, place, x_data, y_data = _transform(planes, note)
    x = _paper(note.get("xref"), float(note.get("x", 0)), box[0], box[2])
    y = _paper(note.get("yref"), float(note.get("y", 0)), box[1], box[3])
    # on a logarithmic axis plotly places annotations, unlike shapes, by the exponent
    x = 10.0**x if x_data and axes.get_xscale() == "log" else x
    y = 10.0**y if y_data and axes.get_yscale() == "log" else y
    font = note.get("font", {})
    axes.annotate(
        shown(note["text"]),
        (x, y),
        xycoords=place,
        xytext=(note.get("xshift", 0) * POINT, note.get("yshift", 0) * POINT),
        textcoords="offset points",
        ha=note.get("xanchor", "center") if note.get("xanchor") != "auto" else "center",
        va={"top": "top", "bottom": "bottom"}.get(str(note.get("yanchor")), "center_baseline"),
        size=font.get("size", style.TEXT) * POINT,
        color=font.get("color", style.NEUTRAL),
        annotation_clip=False,
    )


def _shape(planes: dict[tuple[str, str], Axes], shape: dict[str, Any]) -> None:
    axes, place, *data = _transform(planes, shape)
    line = shape.get("line", {})
    x0, x1, y0, y1 = (float(shape[key]) for key in ("x0", "x1", "y0", "y1"))
    zorder = 0.5 if shape.get("layer") == "below" else 2.5
    if shape.get("type") == "rect":
        fill = colour(shape["fillcolor"], shape.get("opacity", 1)) if shape.get("fillcolor") else "none"
        width = line.get("width", 0) * POINT
        axes.add_patch(
            Rectangle((x0, y0), x1 - x0, y1 - y0, transform=place, facecolor=fill, linewidth=width, zorder=zorder)
        )
        return
    drawn = Line2D(
        [x0, x1],
        [y0, y1],
        transform=place,
        color=colour(line.get("color", style.RULE)),
        linewidth=line.get("width", 2) * POINT,
        linestyle=dash(line.get("dash")),
        zorder=zorder,
        solid_capstyle="butt",
    )
    axes.add_line(drawn)
    drawn.set_clip_on(all(data))


def _heading(sheet: Figure, title: dict[str, Any], width: float, height: float) -> None:
    if title.get("text"):
        place = style.EDGE / width, 1 - 11 / height
        sheet.text(*place, shown(title["text"]), size=style.HEADING * POINT, weight="bold", va="top", linespacing=1.35)


def _legend(
    sheet: Figure, traces: list[dict[str, Any]], legend: dict[str, Any], box: tuple[float, ...], height: float
) -> None:
    entries = [trace for trace in traces if trace.get("showlegend")]
    low = legend.get("yref") == "container"
    at = 4 / height if low else box[1] + box[3] + 6 / height
    sheet.legend(
        handles=[_entry(trace) for trace in entries],
        loc="lower left",
        bbox_to_anchor=(legend.get("x", 0) if legend.get("xref") == "container" else box[0], at),
        ncols=len(entries) if sheet.get_figwidth() * _DPI > 90 * len(entries) else 3,
        frameon=False,
        fontsize=style.TEXT * POINT,
        handlelength=1.1,
        handleheight=1.1,
        handletextpad=0.4,
        columnspacing=1.2,
        borderaxespad=0,
    )


def _entry(trace: dict[str, Any]) -> Any:
    name, marker = shown(trace.get("name") or ""), trace.get("marker", {})
    if trace["type"] == "bar":
        pattern = marker.get("pattern", {})
        if pattern.get("shape"):
            ink = colour(pattern.get("fgcolor", style.FROZEN_HATCH))
            return Patch(facecolor="none", edgecolor=ink, linewidth=0, hatch="//////", label=name)
        return Patch(facecolor=colour(marker.get("color")), linewidth=0, label=name)
    paint = marker.get("color") or trace.get("line", {}).get("color")
    return Line2D(
        [],
        [],
        color=colour(paint),
        marker=SYMBOLS.get(str(marker.get("symbol", "circle")), "o"),
        markersize=7 * POINT,
        linewidth=0 if trace.get("mode") == "markers" else 1.5,
        label=name,
    )


def _finished(sheet: Figure) -> str:
    out = io.StringIO()
    sheet.savefig(out, format="svg", dpi=2 * _DPI, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
    # matplotlib counts in points of 1/72 inch, pages in pixels of 1/96
    size = (round(side * _DPI) for side in sheet.get_size_inches())
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', 'width="{}" height="{}"'.format(*size), text, count=1)
    page_text = f"var(--jp-content-font-color1, {style.NEUTRAL})"
    return text.replace(f"fill: {style.NEUTRAL}", f"fill: {page_text}")
