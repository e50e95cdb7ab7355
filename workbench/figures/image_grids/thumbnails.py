"""Grids of images: thumbnails, confident mistakes, one image under several transforms."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.font_manager import FontProperties, findfont, get_font
from PIL import Image

from workbench.annotated_types import Count, ImageSize
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.static_svg import export_svg
from workbench.figures.style import theme
from workbench.formatting import format_percent, format_quantity, join_names, truncate_middle
from workbench.forms import Range

__all__ = ["ImageFigure", "confident_mistakes", "image_comparison", "image_grid"]

_DPI = 100
_GAP = 2  # pixels between thumbnails
_CAPTION_LINE = 15  # height in pixels of a line of caption
_HEADING = (10.8, "bold")


class ImageFigure(MatplotlibFigure):
    """Matplotlib figure that displays itself in a notebook without pyplot, and only once."""

    @check_arguments
    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
        FigureCanvasAgg(self)

    def draw(self, renderer: Any) -> None:
        """Draw in the workbench's style, whatever rcParams are set at that time."""
        with theme.matplotlib_style():
            super().draw(renderer)

    @check_arguments
    def to_svg(self) -> str:
        """Return the figure as static SVG whose captions are text, in the text color of a page that contains it."""
        with theme.matplotlib_style():
            return export_svg(self)

    def _repr_png_(self) -> bytes:
        out = io.BytesIO()
        self.savefig(out, format="png", dpi=_DPI)
        return out.getvalue()


@check_arguments
def image_grid(
    images: Sequence[np.ndarray],
    captions: Sequence[str] | None = None,
    columns: Annotated[int, Range(1, 1000)] | None = None,
    *,
    title: str | None = None,
    image_size: ImageSize | None = None,
) -> ImageFigure:
    r"""Show images in a grid, all of one size, 2 px apart, each with its caption below.

    Args:
        images: arrays (H, W, 3) or (H, W), uint8 0..255 or float 0..1, of any sizes; resized to fit.
        captions: one text per image; a second line after "\\n".
        columns: images per row; chosen by the number of images by default.
        title: replaces the number of images as title.
        image_size: side of a thumbnail in pixels, 16..400; chosen by the number of columns by default.

    Raises:
        BadValue: an array is no image, or the captions do not match the images.
    """
    arrays = [to_uint8(image) for image in images]
    texts = [str(c) for c in captions] if captions is not None else [""] * len(arrays)
    if len(texts) != len(arrays):
        raise BadValue(f"there are {len(arrays)} images but {len(texts)} captions")
    heading = title if title is not None else _count_title(len(arrays), texts)
    columns = columns or _choose_columns(len(arrays))
    return arrange_images(arrays, texts, max(min(columns, len(arrays)), 1), heading, image_size)


@check_arguments
def confident_mistakes(
    images: Any, frame: Any = None, n_images: Count = 12, *, title: str | None = None
) -> ImageFigure:
    """Show the misclassified images with the highest confidence: true → predicted class, and the confidence.

    Args:
        images: arrays in the order of `frame`, or any object with `.pixels(row)`, such as an `Images`, which is called
            with each of the frame's `row`s.
        frame: frame with true, predicted and confidence (0..1), highest confidence first; or any object with
            `.mistakes`.
        n_images: number of images to show, 1 or more.
        title: replaces the title computed from the frame.

    Raises:
        BadValue: a column is missing.
    """
    table: pd.DataFrame = getattr(frame, "mistakes", frame)
    missing = {"true", "predicted"} - set(getattr(table, "columns", ()))
    if missing:
        raise BadValue(f"expected a frame with true and predicted; {join_names(sorted(missing))} missing")
    mistakes = table.head(n_images).reset_index(drop=True)
    if hasattr(images, "pixels"):
        arrays = [images.pixels(row) for row in mistakes["row"]]
    else:
        arrays = list(images)[: len(mistakes)]
    captions = [_mistake_caption(row) for _, row in mistakes.iterrows()]
    heading = title if title is not None else mistakes_title(table, len(mistakes))
    return image_grid(arrays, captions, columns=min(6, max(len(mistakes), 1)), title=heading)


@check_arguments
def image_comparison(
    images: Sequence[np.ndarray], captions: Sequence[str], title: str | None = None, *, image_size: int | None = None
) -> ImageFigure:
    """Show images in one row for comparison, such as one image under several transforms.

    Args:
        images: arrays as for `image_grid`; small images are enlarged without smoothing.
        captions: one text per image, such as the name of its transform.
        title: replaces the number of transforms as title.
        image_size: side of an image in pixels.
    """
    heading = title if title is not None else f"One image under {len(images)} transforms"
    return image_grid(images, captions, columns=max(len(images), 1), title=heading, image_size=image_size)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Convert `image` to (H, W, 3) uint8; floats are scaled from 0..1 and clipped.

    Raises:
        BadValue: neither (H, W), (H, W, 1), (H, W, 3) nor (H, W, 4).
    """
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise BadValue(f"expected an image (H, W, 3) or (H, W), got the shape {array.shape}")
    if array.dtype != np.uint8:
        scale = 255 if array.dtype.kind == "f" else 1
        array = np.clip(np.nan_to_num(array.astype(float)) * scale, 0, 255).round().astype(np.uint8)
    return np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[:, :, :3]


def arrange_images(
    images: list[np.ndarray],
    captions: list[str],
    columns: int,
    heading: str,
    image_size: int | None,
    bottom_margin: int = 0,
) -> ImageFigure:
    """Arrange square images with captions in rows, with `bottom_margin` free pixels below them."""
    image_size = image_size or int(min(max(theme.WIDTH / columns - _GAP, 44), 124 if columns > 4 else 180))
    image_size = max(min(image_size, (theme.WIDEST - 8) // columns - _GAP), 16)
    rows = math.ceil(len(images) / columns)
    lines = max((t.count("\n") + 1 for t in captions if t), default=0)
    caption = lines * _CAPTION_LINE + (6 if lines else 0)
    width = max(columns * (image_size + _GAP) - _GAP, min(math.ceil(_text_width(heading, *_HEADING)), theme.WIDTH))
    top = 32 if heading else 0
    height = max(top + rows * (image_size + _GAP + caption), 40) + bottom_margin
    with theme.matplotlib_style():
        figure = ImageFigure(width, height)
        if heading:
            figure.text(
                0,
                1 - 7 / height,
                _truncate_to_width(heading, width, *_HEADING),
                size=_HEADING[0],
                weight=_HEADING[1],
                va="top",
                ha="left",
            )
        for index, (image, text) in enumerate(zip(images, captions, strict=True)):
            x = (index % columns) * (image_size + _GAP)
            y = top + (index // columns) * (image_size + _GAP + caption)
            _add_image(figure, image, text, (x, y, image_size), (width, height))
    return figure


def _add_image(
    figure: ImageFigure, image: np.ndarray, caption: str, box: tuple[int, int, int], figure_size: tuple[int, int]
) -> None:
    (x, y, size), (width, height) = box, figure_size
    axes = figure.add_axes((x / width, 1 - (y + size) / height, size / width, size / height))
    axes.imshow(_fit_into_square(image, size), interpolation="none", aspect="auto")
    axes.set_axis_off()
    for number, line in enumerate(caption.split("\n") if caption else ()):
        figure.text(
            (x + 1) / width,
            1 - (y + size + 4 + number * _CAPTION_LINE) / height,
            _truncate_to_width(line, size - 4, 8),
            size=8,
            va="top",
            ha="left",
        )


def _fit_into_square(image: np.ndarray, image_size: int) -> np.ndarray:
    """Fit an image into a square of `image_size` pixels with transparent padding; small images keep hard pixels."""
    height, width = image.shape[:2]
    scale = image_size / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    resampling = Image.Resampling.NEAREST if scale > 2 else Image.Resampling.LANCZOS
    small = np.asarray(Image.fromarray(image).resize(size, resampling))
    square = np.zeros((image_size, image_size, 4), np.uint8)
    top, left = (image_size - size[1]) // 2, (image_size - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = np.dstack([small, np.full(small.shape[:2], 255, np.uint8)])
    return square


def _text_width(text: str, points: float, weight: str = "normal") -> float:
    """Return the width of `text` in pixels."""
    with theme.matplotlib_style():
        font = get_font(findfont(FontProperties(family="sans-serif", weight=weight)))
        font.set_size(points, _DPI)
        font.set_text(text)
    return font.get_width_height()[0] / 64


def _truncate_to_width(text: str, max_width: float, points: float, weight: str = "normal") -> str:
    """Return `text`, shortened in the middle if needed, so that it is at most `max_width` pixels wide."""
    letters = len(text)
    while letters > 3 and _text_width(truncate_middle(text, letters), points, weight) > max_width:
        letters -= 1
    return truncate_middle(text, letters)


def _choose_columns(n_images: int) -> int:
    if n_images <= 6:
        return max(n_images, 1)
    return next((c for c in (8, 6, 7, 5) if n_images % c == 0), 8)


def _count_title(n_images: int, captions: list[str]) -> str:
    kinds = {t.split("\n")[0] for t in captions if t}
    images = format_quantity(n_images, "image")
    return f"{images} of {len(kinds)} classes" if 1 < len(kinds) < n_images else images


def _mistake_caption(row: pd.Series) -> str:
    confidence = (
        f"\n{format_percent(row['confidence'], 0)} sure" if "confidence" in row and pd.notna(row["confidence"]) else ""
    )
    return f"{row['true']}\n→ {row['predicted']}{confidence}"


def mistakes_title(table: pd.DataFrame, n_shown: int) -> str:
    """Return the number of mistakes, of which the `n_shown` most confident are shown, and the most frequent pair."""
    if not len(table):
        return "No mistakes"
    pairs = (table["true"].astype(str) + " → " + table["predicted"].astype(str)).value_counts()
    most_common = f"; most often {pairs.index[0]} ({pairs.iloc[0]})" if pairs.iloc[0] > 1 else ""
    if n_shown < len(table):
        return f"The {'' if n_shown == 1 else f'{n_shown} '}surest of {len(table)} mistakes{most_common}"
    return f"{format_quantity(len(table), 'mistake')}{most_common}"
