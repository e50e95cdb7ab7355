"""How many images does a ranking need? Its order on some of them against its order on all."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from workbench.arguments import check_arguments
from workbench.markers import Frame

from . import style
from .figure import Figure, leader, page
from .placing import decades, padded, spread
from .words import plain, short_number

_WIDTH, _INNER, _NEAR = 700, 260, 0.9
_MAIN = "consensus"


Curve = Annotated[
    Any,
    Frame(
        "a curve of agreement, as a ranking of wb.rank(...) holds it",
        within="curve",
        columns=("score",),
        numbers=("images", "tau", "low", "high"),
    ),
]


@check_arguments
def settling(
    frame: Curve,
    *,
    title: str | None = None,
) -> Figure:
    """A thin line a score and a bold one for the consensus, whose band is from the worst draw to the best.

    Args:
        frame: frame with images, score, tau (weighted, with the order on all images), low and high; or a ranking.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: a column is missing.
    """
    table: pd.DataFrame = getattr(frame, "curve", frame)
    table = table[table["tau"].notna()]
    names = [n for n in dict.fromkeys(table["score"].astype(str)) if n != _MAIN]
    names = [*names, *([_MAIN] if (table["score"] == _MAIN).any() else [])]
    figure = page(
        plain(title if title is not None else _answer(table)),
        width=_WIDTH,
        inner=_INNER,
        left=58,
        right=48 + 6.6 * max([len(n) for n in names], default=4),
        subtitle="mean over draws of so many images; band: from the worst to the best draw, of the consensus",
    )
    low, high = padded([*table["low"], 1.0], 0.04, 0.04) if len(table) else (0.0, 1.0)
    for name in names:
        _line(figure, table[table["score"].astype(str) == name].sort_values("images"), name)
    figure.update_yaxes(range=[low, high], showgrid=True, title_text="weighted τ with the order on all images")
    if len(table):
        _x_axis(figure, sorted(set(table["images"])))
        _ends(figure, table, names, low, high)
    return figure


def _line(figure: Figure, part: pd.DataFrame, name: str) -> None:
    main = name == _MAIN
    colour = style.CATEGORIES[0] if main else style.FROM_SCRATCH
    if main:
        figure.add_scatter(
            x=[*part["images"], *part["images"][::-1]],
            y=[*part["high"], *part["low"][::-1]],
            mode="lines",
            line={"width": 0, "color": colour},
            fill="toself",
            fillcolor=style.faint(colour),
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=part["images"].tolist(),
        y=part["tau"].tolist(),
        mode="lines+markers",
        name=plain(name),
        line={"color": colour, "width": 3 if main else 1.4},
        marker={"color": colour, "size": 8 if main else 5},
        hoverinfo="text",
        hovertext=[
            f"<b>{plain(name)}</b><br>{n} images: τ {t:.2f}" for n, t in zip(part["images"], part["tau"], strict=True)
        ],
    )


def _x_axis(figure: Figure, images: list[int]) -> None:
    few = len(images) <= 6
    figure.update_xaxes(
        type="log",
        title_text="images",
        tickvals=images if few else decades(images[0], images[-1]),
        ticktext=[short_number(n) for n in (images if few else decades(images[0], images[-1]))],
    )
    figure.update_xaxes(range=_log_range(images))


def _log_range(images: list[int]) -> list[float]:
    import math

    low, high = math.log10(images[0]), math.log10(images[-1])
    edge = max(0.03 * (high - low), 0.02)
    return [low - edge, high + edge]


def _ends(figure: Figure, table: pd.DataFrame, names: list[str], low: float, high: float) -> None:
    import math

    left, right = _log_range(sorted(set(table["images"])))
    lasts = [table[table["score"].astype(str) == n].sort_values("images").iloc[-1] for n in names]
    heights = spread([float(row["tau"]) for row in lasts], 15 * (high - low) / _INNER, low, high)
    for name, row, height in zip(names, lasts, heights, strict=True):
        share = (math.log10(row["images"]) - left) / (right - left)
        colour = style.CATEGORIES[0] if name == _MAIN else style.FROM_SCRATCH
        text = f"<b>{plain(name)}</b>" if name == _MAIN else plain(name.replace("_", " "))
        leader(figure, (share, float(row["tau"])), height, text, colour)


def _answer(table: pd.DataFrame) -> str:
    own = table[table["score"] == _MAIN].sort_values("images")
    if own.empty:
        return "Too few images to draw from"
    fine = own[own["tau"] >= _NEAR]["images"]
    held = [n for n in fine if (own[own["images"] >= n]["tau"] >= _NEAR).all()]
    if held:
        return f"From {min(held)} images on, the consensus keeps its order (weighted τ ≥ {_NEAR:g})"
    last = own.iloc[-1]
    return f"Even {last['images']} images order the backbones otherwise than all do (weighted τ {last['tau']:.2f})"
