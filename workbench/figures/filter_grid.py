"""Filters as images, what excites them, and what they say of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.forms import Range
from workbench.markers import Like, Several

from .image_grid import Sheet, as_uint8, grid
from .overlays import overlaid
from .style import SIGNED
from .words import short, short_number

Kernels = Annotated[
    Any, Like("filters, as wb.probes.filters(net) gives them", ("kernels", "pictures", "frame", "order"))
]


@check_arguments
def filters(
    found: Kernels,
    by: Literal["hue", "frequency", "norm", "index"] = "hue",
    n: Several = 96,
    *,
    title: str | None = None,
) -> Sheet:
    """A layer's filters, grey for zero, each by its own largest weight; dead and doubled ones are named.

    Args:
        found: has kernels (F, C, h, w), pictures, frame (dead, twin), `order(by)` and `stage`; what `wb.probes.filters`
            gives. Filters over pixels are shown in colour, others as their strongest slices, orange above zero.
        by: hue, frequency, norm or index.
        n: how many at most.
        title: replaces the count of dead and doubled filters.
    """
    order = np.asarray(found.order(by))[: max(n, 1)]
    heading = title if title is not None else _counted(found, by)
    if np.asarray(found.kernels).shape[1] != 3:
        return _slices(found, order[:8], heading)
    marks = [_mark(found.frame.iloc[int(row)]) for row in order]
    pictures = [as_uint8(found.pictures[row]) for row in order]
    columns = 16 if len(order) > 48 else 12 if len(order) > 16 else 8
    return grid(pictures, marks if any(marks) else [""] * len(marks), columns, heading, 44 if columns == 16 else 56)


Crops = Annotated[
    Any, Like("crops, as wb.probes.exciting(net, images, layer, channel) gives", ("crops", "frame", "stage"))
]


@check_arguments
def exciting(found: Crops | Mapping[str, Crops], *, title: str | None = None) -> Sheet:
    """The crops that excite a channel most, strongest first; a row a net.

    Args:
        found: has crops, channel, stage and frame (value, and true if known), as `wb.probes.exciting` gives; or
            several such by the nets' names.
        title: replaces the channel's name.
    """
    several = dict(found) if isinstance(found, Mapping) else {"": found}
    if not several:
        raise BadValue("there are no crops to show: hand in what wb.probes.exciting gives")
    first = next(iter(several.values()))
    n = max(len(one.crops) for one in several.values())
    crops, texts = [], []
    for name, one in several.items():
        for at in range(n):
            if at >= len(one.crops):
                crops.append(np.zeros((1, 1, 3), np.uint8))
                texts.append("")
                continue
            row = one.frame.iloc[at]
            crops.append(as_uint8(one.crops[at]))
            said = f"{row['true']}" if "true" in row else str(row["id"])
            texts.append(f"{name}\n{said}" if name else f"{said}\n{short_number(float(row['value']))}")
    heading = title if title is not None else f"What excites channel {first.channel} of {first.stage} most"
    return grid(crops, texts, n if n <= 9 else 8, heading, 84 if n > 6 else 112)


Maps = Annotated[Any, Like("maps, as wb.probes.activations(net, images) gives them", ("maps", "pictures", "stage"))]


@check_arguments
def activations(
    found: Maps,
    image: Annotated[int, Range(0, 10**9)] = 0,
    n: Several = 15,
    *,
    title: str | None = None,
) -> Sheet:
    """What the strongest channels of a stage say of one picture.

    Args:
        found: has maps (N, C, h, w), pictures and stage, as `wb.probes.activations` gives.
        image: which of the pictures.
        n: how many channels, those that vary most over the picture.
        title: replaces the stage's name.
    """
    if image >= len(found.maps):
        raise BadValue(f"there are maps of {len(found.maps)} pictures, numbered from 0; got {image}")
    maps, picture = np.asarray(found.maps[image], dtype=float), as_uint8(found.pictures[image])
    chosen = np.argsort(-maps.var(axis=(1, 2)), kind="stable")[: max(n, 1)]
    shown = [picture]
    for channel in chosen:
        span = maps[channel] - min(maps[channel].min(), 0)
        shown.append(overlaid(picture, _enlarged(span / (span.max() or 1), picture.shape[:2])))
    texts = ["the picture", *(f"channel {channel}" for channel in chosen)]
    where = f"{maps.shape[1]} × {maps.shape[2]} places"
    heading = (
        title if title is not None else f"The {len(chosen)} liveliest of {len(maps)} channels of {found.stage}, {where}"
    )
    return grid(shown, texts, 8, heading, 92)


def _enlarged(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    rows, columns = (np.minimum(np.arange(s) * v // s, v - 1) for s, v in zip(size, values.shape, strict=True))
    return values[np.ix_(rows, columns)]


def _slices(found: Any, order: np.ndarray, heading: str) -> Sheet:
    """A row a filter, its strongest channels from left to right."""
    pictures, texts = [], []
    for row in order:
        kernel = np.asarray(found.kernels[row], dtype=float)
        strongest = np.argsort(-np.square(kernel).sum((1, 2)), kind="stable")[:12]
        most = np.abs(kernel).max() or 1
        for channel in strongest:
            pictures.append(_signed(kernel[channel] / most))
            texts.append(f"{row} ← {channel}")
    return grid(pictures, texts, min(12, np.asarray(found.kernels).shape[1]), heading, 56)


def _signed(values: np.ndarray) -> np.ndarray:
    at = [2 * stop - 1 for stop, _ in SIGNED]
    channels = [[int(colour[i : i + 2], 16) for _, colour in SIGNED] for i in (1, 3, 5)]
    return np.stack([np.interp(values, at, channel) for channel in channels], axis=-1).round().astype(np.uint8)


def _mark(row: Any) -> str:
    return "dead" if row["dead"] else f"= {row['twin']}" if row["twin"] >= 0 else ""


def _counted(found: Any, by: str) -> str:
    dead, doubled = int(found.frame["dead"].sum()), int((found.frame["twin"] >= 0).sum())
    faults = [f"{dead} dead" if dead else "", f"{doubled} doubled" if doubled else ""]
    said = ", ".join(fault for fault in faults if fault) or "none dead, none doubled"
    return f"{len(found.frame)} filters of {short(found.stage, 24)}, by {by}: {said}"
