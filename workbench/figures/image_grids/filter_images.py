"""Convolution filters as images, with their top activations and activation maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np

from workbench.annotated_types import Count, HasAttributes
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.image_grids.heatmap_overlay import overlay_heatmap
from workbench.figures.image_grids.thumbnails import ImageFigure, arrange_images, to_uint8
from workbench.figures.style.theme import DIVERGING
from workbench.formatting import format_number, truncate_middle
from workbench.forms import Range

__all__ = ["activation_maps", "convolution_filters", "top_activations"]

FiltersLike = Annotated[
    Any, HasAttributes("filters, as wb.probes.filters(net) gives them", ("kernels", "images", "frame", "order"))
]


@check_arguments
def convolution_filters(
    result: FiltersLike,
    sort_by: Literal["hue", "frequency", "norm", "index"] = "hue",
    n_filters: Count = 96,
    *,
    title: str | None = None,
) -> ImageFigure:
    """Show the filters of a layer, gray for zero, each scaled by its largest weight, dead and duplicate ones marked.

    Args:
        result: object with kernels (F, C, h, w), images, frame (dead, twin), `order(by)` and `stage`, such as the
            result of `wb.probes.filters`. Filters over RGB are shown in color, others as their strongest channels,
            orange for positive and blue for negative weights.
        sort_by: hue, frequency, norm or index.
        n_filters: maximum number of filters.
        title: replaces the number of dead and duplicate filters.
    """
    order = np.asarray(result.order(sort_by))[: max(n_filters, 1)]
    heading = title if title is not None else _filter_title(result, sort_by)
    if np.asarray(result.kernels).shape[1] != 3:
        return _kernel_slices(result, order[:8], heading)
    faults = [_filter_fault(result.frame.iloc[int(row)]) for row in order]
    images = [to_uint8(result.images[row]) for row in order]
    columns = 16 if len(order) > 48 else 12 if len(order) > 16 else 8
    return arrange_images(
        images, faults if any(faults) else [""] * len(faults), columns, heading, 44 if columns == 16 else 56
    )


TopActivationsLike = Annotated[
    Any,
    HasAttributes(
        "crops, as wb.probes.top_activations(net, images, layer, channel) gives", ("crops", "frame", "stage")
    ),
]


@check_arguments
def top_activations(
    result: TopActivationsLike | Mapping[str, TopActivationsLike], *, title: str | None = None
) -> ImageFigure:
    """Show the image crops with the highest activation of a channel, strongest first; one row per net.

    Args:
        result: object with crops, channel, stage and frame (value, and true if known), as `wb.probes.top_activations`
            returns it; or a mapping from names of nets to such objects.
        title: replaces the channel's name.
    """
    results = dict(result) if isinstance(result, Mapping) else {"": result}
    if not results:
        raise BadValue("expected a result of wb.probes.top_activations, got no crops to show")
    first = next(iter(results.values()))
    n = max(len(item.crops) for item in results.values())
    crops, texts = [], []
    for name, item in results.items():
        for index in range(n):
            if index >= len(item.crops):
                crops.append(np.zeros((1, 1, 3), np.uint8))
                texts.append("")
                continue
            row = item.frame.iloc[index]
            crops.append(to_uint8(item.crops[index]))
            label = f"{row['true']}" if "true" in row else str(row["id"])
            texts.append(f"{name}\n{label}" if name else f"{label}\n{format_number(float(row['value']))}")
    heading = title if title is not None else f"Top activations of channel {first.channel} of {first.stage}"
    return arrange_images(crops, texts, n if n <= 9 else 8, heading, 84 if n > 6 else 112)


ActivationsLike = Annotated[
    Any, HasAttributes("maps, as wb.probes.activation_maps(net, images) gives them", ("maps", "images", "stage"))
]


@check_arguments
def activation_maps(
    result: ActivationsLike,
    index: Annotated[int, Range(0, 10**9)] = 0,
    n_channels: Count = 15,
    *,
    title: str | None = None,
) -> ImageFigure:
    """Show the activation maps of the strongest channels of a stage over one image.

    Args:
        result: object with maps (N, C, h, w), images and stage, as `wb.probes.activation_maps` returns it.
        index: index of the image.
        n_channels: maximum number of channels; those that vary most over the image.
        title: replaces the stage's name.
    """
    if index >= len(result.maps):
        raise BadValue(f"index: expected 0 to {len(result.maps) - 1}, got {index}")
    maps, image = np.asarray(result.maps[index], dtype=float), to_uint8(result.images[index])
    channels = np.argsort(-maps.var(axis=(1, 2)), kind="stable")[: max(n_channels, 1)]
    images = [image]
    for channel in channels:
        span = maps[channel] - min(maps[channel].min(), 0)
        images.append(overlay_heatmap(image, _upsample_nearest(span / (span.max() or 1), image.shape[:2])))
    texts = ["image", *(f"channel {channel}" for channel in channels)]
    size = f"{maps.shape[1]} × {maps.shape[2]} positions"
    heading = (
        title
        if title is not None
        else f"{len(channels)} of {len(maps)} channels of {result.stage} with the largest variance, {size}"
    )
    return arrange_images(images, texts, 8, heading, 92)


def _upsample_nearest(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    rows, columns = (np.minimum(np.arange(s) * v // s, v - 1) for s, v in zip(size, values.shape, strict=True))
    return values[np.ix_(rows, columns)]


def _kernel_slices(result: Any, order: np.ndarray, heading: str) -> ImageFigure:
    """Show one row per filter, its strongest channels from left to right."""
    images, texts = [], []
    for row in order:
        kernel = np.asarray(result.kernels[row], dtype=float)
        strongest = np.argsort(-np.square(kernel).sum((1, 2)), kind="stable")[:12]
        max_weight = np.abs(kernel).max() or 1
        for channel in strongest:
            images.append(_diverging_colors(kernel[channel] / max_weight))
            texts.append(f"{row} ← {channel}")
    return arrange_images(images, texts, min(12, np.asarray(result.kernels).shape[1]), heading, 56)


def _diverging_colors(values: np.ndarray) -> np.ndarray:
    stops = [2 * stop - 1 for stop, _ in DIVERGING]
    channels = [[int(color[i : i + 2], 16) for _, color in DIVERGING] for i in (1, 3, 5)]
    return np.stack([np.interp(values, stops, channel) for channel in channels], axis=-1).round().astype(np.uint8)


def _filter_fault(row: Any) -> str:
    return "dead" if row["dead"] else f"= {row['twin']}" if row["twin"] >= 0 else ""


def _filter_title(result: Any, sort_by: str) -> str:
    dead, doubled = int(result.frame["dead"].sum()), int((result.frame["twin"] >= 0).sum())
    faults = [f"{dead} dead" if dead else "", f"{doubled} duplicate" if doubled else ""]
    summary = ", ".join(fault for fault in faults if fault) or "none dead, none duplicate"
    return f"{len(result.frame)} filters of {truncate_middle(result.stage, 24)}, by {sort_by}: {summary}"
