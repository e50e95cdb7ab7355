"""Figure: a plotly figure that is live in JupyterLab and still there in an exported page without a network.

Plotly's own display leaves nothing but plotly's JSON in a notebook, which an exported page cannot draw, or
5 MB of script. This one leaves the JSON, which JupyterLab prefers and draws live, and a still SVG beside it,
which `nbconvert --to html` and viewers without plotly show.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from workbench.arguments import check_arguments

from . import style
from .plotly_import import go, pio
from .words import shown

# the page's own text colour, where the page says one; the neutral grey reads on light and on dark
PAGE_TEXT = f"var(--jp-content-font-color1, var(--vscode-editor-foreground, {style.NEUTRAL}))"
MIME = "application/vnd.plotly.v1+json"
CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage", "zoom2d", "resetScale2d"]]}
_BUTTONS = 78  # pixels that plotly's buttons take, top right
_LIVE = {"plotly_mimetype", "jupyterlab", "nteract", "vscode", "notebook", "workbench"}


class Figure(go.Figure):
    """A plotly figure in the workbench's look, with a still beside it for pages that cannot draw it live."""

    # IPython then asks for the bundle below, so that an Output widget and a cell get the same
    _ipython_display_ = None
    _repr_html_ = None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, validate: bool = True, **options: Any) -> Any:
        if _live():
            return bundle(self)
        return super()._repr_mimebundle_(include, exclude, validate, **options)

    @check_arguments
    def show(self, *args: Any, **options: Any) -> Any:
        """Shows it at once; in a notebook with its still, elsewhere as plotly would."""
        if not args and "renderer" not in options and _live():
            options["renderer"] = "workbench"
        return super().show(*args, **options)

    @check_arguments
    def still(self) -> str | None:
        """The still as SVG; None where it holds a kind of trace that has no still."""
        from .still import svg

        return svg(self.to_dict())


class _WithStill(pio.base_renderers.MimetypeRenderer):
    def to_mimebundle(self, fig_dict: dict[str, Any]) -> dict[str, Any]:
        return bundle(Figure(fig_dict, skip_invalid=True))


pio.renderers["workbench"] = _WithStill()


def _live() -> bool:
    return bool(_LIVE & set((pio.renderers.default or "").split("+")))


def bundle(figure: Figure) -> dict[str, Any]:
    """What a notebook keeps of `figure`: plotly's JSON, and the still if it has one."""
    data = themed(json.loads(figure.to_json(validate=False) or "{}"))
    data["config"] = {**CONFIG, **data.get("config", {})}
    out: dict[str, Any] = {MIME: data, "text/plain": title_of(figure)}
    still = figure.still()
    if still is not None:
        out["image/svg+xml"] = still
    return out


def title_of(figure: go.Figure) -> str:
    """What the figure says, as plain text: its title and, below it, what is shown."""
    layout = figure.to_dict().get("layout", {})
    below = [note["text"] for note in layout.get("annotations", []) if note.get("name") == "subtitle"]
    parts = [layout.get("title", {}).get("text"), *below]
    return ". ".join(shown(p).replace("\n", " ") for p in parts if p) or "Figure"


def themed(figure: dict[str, Any]) -> dict[str, Any]:
    """A copy of plotly's JSON whose text takes the page's own colour; colours that were set stay."""
    layout = copy.deepcopy(figure.get("layout", {}))
    traces = [_themed_trace(trace) for trace in figure.get("data", [])]
    axes = [value for key, value in layout.items() if key[1:5] == "axis"]
    titles = [layout.get("title", {}), *(axis.get("title", {}) for axis in axes)]
    notes = [note for note in layout.get("annotations", []) if not note.get("font", {}).get("color")]
    for holder in titles + notes:
        if holder.get("text"):
            holder["text"] = _page_coloured(holder["text"])
    # plotly writes an axis' prefix into its hover text as well, where the page's colour would not be readable
    written_out = all(trace.get("hoverinfo") in ("text", "skip") for trace in traces)
    for axis in axes:
        if axis.get("ticktext"):
            axis["ticktext"] = [_page_coloured(t) for t in axis["ticktext"]]
        elif written_out:
            opening, _, closing = _page_coloured("|").partition("|")
            axis["tickprefix"] = opening + axis.get("tickprefix", "")
            axis["ticksuffix"] = axis.get("ticksuffix", "") + closing
    return {**figure, "layout": layout, "data": traces}


def _themed_trace(trace: dict[str, Any]) -> dict[str, Any]:
    """The names in the legend, the texts beside bars, the ticks of a colour scale: all that stands on the page."""
    changed: dict[str, Any] = {}
    if trace.get("showlegend") and trace.get("name"):
        changed["name"] = _page_coloured(trace["name"])
    if trace.get("textposition") == "outside" and isinstance(trace.get("text"), list):
        changed["text"] = [_page_coloured(t) for t in trace["text"]]
    scale = trace.get("colorbar", {})
    if scale.get("ticktext"):
        changed["colorbar"] = {**scale, "ticktext": [_page_coloured(t) for t in scale["ticktext"]]}
    return {**trace, **changed}


def _page_coloured(text: object) -> str:
    return f'<span style="color:{PAGE_TEXT}">{text}</span>'


def page(
    title: str,
    *,
    inner: float,
    width: float = style.WIDTH,
    left: float = 58,
    right: float = 24,
    bottom: float = 50,
    above: float = 16,
    subtitle: str | None = None,
    **layout: Any,
) -> Figure:
    """An empty figure in the workbench's look, for traces to be added to; all lengths in pixels.

    Args:
        title: the answer in a sentence, broken into lines as needed; text from data in it must have gone through
            `words.plain`.
        inner: height of the plotting area.
        width: of the whole figure, at most 900.
        left: room left of the plotting area, for names or ticks.
        right: room right of it, for labels at the ends of lines.
        bottom: room under it, for ticks and the axis' title.
        above: room between the heading and the plotting area.
        subtitle: a second, smaller line: what is shown, the interval's level.
        layout: more of plotly's layout.
    """
    width = min(round(width), style.WIDEST)
    heading = wrapped(title, int((width - 2 * style.EDGE - _BUTTONS) / 8.2))
    top = 14 + 20 * (heading.count("<br>") + 1) + (18 if subtitle else 0) + above
    figure = Figure()
    figure.update_layout(
        template=style.template(),
        # plotly lifts a title of several lines by half a line, however many they are
        title={"text": heading, "pad": {"t": 20 if "<br>" in heading else 10, "l": style.EDGE}},
        width=width,
        height=round(top + inner + bottom),
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
            xshift=style.EDGE - round(left),
            yshift=above,
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            borderpad=0,
            borderwidth=0,
        )
    return figure


def leader(
    figure: Figure, start: tuple[float, float], label: float, text: str, colour: str, axes: tuple[str, str] = ("x", "y")
) -> None:
    """Names a line at its end: a short stroke in the line's colour leads from its last point to the text.

    Args:
        figure: what the line stands in.
        start: the line's last point: x as a share of the axis, y in the axis' unit.
        label: y of the text.
        text: the name; text from data must have gone through `words.plain`.
        colour: of the line.
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
        y1=label,
        line={"color": colour, "width": 1.2},
    )
    figure.add_annotation(
        xref=f"{across} domain", yref=over, x=1, y=label, text=text, xanchor="left", xshift=24, showarrow=False
    )


def wrapped(text: str, letters: int) -> str:
    """`text` broken into lines of at most about that many letters, for a title."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(shown(f"{lines[-1]} {word}")) > letters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)
