"""Embeddings in two or three dimensions, with a slider over layers or epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np

from workbench.annotated_types import Array, HasAttributes
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_percent, truncate_middle

__all__ = ["embedding_scatter"]

MAX_POINTS = 20_000  # points drawn; larger sets are sampled evenly
CLASSES_PER_SYMBOL = 8  # classes before colors repeat with another marker symbol
MAX_LEGEND_CLASSES = 24  # classes in the legend
DOMAIN_COLORS = {"source": theme.SOURCE, "target": theme.TARGET}
LEGEND_WIDTH = 150  # pixels of the legend
SYMBOL_CHARACTERS = "●■◆▲✚✖▼★"  # theme.SYMBOLS as characters


EmbeddingLike = Annotated[
    Any, HasAttributes("an embedding, as wb.probes.embed(features) gives it", ("points", "labels", "ids"))
]
PointColumn = Annotated[Any, Array(ndim=1, real=False)]


@check_arguments
def embedding_scatter(
    result: EmbeddingLike | Mapping[str, EmbeddingLike],
    color_by: PointColumn | None = None,
    *,
    names: Sequence[str] | None = None,
    hover: PointColumn | None = None,
    title: str | None = None,
) -> Figure:
    """Plot every image as a point, colored by class, with the share of kept neighbors as subtitle.

    Args:
        result: object with points (N, 2) or (N, 3), labels, layer, method, preservation, label_agreement and
            chance_agreement, such as the result of `wb.probes.embed`; or a mapping of several over the same images,
            chosen by a slider.
        color_by: (N,) names or codes instead of the labels, such as domains or splits; floats are drawn with a
            continuous color scale.
        names: names of the codes, such as `images.classes`.
        hover: (N,) hover text of each point, such as its file; the ids if None.
        title: replaces the title computed from the numbers.

    Raises:
        BadValue: nothing to draw, or lengths that differ.
    """
    embeddings = dict(result) if isinstance(result, Mapping) else {"": result}
    if not embeddings or not all(hasattr(embedding, "points") for embedding in embeddings.values()):
        raise BadValue("expected a result of wb.probes.embed, or a mapping of several, got nothing to draw")
    first = next(iter(embeddings.values()))
    points = {name: np.asarray(embedding.points, dtype=float) for name, embedding in embeddings.items()}
    if len({p.shape for p in points.values()}) > 1 or next(iter(points.values())).shape[1] not in (2, 3):
        raise BadValue("expected embeddings of the same images in 2 or 3 dimensions under one slider")
    values = first.labels if color_by is None else color_by
    if values is not None and len(values) != len(first.points):
        raise BadValue(f"{len(values)} colors do not match {len(first.points)} points")
    if hover is not None and len(hover) != len(first.points):
        raise BadValue(f"{len(hover)} hover texts do not match {len(first.points)} points")
    rows = np.unique(np.linspace(0, len(first.points) - 1, MAX_POINTS).astype(int))
    hover_texts = _point_hover(first.ids if hover is None else hover, rows)
    groups = _group_points(values, names, rows)
    heading = escape_markup(title if title is not None else neighbor_title(first, color_by))
    figure = create_figure(
        heading,
        plot_height=460,
        width=680,
        left=theme.TITLE_MARGIN,
        right=LEGEND_WIDTH,
        bottom=30,
        subtitle=quality_caption(first),
    )
    for label, color, symbol, indices in groups:
        _add_points(
            figure, points[next(iter(points))][rows[indices]], label, color, symbol, [hover_texts[i] for i in indices]
        )
    _hide_axes(figure, list(points.values()))
    _add_class_legend(figure, [(label, color, symbol) for label, color, symbol, _ in groups if label])
    if len(embeddings) > 1:
        _add_slider(figure, embeddings, points, [rows[indices] for _, _, _, indices in groups], title)
    return figure


def _point_hover(hover: Any, rows: np.ndarray) -> list[str]:
    return [escape_markup(truncate_middle(hover[i], 60)) for i in rows]


def neighbor_title(embedding: Any, color_by: Any = None) -> str:
    """Return the share of nearest neighbors with the same class as a title."""
    if color_by is None and embedding.label_agreement is not None:
        k = min(15, len(embedding.points) - 1)
        share, chance = (format_percent(v, 0) for v in (embedding.label_agreement, embedding.chance_agreement))
        return f"Of the {k} nearest images, {share} share the class ({chance} by chance)"
    return f"{len(embedding.points):,} images in the features of {truncate_middle(embedding.layer, 30)}"


def quality_caption(embedding: Any) -> str:
    """Return the projection method and the share of neighbors that it keeps as a subtitle."""
    method = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP", "lda": "LDA"}.get(embedding.method, str(embedding.method))
    text = f"{method} of {escape_markup(truncate_middle(embedding.layer, 30))}"
    if embedding.preservation is None:
        return f"{text}: constant for all images"
    preservation = embedding.preservation
    return (
        f"{text} keeps {format_percent(preservation.recall, 0)} of the {preservation.k} nearest neighbours; "
        f"trustworthiness {preservation.trustworthiness:.2f}"
    )


def _group_points(values: Any, names: Any, rows: np.ndarray) -> list[tuple[str, Any, str, np.ndarray]]:
    """Group the points of `rows`; return name, color (or numbers for a color scale), symbol and indices per group."""
    if values is None:
        return [("", theme.category_color(0), "circle", np.arange(len(rows)))]
    selected = np.asarray(values)[rows]
    if selected.dtype.kind == "f" and names is None:
        return [("", selected, "circle", np.arange(len(rows)))]
    kinds, codes = np.unique(selected.astype(str) if selected.dtype.kind == "O" else selected, return_inverse=True)
    group_names = [str(names[int(k)]) if names is not None and selected.dtype.kind in "iu" else str(k) for k in kinds]
    order = (
        np.argsort(-np.bincount(codes), kind="stable") if len(kinds) > 4 * CLASSES_PER_SYMBOL else np.arange(len(kinds))
    )
    groups = []
    for index, kind in enumerate(order):
        symbol = theme.SYMBOLS[index // CLASSES_PER_SYMBOL % len(theme.SYMBOLS)]
        color = (
            DOMAIN_COLORS.get(group_names[kind], theme.category_color(index))
            if set(group_names) <= set(DOMAIN_COLORS)
            else theme.category_color(index)
        )
        groups.append((group_names[kind], color, symbol, np.flatnonzero(codes == kind)))
    return groups


def _add_points(
    figure: Figure, points: np.ndarray, label: str, color: Any, symbol: str, hover_texts: list[str]
) -> None:
    marker: dict[str, Any] = {"color": color, "size": 5 if len(points) < 2000 else 3, "opacity": 0.8}
    marker |= {"line": {"width": 0}}
    if not isinstance(color, str):
        marker |= {"colorscale": [[a, c] for a, c in theme.CIVIDIS], "showscale": True, "colorbar": {"thickness": 10}}
    heading = f"<b>{escape_markup(label)}</b><br>" if label else ""
    common = {
        "mode": "markers",
        "name": escape_markup(truncate_middle(label, 20)),
        "hoverinfo": "text",
        "hovertext": [heading + t for t in hover_texts],
    }
    if points.shape[1] == 3:
        simple = "circle" if symbol not in ("circle", "square", "diamond", "cross", "x") else symbol
        marker |= {"symbol": simple, "size": 3}
        figure.add_scatter3d(x=points[:, 0], y=points[:, 1], z=points[:, 2], marker=marker, **common)
        return
    marker["symbol"] = symbol
    add = figure.add_scattergl if len(hover_texts) > 3000 else figure.add_scatter
    add(x=points[:, 0].round(4), y=points[:, 1].round(4), marker=marker, **common)


def _add_class_legend(figure: Figure, groups: list[tuple[str, Any, str]]) -> None:
    """Add the names of the classes at the right, each after its marker."""
    step = min(20, 460 / max(min(len(groups), MAX_LEGEND_CLASSES + 1), 1))
    for index, (label, color, symbol) in enumerate(groups[:MAX_LEGEND_CLASSES]):
        marker = f'<span style="color:{color}">{SYMBOL_CHARACTERS[theme.SYMBOLS.index(symbol)]}</span>'
        _add_legend_line(figure, f"{marker} {escape_markup(truncate_middle(label, 18))}", index * step)
    if len(groups) > MAX_LEGEND_CLASSES:
        _add_legend_line(figure, f"and {len(groups) - MAX_LEGEND_CLASSES} more", MAX_LEGEND_CLASSES * step)


def _add_legend_line(figure: Figure, text: str, offset: float) -> None:
    figure.add_annotation(
        text=text,
        xref="paper",
        yref="paper",
        x=1,
        y=1,
        xshift=10,
        yshift=-offset,
        xanchor="left",
        yanchor="top",
        showarrow=False,
    )


def _hide_axes(figure: Figure, embeddings: list[np.ndarray]) -> None:
    """Hide tick labels, which have no meaning here; use one scale for both axes, wide enough for every embedding."""
    points = np.concatenate(embeddings)
    low, high = points.min(0), points.max(0)
    half = float((high - low).max()) * 0.54 or 1.0
    middle = (low + high) / 2
    none = {"showticklabels": False, "ticks": "", "showgrid": False, "zeroline": False, "title_text": ""}
    if points.shape[1] == 3:
        ranges = {f"{a}axis": {**none, "range": [m - half, m + half]} for a, m in zip("xyz", middle, strict=True)}
        figure.update_layout(scene={**ranges, "aspectmode": "cube"})
        return
    wide = half * (680 - theme.TITLE_MARGIN - LEGEND_WIDTH) / 460
    figure.update_xaxes(
        **none, range=[middle[0] - wide, middle[0] + wide], linecolor=theme.REFERENCE_COLOR, mirror=True
    )
    figure.update_yaxes(
        **none, range=[middle[1] - half, middle[1] + half], linecolor=theme.REFERENCE_COLOR, mirror=True
    )


def _add_slider(
    figure: Figure,
    embeddings: dict[str, Any],
    points: dict[str, np.ndarray],
    groups: list[np.ndarray],
    title: str | None,
) -> None:
    frames, steps = [], []
    heading = figure.layout.title.text
    for name, embedding in embeddings.items():
        p = points[name]
        data = [{axis: p[indices, i].round(4) for i, axis in enumerate("xyz"[: p.shape[1]])} for indices in groups]
        kinds = [trace.type for trace in figure.data]
        notes = [note.to_plotly_json() for note in figure.layout.annotations]
        notes[0] |= {"text": quality_caption(embedding)}  # the first annotation is the subtitle
        # plotly keeps the first title unless each step brings its own
        text = heading if title is not None else escape_markup(neighbor_title(embedding))
        layout = {"annotations": notes, "title": {"text": text}}
        frames.append(
            {
                "name": str(name),
                "layout": layout,
                "data": [{"type": k, **d} for k, d in zip(kinds, data, strict=True)],
            }
        )
        animation = {
            "mode": "immediate",
            "frame": {"duration": 600, "redraw": p.shape[1] == 3},
            "transition": {"duration": 500},
        }
        steps.append(
            {"method": "animate", "label": escape_markup(truncate_middle(name, 16)), "args": [[str(name)], animation]}
        )
    figure.frames = frames
    height, margin = figure.layout.height, figure.layout.margin
    figure.update_layout(
        height=height + 64,
        margin={"b": margin.b + 64},
        sliders=[{"steps": steps, "currentvalue": {"prefix": ""}, "pad": {"t": 16, "b": 0}, "len": 1.0}],
    )
