"""Where a net looked: pictures beside their maps, of one net or of several."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Like, Pixels, Several

from .image_grid import Sheet, as_uint8, grid
from .overlays import BAR, overlaid, scale_bar, scaled
from .words import percent, short

Shown = Annotated[
    Any,
    Like(
        "saliency maps, as wb.probes.saliency(net, images) gives them",
        ("maps", "pictures", "frame", "method", "signed"),
    ),
]


@check_arguments
def saliency(
    shown: Shown,
    n: Several = 12,
    *,
    title: str | None = None,
    edge: Pixels | None = None,
) -> Sheet:
    """Each picture with its map beside it, and what the net said.

    Args:
        shown: has maps (N, H, W), pictures (N, H, W, 3), a frame (predicted, confidence 0..1, target, probability, and
            true if known), `method`, `layer` and `signed`; what `wb.probes.saliency` gives.
        n: how many to show, 1 or more.
        title: replaces the method and how many pictures.
        edge: pixels of a picture's side.

    Raises:
        BadValue: the maps are not those of the pictures.
    """
    maps = np.asarray(shown.maps)
    if maps.shape != np.asarray(shown.pictures).shape[:3]:
        raise BadValue(f"maps of the shape {maps.shape} do not lie over pictures {np.asarray(shown.pictures).shape}")
    n = max(min(n, len(maps)), 1)
    values, squares, texts = scaled(maps[:n]), [], []
    for at in range(n):
        squares += [as_uint8(shown.pictures[at]), overlaid(shown.pictures[at], values[at], shown.signed)]
        texts += _captions(shown.frame.iloc[at], bool(maps[at].any()))
    heading = title if title is not None else _heading(shown, n)
    columns = 2 * min(n, 3) if n <= 3 else 6
    sheet = grid(squares, texts, columns, heading, edge or 118, foot=BAR)
    scale_bar(sheet, shown.signed)
    return sheet


Compared = Annotated[
    Any,
    Like(
        "maps of several nets, as wb.probes.compare_saliency(nets, images) gives them", ("shown", "frame", "agreement")
    ),
]


@check_arguments
def saliency_comparison(
    compared: Compared,
    n: Several = 6,
    *,
    title: str | None = None,
    edge: Pixels | None = None,
) -> Sheet:
    """A row a picture, a column a net; the pictures whose maps moved most come first.

    Args:
        compared: has `shown` (name -> what `saliency` takes), `frame` (row, agreement, a column a net) and
            `agreement`; what `wb.probes.compare_saliency` gives.
        n: how many pictures, 1 or more.
        title: replaces the agreement of the first two nets.
        edge: pixels of a picture's side.
    """
    names = list(compared.shown)
    first = compared.shown[names[0]]
    rows = compared.frame.head(max(n, 1))
    values = {name: scaled(one.maps) for name, one in compared.shown.items()}
    squares, texts = [], []
    for _, row in rows.iterrows():
        at = int(row["row"])
        squares.append(as_uint8(first.pictures[at]))
        texts.append(f"{row.get('true', '')}\n{_agreed(row['agreement'])}")
        for name, one in compared.shown.items():
            squares.append(overlaid(one.pictures[at], values[name][at], one.signed))
            said = one.frame.iloc[at]
            texts.append(f"{name}\n{said['predicted']} {percent(said['confidence'], 0)}")
    heading = title if title is not None else _compared(compared, names)
    wide = 1 + len(names)
    blocks = max(min(2, 8 // wide, len(rows)), 1)
    sheet = grid(squares, texts, blocks * wide, heading, edge or min(132, 720 // (blocks * wide)), foot=BAR)
    scale_bar(sheet, first.signed)
    return sheet


def _captions(row: pd.Series, any_map: bool) -> list[str]:
    said = f"says {row['predicted']}, {percent(row['confidence'], 0)}"
    known = f"{row['true']}\n{said}" if "true" in row else said
    why = f"for {row['target']}" if any_map else f"nothing for {row['target']}"
    return [known, f"{why}\n{percent(row['probability'], 0)}" if "true" in row else why]


def _agreed(value: float) -> str:
    return f"agreement {signed(value)}" if np.isfinite(value) else "an empty map"


def signed(value: float) -> str:
    """A number within -1..1 with the minus of print."""
    return f"{value:.2f}".replace("-", "−")


def _heading(shown: Any, n: int) -> str:
    frame, where = shown.frame, f", stage {shown.layer}" if shown.layer else ""
    kind = "picture" if n == 1 else "pictures"
    if "true" not in frame:
        return f"Where the net looks in {n} {kind}: {shown.method}{where}"
    wrong = int((frame["true"].head(n) != frame["predicted"].head(n)).sum())
    return f"Where the net looks in {n} {kind}, {wrong} of them mistaken: {shown.method}{where}"


def _compared(compared: Any, names: list[str]) -> str:
    a, b = short(names[0], 24), short(names[1], 24)
    if not np.isfinite(compared.agreement):
        return f"The maps of {a} and {b} cannot be compared: one of them is empty"
    return f"The maps of {a} and {b} agree to {signed(compared.agreement)}, those that moved most first"
