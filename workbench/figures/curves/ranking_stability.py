"""Stability of a ranking: its order on a sample of the images against its order on all images."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.annotated_types import Frame
from workbench.argument_checks import check_arguments
from workbench.figures.rendering.figure import Figure, add_line_label, create_figure
from workbench.figures.style import theme
from workbench.figures.style.label_layout import log_ticks, pad_range, spread_labels
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_number

__all__ = ["sample_size_curve"]

_WIDTH, _INNER, _NEAR = 700, 260, 0.9
_CONSENSUS = "consensus"


StabilityFrame = Annotated[
    Any,
    Frame(
        "a curve of agreement, as a ranking of wb.rank_backbones(...) holds it",
        attribute="sample_size_curve",
        columns=("score",),
        numeric_columns=("images", "tau", "low", "high"),
    ),
]


@check_arguments
def sample_size_curve(
    frame: StabilityFrame,
    *,
    title: str | None = None,
) -> Figure:
    """Plot the agreement with the final ranking against the number of images, one line per score, consensus in bold.

    The band of the consensus is the range over the random draws.

    Args:
        frame: frame with images, score, tau (weighted, with the order on all images), low and high; or a ranking.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: a column is missing.
    """
    table: pd.DataFrame = getattr(frame, "sample_size_curve", frame)
    table = table[table["tau"].notna()]
    names = [n for n in dict.fromkeys(table["score"].astype(str)) if n != _CONSENSUS]
    names = [*names, *([_CONSENSUS] if (table["score"] == _CONSENSUS).any() else [])]
    figure = create_figure(
        escape_markup(title if title is not None else _stability_title(table)),
        width=_WIDTH,
        plot_height=_INNER,
        left=58,
        right=48 + 6.6 * max([len(n) for n in names], default=4),
        subtitle="mean over random samples of the images; band: range of the consensus over the samples",
    )
    low, high = pad_range([*table["low"], 1.0], 0.04, 0.04) if len(table) else (0.0, 1.0)
    for name in names:
        _add_score_line(figure, table[table["score"].astype(str) == name].sort_values("images"), name)
    figure.update_yaxes(range=[low, high], showgrid=True, title_text="weighted τ with the order on all images")
    if len(table):
        _set_image_axis(figure, sorted(set(table["images"])))
        _label_score_ends(figure, table, names, low, high)
    return figure


def _add_score_line(figure: Figure, part: pd.DataFrame, name: str) -> None:
    main = name == _CONSENSUS
    color = theme.CATEGORIES[0] if main else theme.FROM_SCRATCH
    if main:
        figure.add_scatter(
            x=[*part["images"], *part["images"][::-1]],
            y=[*part["high"], *part["low"][::-1]],
            mode="lines",
            line={"width": 0, "color": color},
            fill="toself",
            fillcolor=theme.with_opacity(color),
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=part["images"].tolist(),
        y=part["tau"].tolist(),
        mode="lines+markers",
        name=escape_markup(name),
        line={"color": color, "width": 3 if main else 1.4},
        marker={"color": color, "size": 8 if main else 5},
        hoverinfo="text",
        hovertext=[
            f"<b>{escape_markup(name)}</b><br>{n} images: τ {t:.2f}"
            for n, t in zip(part["images"], part["tau"], strict=True)
        ],
    )


def _set_image_axis(figure: Figure, n_images: list[int]) -> None:
    few = len(n_images) <= 6
    figure.update_xaxes(
        type="log",
        title_text="images",
        tickvals=n_images if few else log_ticks(n_images[0], n_images[-1]),
        ticktext=[format_number(n) for n in (n_images if few else log_ticks(n_images[0], n_images[-1]))],
    )
    figure.update_xaxes(range=_log_range(n_images))


def _log_range(n_images: list[int]) -> list[float]:
    import math

    low, high = math.log10(n_images[0]), math.log10(n_images[-1])
    edge = max(0.03 * (high - low), 0.02)
    return [low - edge, high + edge]


def _label_score_ends(figure: Figure, table: pd.DataFrame, names: list[str], low: float, high: float) -> None:
    import math

    left, right = _log_range(sorted(set(table["images"])))
    lasts = [table[table["score"].astype(str) == n].sort_values("images").iloc[-1] for n in names]
    heights = spread_labels([float(row["tau"]) for row in lasts], 15 * (high - low) / _INNER, low, high)
    for name, row, height in zip(names, lasts, heights, strict=True):
        x_fraction = (math.log10(row["images"]) - left) / (right - left)
        color = theme.CATEGORIES[0] if name == _CONSENSUS else theme.FROM_SCRATCH
        text = f"<b>{escape_markup(name)}</b>" if name == _CONSENSUS else escape_markup(name.replace("_", " "))
        add_line_label(figure, (x_fraction, float(row["tau"])), height, text, color)


def _stability_title(table: pd.DataFrame) -> str:
    consensus = table[table["score"] == _CONSENSUS].sort_values("images")
    if consensus.empty:
        return "Too few images to sample from"
    close_sizes = consensus[consensus["tau"] >= _NEAR]["images"]
    stable_sizes = [n for n in close_sizes if (consensus[consensus["images"] >= n]["tau"] >= _NEAR).all()]
    if stable_sizes:
        return f"From {min(stable_sizes)} images on, the consensus keeps its order (weighted τ ≥ {_NEAR:g})"
    last = consensus.iloc[-1]
    return f"Even {last['images']} images give a different order than all images (weighted τ {last['tau']:.2f})"
