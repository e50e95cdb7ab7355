"""Points of an embedding: images that are alike lie near each other; a slider leads from stage to stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Array, Like

from . import style
from .figure import Figure, page
from .words import percent, plain, short

MOST = 20_000  # points drawn; of more, an even choice
NAMED = 8  # classes before a colour comes again, with another shape
LISTED = 24  # classes named beside the picture
DOMAINS = {"source": style.SOURCE, "target": style.TARGET}
SIDE = 150  # pixels for their names
SHAPES = "●■◆▲✚✖▼★"  # style.SYMBOLS as letters


Drawn = Annotated[Any, Like("a picture, as wb.probes.embed(features) gives it", ("points", "labels", "ids"))]
Column = Annotated[Any, Array(ndim=1, real=False)]


@check_arguments
def embedding(
    found: Drawn | Mapping[str, Drawn],
    colours: Column | None = None,
    *,
    names: Sequence[str] | None = None,
    hover: Column | None = None,
    title: str | None = None,
) -> Figure:
    """Every image a point, its colour its class, with what the picture keeps of the neighbourhoods under the title.

    Args:
        found: anything with points (N, 2) or (N, 3), labels, layer, method, kept, agreement and chance, such as what
            `wb.probes.embed` gives; or a mapping of several over the same images, which a slider leads through.
        colours: (N,) words or codes instead of the labels, such as domains or splits; numbers give a ramp.
        names: what the codes are called, such as `images.classes`.
        hover: (N,) a line for each point, such as its file; the ids if None.
        title: replaces the answer read from the numbers.

    Raises:
        BadValue: nothing to draw, or lengths that differ.
    """
    several = dict(found) if isinstance(found, Mapping) else {"": found}
    if not several or not all(hasattr(e, "points") for e in several.values()):
        raise BadValue("embedding wants what wb.probes.embed gives, or a mapping of these; there is nothing to draw")
    first = next(iter(several.values()))
    points = {name: np.asarray(e.points, dtype=float) for name, e in several.items()}
    if len({p.shape for p in points.values()}) > 1 or next(iter(points.values())).shape[1] not in (2, 3):
        raise BadValue("embeddings under one slider hold the same images in 2 or 3 dimensions")
    values = first.labels if colours is None else colours
    if values is not None and len(values) != len(first.points):
        raise BadValue(f"{len(values)} colours do not fit {len(first.points)} points")
    if hover is not None and len(hover) != len(first.points):
        raise BadValue(f"{len(hover)} lines of hover do not fit {len(first.points)} points")
    rows = np.unique(np.linspace(0, len(first.points) - 1, MOST).astype(int))
    told = _told(first.ids if hover is None else hover, rows)
    groups = _groups(values, names, rows)
    heading = plain(title if title is not None else answer(first, colours))
    figure = page(heading, inner=460, width=680, left=style.EDGE, right=SIDE, bottom=30, subtitle=quality(first))
    for label, colour, symbol, at in groups:
        _points(figure, points[next(iter(points))][rows[at]], label, colour, symbol, [told[i] for i in at])
    _bare(figure, list(points.values()))
    _named(figure, [(label, colour, symbol) for label, colour, symbol, _ in groups if label])
    if len(several) > 1:
        _slider(figure, several, points, [rows[at] for _, _, _, at in groups], title)
    return figure


def _told(hover: Any, rows: np.ndarray) -> list[str]:
    return [plain(short(hover[i], 60)) for i in rows]


def answer(e: Any, colours: Any = None) -> str:
    """What the picture says, in a sentence."""
    if colours is None and e.agreement is not None:
        k = min(15, len(e.points) - 1)
        return (
            f"Of the {k} nearest images, {percent(e.agreement, 0)} share the class ({percent(e.chance, 0)} by chance)"
        )
    return f"{len(e.points):,} images as {short(e.layer, 30)} sees them"


def quality(e: Any) -> str:
    """How the picture was made and what it keeps of the neighbourhoods."""
    way = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP", "lda": "LDA"}.get(e.method, str(e.method))
    said = f"{way} of {plain(short(e.layer, 30))}"
    if e.kept is None:
        return f"{said}: the same for every image"
    return (
        f"{said} keeps {percent(e.kept.recall, 0)} of the {e.kept.k} nearest neighbours; "
        f"trustworthiness {e.kept.trustworthiness:.2f}"
    )


def _groups(values: Any, names: Any, rows: np.ndarray) -> list[tuple[str, Any, str, np.ndarray]]:
    """What is drawn together: its name, its colour (or numbers for a ramp), its symbol, and places in `rows`."""
    if values is None:
        return [("", style.category(0), "circle", np.arange(len(rows)))]
    held = np.asarray(values)[rows]
    if held.dtype.kind == "f" and names is None:
        return [("", held, "circle", np.arange(len(rows)))]
    kinds, codes = np.unique(held.astype(str) if held.dtype.kind == "O" else held, return_inverse=True)
    words = [str(names[int(k)]) if names is not None and held.dtype.kind in "iu" else str(k) for k in kinds]
    order = np.argsort(-np.bincount(codes), kind="stable") if len(kinds) > 4 * NAMED else np.arange(len(kinds))
    out = []
    for place, kind in enumerate(order):
        symbol = style.SYMBOLS[place // NAMED % len(style.SYMBOLS)]
        colour = (
            DOMAINS.get(words[kind], style.category(place)) if set(words) <= set(DOMAINS) else style.category(place)
        )
        out.append((words[kind], colour, symbol, np.flatnonzero(codes == kind)))
    return out


def _points(figure: Figure, points: np.ndarray, label: str, colour: Any, symbol: str, told: list[str]) -> None:
    marker: dict[str, Any] = {"color": colour, "size": 5 if len(points) < 2000 else 3, "opacity": 0.8}
    marker |= {"line": {"width": 0}}
    if not isinstance(colour, str):
        marker |= {"colorscale": [[a, c] for a, c in style.CIVIDIS], "showscale": True, "colorbar": {"thickness": 10}}
    where = f"<b>{plain(label)}</b><br>" if label else ""
    common = {
        "mode": "markers",
        "name": plain(short(label, 20)),
        "hoverinfo": "text",
        "hovertext": [where + t for t in told],
    }
    if points.shape[1] == 3:
        simple = "circle" if symbol not in ("circle", "square", "diamond", "cross", "x") else symbol
        marker |= {"symbol": simple, "size": 3}
        figure.add_scatter3d(x=points[:, 0], y=points[:, 1], z=points[:, 2], marker=marker, **common)
        return
    marker["symbol"] = symbol
    add = figure.add_scattergl if len(told) > 3000 else figure.add_scatter
    add(x=points[:, 0].round(4), y=points[:, 1].round(4), marker=marker, **common)


def _named(figure: Figure, groups: list[tuple[str, Any, str]]) -> None:
    """The names of the classes down the right side, each after its mark."""
    step = min(20, 460 / max(min(len(groups), LISTED + 1), 1))
    for place, (label, colour, symbol) in enumerate(groups[:LISTED]):
        mark = f'<span style="color:{colour}">{SHAPES[style.SYMBOLS.index(symbol)]}</span>'
        _line(figure, f"{mark} {plain(short(label, 18))}", place * step)
    if len(groups) > LISTED:
        _line(figure, f"and {len(groups) - LISTED} more", LISTED * step)


def _line(figure: Figure, text: str, down: float) -> None:
    figure.add_annotation(
        text=text,
        xref="paper",
        yref="paper",
        x=1,
        y=1,
        xshift=10,
        yshift=-down,
        xanchor="left",
        yanchor="top",
        showarrow=False,
    )


def _bare(figure: Figure, pictures: list[np.ndarray]) -> None:
    """Axes without numbers, since they mean nothing, alike in scale and wide enough for every picture."""
    every = np.concatenate(pictures)
    low, high = every.min(0), every.max(0)
    half = float((high - low).max()) * 0.54 or 1.0
    middle = (low + high) / 2
    none = {"showticklabels": False, "ticks": "", "showgrid": False, "zeroline": False, "title_text": ""}
    if every.shape[1] == 3:
        ranges = {f"{a}axis": {**none, "range": [m - half, m + half]} for a, m in zip("xyz", middle, strict=True)}
        figure.update_layout(scene={**ranges, "aspectmode": "cube"})
        return
    wide = half * (680 - style.EDGE - SIDE) / 460
    figure.update_xaxes(**none, range=[middle[0] - wide, middle[0] + wide], linecolor=style.RULE, mirror=True)
    figure.update_yaxes(**none, range=[middle[1] - half, middle[1] + half], linecolor=style.RULE, mirror=True)


def _slider(
    figure: Figure, several: dict[str, Any], points: dict[str, np.ndarray], groups: list[np.ndarray], title: str | None
) -> None:
    frames, steps = [], []
    heading = figure.layout.title.text
    for name, e in several.items():
        p = points[name]
        data = [{axis: p[at, i].round(4) for i, axis in enumerate("xyz"[: p.shape[1]])} for at in groups]
        kinds = [trace.type for trace in figure.data]
        notes = [note.to_plotly_json() for note in figure.layout.annotations]
        notes[0] |= {"text": quality(e)}  # the subtitle stands first
        # plotly keeps the first title unless each step brings its own
        text = heading if title is not None else plain(answer(e))
        layout = {"annotations": notes, "title": {"text": text}}
        frames.append(
            {
                "name": str(name),
                "layout": layout,
                "data": [{"type": k, **d} for k, d in zip(kinds, data, strict=True)],
            }
        )
        how = {
            "mode": "immediate",
            "frame": {"duration": 600, "redraw": p.shape[1] == 3},
            "transition": {"duration": 500},
        }
        steps.append({"method": "animate", "label": plain(short(name, 16)), "args": [[str(name)], how]})
    figure.frames = frames
    height, margin = figure.layout.height, figure.layout.margin
    figure.update_layout(
        height=height + 64,
        margin={"b": margin.b + 64},
        sliders=[{"steps": steps, "currentvalue": {"prefix": ""}, "pad": {"t": 16, "b": 0}, "len": 1.0}],
    )
