"""Figure: a plotly figure that is interactive in JupyterLab and a static SVG in an exported page without a network.

Plotly's own display stores only plotly's JSON in a notebook, which an exported page cannot draw, or 5 MB of script.
This one stores the JSON, which JupyterLab prefers and draws interactively, and a static SVG beside it, which
`nbconvert --to html` and viewers without plotly show.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from workbench.argument_checks import check_arguments
from workbench.figures.style import theme
from workbench.figures.style.markup import strip_markup
from workbench.figures.style.plotly_import import go, pio

__all__ = ["Figure"]

# the page's text color if defined, else the neutral gray, which is readable on light and on dark
PAGE_TEXT = f"var(--jp-content-font-color1, var(--vscode-editor-foreground, {theme.NEUTRAL}))"
PLOTLY_MIME = "application/vnd.plotly.v1+json"
PLOTLY_CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage", "zoom2d", "resetScale2d"]]}
_MODE_BAR_WIDTH = 78  # width in pixels of plotly's mode bar, top right
_LIVE_RENDERERS = {"plotly_mimetype", "jupyterlab", "nteract", "vscode", "notebook", "workbench"}


class Figure(go.Figure):
    """Plotly figure in the workbench's theme, with a static SVG for pages that cannot run plotly."""

    # IPython then uses the MIME bundle below, so that an Output widget and a cell show the same
    _ipython_display_ = None
    _repr_html_ = None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, validate: bool = True, **options: Any) -> Any:
        if _is_live_renderer():
            return mime_bundle(self)
        return super()._repr_mimebundle_(include, exclude, validate, **options)

    @check_arguments
    def show(self, *args: Any, **options: Any) -> Any:
        """Show the figure at once; in a notebook with its SVG, elsewhere as plotly does."""
        if not args and "renderer" not in options and _is_live_renderer():
            options["renderer"] = "workbench"
        return super().show(*args, **options)

    @check_arguments
    def to_svg(self) -> str | None:
        """Return the figure as static SVG, or None if it contains a trace type that `static_svg` does not support."""
        from workbench.figures.rendering.static_svg import render_svg

        return render_svg(self.to_dict())


class _SvgRenderer(pio.base_renderers.MimetypeRenderer):
    def to_mimebundle(self, fig_dict: dict[str, Any]) -> dict[str, Any]:
        return mime_bundle(Figure(fig_dict, skip_invalid=True))


pio.renderers["workbench"] = _SvgRenderer()


def _is_live_renderer() -> bool:
    return bool(_LIVE_RENDERERS & set((pio.renderers.default or "").split("+")))


def mime_bundle(figure: Figure) -> dict[str, Any]:
    """Return the MIME bundle that a notebook stores for `figure`: plotly's JSON, and the SVG if it has one."""
    data = apply_page_colors(json.loads(figure.to_json(validate=False) or "{}"))
    data["config"] = {**PLOTLY_CONFIG, **data.get("config", {})}
    bundle: dict[str, Any] = {PLOTLY_MIME: data, "text/plain": alt_text(figure)}
    svg = figure.to_svg()
    if svg is not None:
        bundle["image/svg+xml"] = svg
    return bundle


def alt_text(figure: go.Figure) -> str:
    """Return the title and the subtitle of `figure` as plain text."""
    layout = figure.to_dict().get("layout", {})
    below = [note["text"] for note in layout.get("annotations", []) if note.get("name") == "subtitle"]
    parts = [layout.get("title", {}).get("text"), *below]
    return ". ".join(strip_markup(p).replace("\n", " ") for p in parts if p) or "Figure"


def apply_page_colors(figure: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of plotly's JSON in which text without a color of its own takes the page's text color."""
    layout = copy.deepcopy(figure.get("layout", {}))
    traces = [_apply_trace_page_colors(trace) for trace in figure.get("data", [])]
    axes = [value for key, value in layout.items() if key[1:5] == "axis"]
    titles = [layout.get("title", {}), *(axis.get("title", {}) for axis in axes)]
    notes = [note for note in layout.get("annotations", []) if not note.get("font", {}).get("color")]
    for holder in titles + notes:
        if holder.get("text"):
            holder["text"] = _wrap_page_color(holder["text"])
    # plotly adds an axis' prefix to its hover text as well, where the page's color would not be readable
    has_hover_texts = all(trace.get("hoverinfo") in ("text", "skip") for trace in traces)
    for axis in axes:
        if axis.get("ticktext"):
            axis["ticktext"] = [_wrap_page_color(t) for t in axis["ticktext"]]
        elif has_hover_texts:
            opening, _, closing = _wrap_page_color("|").partition("|")
            axis["tickprefix"] = opening + axis.get("tickprefix", "")
            axis["ticksuffix"] = axis.get("ticksuffix", "") + closing
    return {**figure, "layout": layout, "data": traces}


def _apply_trace_page_colors(trace: dict[str, Any]) -> dict[str, Any]:
    """Apply the page's text color to the texts of a trace: its legend entry, bar labels and color bar ticks."""
    changed: dict[str, Any] = {}
    if trace.get("showlegend") and trace.get("name"):
        changed["name"] = _wrap_page_color(trace["name"])
    if trace.get("textposition") == "outside" and isinstance(trace.get("text"), list):
        changed["text"] = [_wrap_page_color(t) for t in trace["text"]]
    scale = trace.get("colorbar", {})
    if scale.get("ticktext"):
        changed["colorbar"] = {**scale, "ticktext": [_wrap_page_color(t) for t in scale["ticktext"]]}
    return {**trace, **changed}


def _wrap_page_color(text: object) -> str:
    return f'<span style="color:{PAGE_TEXT}">{text}</span>'


def create_figure(
    title: str,
    *,
    plot_height: float,
    width: float = theme.WIDTH,
    left: float = 58,
    right: float = 24,
    bottom: float = 50,
    above: float = 16,
    subtitle: str | None = None,
    **layout: Any,
) -> Figure:
    """Create an empty figure in the workbench's theme, for traces to be added to; all lengths in pixels.

    Args:
        title: the finding in a sentence, broken into lines as needed; text from data in it must have gone through
            `markup.escape_markup`.
        plot_height: height of the plotting area.
        width: width of the whole figure, at most 900.
        left: margin left of the plotting area, for names or ticks.
        right: margin right of it, for labels at the ends of lines.
        bottom: margin below it, for ticks and the axis' title.
        above: space between the title and the plotting area.
        subtitle: second, smaller line: the quantity shown, the interval's level.
        layout: further settings of plotly's layout.
    """
    width = min(round(width), theme.WIDEST)
    heading = wrap_title(title, int((width - 2 * theme.TITLE_MARGIN - _MODE_BAR_WIDTH) / 8.2))
    top = 14 + 20 * (heading.count("<br>") + 1) + (18 if subtitle else 0) + above
    figure = Figure()
    figure.update_layout(
        template=theme.register_template(),
        # plotly shifts a title of several lines up by half a line, whatever their number
        title={"text": heading, "pad": {"t": 20 if "<br>" in heading else 10, "l": theme.TITLE_MARGIN}},
        width=width,
        height=round(top + plot_height + bottom),
        margin={"l": round(left), "r": round(right), "t": round(top), "b": round(bottom)},
        **layout,
    )
    if subtitle:
        figure.add_annotation(
            name="subtitle",
            text=subtitle,
            xref="paper",
            yref="paper",
            x=0,
            y=1,
            xshift=theme.TITLE_MARGIN - round(left),
            yshift=above,
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            borderpad=0,
            borderwidth=0,
        )
    return figure


def add_line_label(
    figure: Figure,
    start: tuple[float, float],
    label_y: float,
    text: str,
    color: str,
    axes: tuple[str, str] = ("x", "y"),
) -> None:
    """Label a line at its end: a short stroke in the line's color connects its last point with the text.

    Args:
        figure: figure that contains the line.
        start: last point of the line: x as a fraction of the axis, y in the axis' unit.
        label_y: y of the text.
        text: the label; text from data must have gone through `markup.escape_markup`.
        color: color of the line.
        axes: plotly's names of the line's axes.
    """
    across, over = axes
    domain = figure.layout[f"xaxis{across[1:]}"].domain or (0, 1)
    margin = figure.layout.margin
    length = (figure.layout.width - margin.l - margin.r) * (domain[1] - domain[0])
    figure.add_shape(
        type="line",
        xref=f"{across} domain",
        yref=over,
        x0=start[0] + 6 / length,
        y0=start[1],
        x1=1 + 20 / length,
        y1=label_y,
        line={"color": color, "width": 1.2},
    )
    figure.add_annotation(
        xref=f"{across} domain", yref=over, x=1, y=label_y, text=text, xanchor="left", xshift=24, showarrow=False
    )


def wrap_title(text: str, max_length: int) -> str:
    """Break `text` into lines of about `max_length` characters, for a title."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(strip_markup(f"{lines[-1]} {word}")) > max_length:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)
