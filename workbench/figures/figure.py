"""Figure: a plotly figure that is live in JupyterLab and still there in an exported page without a network.

Plotly's own display leaves nothing but plotly's JSON in a notebook, which an exported page cannot draw, or
5 MB of script. This one leaves the JSON, which JupyterLab prefers and draws live, and a still SVG beside it,
which `nbconvert --to html` and viewers without plotly show.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

from . import style

# the page's own text colour, where the page says one; the neutral grey reads on light and on dark
PAGE_TEXT = f"var(--jp-content-font-color1, var(--vscode-editor-foreground, {style.NEUTRAL}))"
MIME = "application/vnd.plotly.v1+json"
CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
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

    def show(self, *args: Any, **options: Any) -> Any:
        """Shows it at once; in a notebook with its still, elsewhere as plotly would."""
        if not args and "renderer" not in options and _live():
            options["renderer"] = "workbench"
        return super().show(*args, **options)

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
    """What the figure says, as plain text: its title and subtitle."""
    from .words import shown

    title = figure.to_dict().get("layout", {}).get("title", {})
    parts = (title.get("text"), title.get("subtitle", {}).get("text"))
    return ". ".join(shown(p) for p in parts if p) or "Figure"


def themed(figure: dict[str, Any]) -> dict[str, Any]:
    """A copy of plotly's JSON whose text takes the page's own colour; colours that were set stay."""
    figure = copy.copy(figure)
    layout = figure["layout"] = copy.deepcopy(figure.get("layout", {}))
    figure["data"] = [_themed_trace(trace) for trace in figure.get("data", [])]
    titles = [layout.get("title", {}), layout.get("title", {}).get("subtitle", {})]
    axes = [value for key, value in layout.items() if key[1:5] == "axis"]
    titles += [axis.get("title", {}) for axis in axes]
    titles += [note for note in layout.get("annotations", []) if not note.get("font", {}).get("color")]
    for holder in titles:
        if holder.get("text"):
            holder["text"] = _page_coloured(holder["text"])
    # plotly writes an axis' prefix into its hover text as well, where the page's colour would not be readable
    written_out = all(trace.get("hoverinfo") in ("text", "skip") for trace in figure["data"])
    for axis in axes:
        if axis.get("ticktext"):
            axis["ticktext"] = [_page_coloured(t) for t in axis["ticktext"]]
        elif written_out:
            opening, _, closing = _page_coloured("|").partition("|")
            axis["tickprefix"] = opening + axis.get("tickprefix", "")
            axis["ticksuffix"] = axis.get("ticksuffix", "") + closing
    return figure


def _themed_trace(trace: dict[str, Any]) -> dict[str, Any]:
    if not trace.get("showlegend") or not trace.get("name"):
        return trace
    return {**trace, "name": _page_coloured(trace["name"])}


def _page_coloured(text: str) -> str:
    return f'<span style="color:{PAGE_TEXT}">{text}</span>'


def page(title: str, *, height: int, width: int = style.WIDTH, subtitle: str | None = None, **layout: Any) -> Figure:
    """An empty figure in the workbench's look, for traces to be added to.

    Args:
        title: the answer in a sentence; text from data in it must have gone through `words.plain`.
        height: whole height in pixels.
        width: whole width in pixels, at most 900.
        subtitle: a second, smaller line: what is shown, the interval's level.
        layout: more of plotly's layout; `margin` is left, right, top, bottom in pixels.
    """
    heading: dict[str, Any] = {"text": title}
    if subtitle:
        heading["subtitle"] = {"text": subtitle}
    figure = Figure()
    figure.update_layout(
        template=style.template(), title=heading, width=min(width, style.WIDEST), height=height, **layout
    )
    return figure


def wrapped(text: str, letters: int) -> str:
    """`text` broken into lines of about that many letters, for a title."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > letters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)
