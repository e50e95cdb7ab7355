"""Images side by side: thumbnails, the worst mistakes, the same image prepared in several ways."""

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

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.forms import Range
from workbench.markers import Pixels, Several

from . import style
from .words import listed, percent, short

_DPI = 100
_GAP = 2  # pixels between thumbnails
_LINE = 15  # pixels of a line of caption
_HEADING = (10.8, "bold")


class Sheet(MatplotlibFigure):
    """A matplotlib figure that shows itself in a notebook without pyplot, and only once."""

    @check_arguments
    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
        FigureCanvasAgg(self)

    def draw(self, renderer: Any) -> None:
        """Draws in the workbench's style, whatever is set when that happens."""
        with style.matplotlib_style():
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        out = io.BytesIO()
        self.savefig(out, format="png", dpi=_DPI)
        return out.getvalue()


@check_arguments
def thumbnails(
    images: Sequence[np.ndarray],
    captions: Sequence[str] | None = None,
    columns: Annotated[int, Range(1, 1000)] | None = None,
    *,
    title: str | None = None,
    edge: Pixels | None = None,
) -> Sheet:
    r"""A grid of equally large images, 2 px apart, each with its caption under it.

    Args:
        images: arrays (H, W, 3) or (H, W), uint8 0..255 or float 0..1, of any sizes; shrunk or grown to fit.
        captions: one text an image; a second line after "\\n".
        columns: images in a row; chosen for the number of images when left out.
        title: replaces the number of images as the title.
        edge: pixels of a thumbnail's side, 16..400; chosen for the columns when left out.

    Raises:
        BadValue: an array is no image, or the captions do not match the images.
    """
    pictures = [as_uint8(image) for image in images]
    texts = [str(c) for c in captions] if captions is not None else [""] * len(pictures)
    if len(texts) != len(pictures):
        raise BadValue(f"there are {len(pictures)} images but {len(texts)} captions")
    heading = title if title is not None else _counted(len(pictures), texts)
    columns = columns or _columns(len(pictures))
    return grid(pictures, texts, max(min(columns, len(pictures)), 1), heading, edge)


@check_arguments
def mistakes(images: Any, frame: Any = None, n: Several = 12, *, title: str | None = None) -> Sheet:
    """The surest mistakes as thumbnails: true → predicted, and how sure the net was.

    Args:
        images: arrays in the order of `frame`, or anything with `.pixels(row)`, such as an `Images`, which is asked
            for each of the frame's `row`s.
        frame: frame with true, predicted and confidence (0..1), worst first; or anything with `.mistakes`.
        n: how many to show, 1 or more.
        title: replaces the answer read from the frame.

    Raises:
        BadValue: a column is missing.
    """
    table: pd.DataFrame = getattr(frame, "mistakes", frame)
    missing = {"true", "predicted"} - set(getattr(table, "columns", ()))
    if missing:
        raise BadValue(f"mistakes wants a frame with true and predicted; {listed(sorted(missing))} missing")
    shown = table.head(n).reset_index(drop=True)
    if hasattr(images, "pixels"):
        pictures = [images.pixels(row) for row in shown["row"]]
    else:
        pictures = list(images)[: len(shown)]
    captions = [_mistaken(row) for _, row in shown.iterrows()]
    heading = title if title is not None else _worst(table, len(shown))
    return thumbnails(pictures, captions, columns=min(6, max(len(shown), 1)), title=heading)


@check_arguments
def side_by_side(
    images: Sequence[np.ndarray], captions: Sequence[str], title: str | None = None, *, edge: int | None = None
) -> Sheet:
    """One row of images to compare: the same picture prepared in several ways.

    Args:
        images: arrays as for `thumbnails`; each keeps its own pixels, enlarged without smoothing when small.
        captions: one text an image, naming what was done to it.
        title: replaces the number of ways as the title.
        edge: pixels of an image's side.
    """
    heading = title if title is not None else f"The same image, prepared in {len(images)} ways"
    return thumbnails(images, captions, columns=max(len(images), 1), title=heading, edge=edge)


def as_uint8(image: np.ndarray) -> np.ndarray:
    """`image` as (H, W, 3) uint8; floats are taken as 0..1 and cut off outside.

    Raises:
        BadValue: neither (H, W), (H, W, 1), (H, W, 3) nor (H, W, 4).
    """
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise BadValue(f"an image is (height, width, 3) or (height, width); there came the shape {array.shape}")
    if array.dtype != np.uint8:
        scale = 255 if array.dtype.kind == "f" else 1
        array = np.clip(np.nan_to_num(array.astype(float)) * scale, 0, 255).round().astype(np.uint8)
    return np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[:, :, :3]


def grid(
    pictures: list[np.ndarray], texts: list[str], columns: int, heading: str, edge: int | None, foot: int = 0
) -> Sheet:
    """Squares with captions in rows; `foot` pixels stay free below them."""
    edge = edge or int(min(max(style.WIDTH / columns - _GAP, 44), 124 if columns > 4 else 180))
    edge = max(min(edge, (style.WIDEST - 8) // columns - _GAP), 16)
    rows = math.ceil(len(pictures) / columns)
    lines = max((t.count("\n") + 1 for t in texts if t), default=0)
    caption = lines * _LINE + (6 if lines else 0)
    width = max(columns * (edge + _GAP) - _GAP, min(math.ceil(_length(heading, *_HEADING)), style.WIDTH))
    top = 32 if heading else 0
    height = max(top + rows * (edge + _GAP + caption), 40) + foot
    with style.matplotlib_style():
        sheet = Sheet(width, height)
        if heading:
            sheet.text(
                0,
                1 - 7 / height,
                _fitting(heading, width, *_HEADING),
                size=_HEADING[0],
                weight=_HEADING[1],
                va="top",
                ha="left",
            )
        for at, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
            x = (at % columns) * (edge + _GAP)
            y = top + (at // columns) * (edge + _GAP + caption)
            _cell(sheet, picture, text, (x, y, edge), (width, height))
    return sheet


def _cell(sheet: Sheet, picture: np.ndarray, text: str, place: tuple[int, int, int], size: tuple[int, int]) -> None:
    (x, y, edge), (width, height) = place, size
    axes = sheet.add_axes((x / width, 1 - (y + edge) / height, edge / width, edge / height))
    axes.imshow(_fitted(picture, edge), interpolation="none", aspect="auto")
    axes.set_axis_off()
    for number, line in enumerate(text.split("\n") if text else ()):
        sheet.text(
            (x + 1) / width,
            1 - (y + edge + 4 + number * _LINE) / height,
            _fitting(line, edge - 4, 8),
            size=8,
            va="top",
            ha="left",
        )


def _fitted(picture: np.ndarray, edge: int) -> np.ndarray:
    """The picture whole within a square of `edge` pixels, transparent around it; small ones keep hard pixels."""
    height, width = picture.shape[:2]
    scale = edge / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    way = Image.Resampling.NEAREST if scale > 2 else Image.Resampling.LANCZOS
    small = np.asarray(Image.fromarray(picture).resize(size, way))
    square = np.zeros((edge, edge, 4), np.uint8)
    top, left = (edge - size[1]) // 2, (edge - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = np.dstack([small, np.full(small.shape[:2], 255, np.uint8)])
    return square


def _length(text: str, points: float, weight: str = "normal") -> float:
    """Pixels that `text` takes."""
    with style.matplotlib_style():
        font = get_font(findfont(FontProperties(family="sans-serif", weight=weight)))
        font.set_size(points, _DPI)
        font.set_text(text)
    return font.get_width_height()[0] / 64


def _fitting(text: str, width: float, points: float, weight: str = "normal") -> str:
    """`text` as it is, or cut in the middle until it is at most `width` pixels long."""
    letters = len(text)
    while letters > 3 and _length(short(text, letters), points, weight) > width:
        letters -= 1
    return short(text, letters)


def _columns(count: int) -> int:
    if count <= 6:
        return max(count, 1)
    return next((c for c in (8, 6, 7, 5) if count % c == 0), 8)


def _counted(count: int, texts: list[str]) -> str:
    kinds = {t.split("\n")[0] for t in texts if t}
    images = f"{count} image{'' if count == 1 else 's'}"
    return f"{images} of {len(kinds)} classes" if 1 < len(kinds) < count else images


def _mistaken(row: pd.Series) -> str:
    sure = f"\n{percent(row['confidence'], 0)} sure" if "confidence" in row and pd.notna(row["confidence"]) else ""
    return f"{row['true']}\n→ {row['predicted']}{sure}"


def _worst(table: pd.DataFrame, shown: int) -> str:
    if not len(table):
        return "No mistakes"
    pairs = (table["true"].astype(str) + " → " + table["predicted"].astype(str)).value_counts()
    often = f"; most often {pairs.index[0]} ({pairs.iloc[0]})" if pairs.iloc[0] > 1 else ""
    if shown < len(table):
        return f"The {'' if shown == 1 else f'{shown} '}surest of {len(table)} mistakes{often}"
    return f"{len(table)} mistake{'' if len(table) == 1 else 's'}{often}"
