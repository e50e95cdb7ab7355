"""Saliency maps over their images, of one net or of several."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd

from workbench.annotated_types import Count, HasAttributes, ImageSize
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.image_grids.heatmap_overlay import (
    SCALE_BAR_HEIGHT,
    add_scale_bar,
    normalize_maps,
    overlay_heatmap,
)
from workbench.figures.image_grids.thumbnails import ImageFigure, arrange_images, to_uint8
from workbench.formatting import format_decimal, format_percent, format_quantity, truncate_middle

__all__ = ["saliency_comparison", "saliency_maps"]

SaliencyLike = Annotated[
    Any,
    HasAttributes(
        "saliency maps, as wb.probes.saliency(net, images) gives them",
        ("maps", "images", "frame", "method", "signed"),
    ),
]


@check_arguments
def saliency_maps(
    result: SaliencyLike,
    n_images: Count = 12,
    *,
    title: str | None = None,
    image_size: ImageSize | None = None,
) -> ImageFigure:
    """Show each image beside its saliency map, with the prediction of the net.

    Args:
        result: object with maps (N, H, W), images (N, H, W, 3), a frame (predicted, confidence 0..1, target,
            probability, and true if known), `method`, `layer` and `signed`, such as the result of `wb.probes.saliency`.
        n_images: number of images to show, 1 or more.
        title: replaces the method and the number of images.
        image_size: side of an image in pixels.

    Raises:
        BadValue: the maps do not have the shape of the images.
    """
    maps = np.asarray(result.maps)
    if maps.shape != np.asarray(result.images).shape[:3]:
        raise BadValue(f"maps of the shape {maps.shape} do not match images {np.asarray(result.images).shape}")
    n_images = max(min(n_images, len(maps)), 1)
    values, images, texts = normalize_maps(maps[:n_images]), [], []
    for index in range(n_images):
        images += [to_uint8(result.images[index]), overlay_heatmap(result.images[index], values[index], result.signed)]
        texts += _saliency_captions(result.frame.iloc[index], bool(maps[index].any()))
    heading = title if title is not None else _saliency_title(result, n_images)
    columns = 2 * min(n_images, 3) if n_images <= 3 else 6
    figure = arrange_images(images, texts, columns, heading, image_size or 118, bottom_margin=SCALE_BAR_HEIGHT)
    add_scale_bar(figure, result.signed)
    return figure


SaliencyComparisonLike = Annotated[
    Any,
    HasAttributes(
        "maps of several nets, as wb.probes.compare_saliency(nets, images) gives them",
        ("saliencies", "frame", "agreement"),
    ),
]


@check_arguments
def saliency_comparison(
    result: SaliencyComparisonLike,
    n_images: Count = 6,
    *,
    title: str | None = None,
    image_size: ImageSize | None = None,
) -> ImageFigure:
    """Show saliency maps of several nets, one row per image and one column per net, the least similar maps first.

    Args:
        result: object with `saliencies` (name -> what `saliency_maps` takes), `frame` (row, agreement, one column per
            net) and `agreement`, such as the result of `wb.probes.compare_saliency`.
        n_images: number of images, 1 or more.
        title: replaces the agreement of the first two nets.
        image_size: side of an image in pixels.
    """
    names = list(result.saliencies)
    first = result.saliencies[names[0]]
    rows = result.frame.head(max(n_images, 1))
    values = {name: normalize_maps(saliency.maps) for name, saliency in result.saliencies.items()}
    images, texts = [], []
    for _, row in rows.iterrows():
        index = int(row["row"])
        images.append(to_uint8(first.images[index]))
        texts.append(f"{row.get('true', '')}\n{_agreement_caption(row['agreement'])}")
        for name, saliency in result.saliencies.items():
            images.append(overlay_heatmap(saliency.images[index], values[name][index], saliency.signed))
            prediction = saliency.frame.iloc[index]
            texts.append(f"{name}\n{prediction['predicted']} {format_percent(prediction['confidence'], 0)}")
    heading = title if title is not None else _comparison_title(result, names)
    wide = 1 + len(names)
    blocks = max(min(2, 8 // wide, len(rows)), 1)
    figure = arrange_images(
        images,
        texts,
        blocks * wide,
        heading,
        image_size or min(132, 720 // (blocks * wide)),
        bottom_margin=SCALE_BAR_HEIGHT,
    )
    add_scale_bar(figure, first.signed)
    return figure


def _saliency_captions(row: pd.Series, has_map: bool) -> list[str]:
    prediction = f"→ {row['predicted']}, {format_percent(row['confidence'], 0)}"
    caption = f"{row['true']}\n{prediction}" if "true" in row else prediction
    target = f"class: {row['target']}" if has_map else f"class: {row['target']} (empty map)"
    return [caption, f"{target}\n{format_percent(row['probability'], 0)}" if "true" in row else target]


def _agreement_caption(value: float) -> str:
    return f"agreement {format_decimal(value)}" if np.isfinite(value) else "empty map"


def _saliency_title(result: Any, n_images: int) -> str:
    frame, where = result.frame, f" at {result.layer}" if result.layer else ""
    images = format_quantity(n_images, "image")
    if "true" not in frame:
        return f"Saliency of {images}: {result.method}{where}"
    wrong = int((frame["true"].head(n_images) != frame["predicted"].head(n_images)).sum())
    return f"Saliency of {images}, {wrong} of them misclassified: {result.method}{where}"


def _comparison_title(result: Any, names: list[str]) -> str:
    a, b = truncate_middle(names[0], 24), truncate_middle(names[1], 24)
    if not np.isfinite(result.agreement):
        return f"The maps of {a} and {b} cannot be compared: one of them is empty"
    return f"The maps of {a} and {b} agree to {format_decimal(result.agreement)}, least similar first"
