"""Images in memory: `(x, y)`, or one such pair per split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.data.items import UNDECIDED, Items
from workbench.data.labels.label_encoding import encode_labels
from workbench.data.opening.load_options import LoadOptions
from workbench.data.pixels.pixel_ranges import (
    BYTE_RANGE,
    UNIT_RANGE,
    PixelRange,
    find_extremes,
    infer_pixel_range,
    to_uint8,
)
from workbench.data.pixels.pixel_sources import ArraySource, hash_content
from workbench.data.splits import SPLIT_SYNONYMS
from workbench.errors import BadData, UnknownName


def items_from_arrays(x: Any, y: Any, options: LoadOptions, name: str = "arrays") -> Items:
    """Build items from arrays.

    Args:
        x: (N, H, W), (N, H, W, C) or (N, C, H, W); uint8, other whole numbers 0 to 255, or floats 0 to 1;
            or a list of single images of different sizes.
        y: labels in any form that `encode_labels` accepts.
        options: label kind, and the names of whole-number labels.
        name: name of the set.

    Raises:
        BadData: x and y of different length, pixels out of range, missing labels.
    """
    images, pixel_range = to_uint8_images(x, options.pixel_range)
    labels = encode_labels(y, classes=options.classes, kind=options.kind, separator=options.separator)
    if len(images) != len(labels.values):
        raise BadData(f"expected one label per image, got {len(labels.values)} labels and {len(images)} images")
    if not len(images):
        raise BadData("expected at least two images of two classes, got empty x and y")
    contents = [hash_content(np.asarray(image)).hex() for image in images]
    return Items(
        name=name,
        pixel_source=ArraySource(images),
        source_index=np.arange(len(images)),
        ids=number_repeats(contents),
        hash_keys=contents,
        labels=labels,
        splits=np.full(len(images), UNDECIDED, np.int8),
        domains=np.full(len(images), -1, np.int16),
        pixel_range=pixel_range,
        n_range_samples=len(images) if options.pixel_range is None else 0,
    )


def items_from_array_splits(parts: Mapping[str, tuple[Any, Any]], options: LoadOptions, name: str = "arrays") -> Items:
    """Build items from one pair of arrays per split, `{"train": (x, y), "test": (x, y)}`.

    Raises:
        UnknownName: a key that is no split.
        BadData: a split whose images and labels differ in number.
    """
    if not parts:
        raise BadData('expected arrays (x, y), or {"train": (x, y), "test": (x, y)}; got none')
    images: list[Any] = []
    labels: list[Any] = []
    splits: list[int] = []
    for word, pair in parts.items():
        if str(word).lower() not in SPLIT_SYNONYMS:
            raise UnknownName.of("split", word, SPLIT_SYNONYMS)
        x, y = unpack_pair(pair)
        split_images, split_labels = (
            x if isinstance(x, (list, tuple)) else list(_to_channels_last(_to_numeric_array(x))),
            _to_label_list(y),
        )
        if len(split_images) != len(split_labels):
            raise BadData(
                f"the split {word} has {len(split_images)} images but {len(split_labels)} labels; "
                "expected one per image"
            )
        images += split_images
        labels += split_labels
        splits += [SPLIT_SYNONYMS[str(word).lower()]] * len(split_labels)
    return replace(items_from_arrays(images, labels, options, name), splits=np.array(splits, np.int8))


def _to_label_list(y: Any) -> list[Any]:
    """Convert labels of any container to a list with one entry per image."""
    if hasattr(y, "detach"):
        y = y.detach().cpu().numpy()
    if hasattr(y, "iloc"):
        y = y.to_numpy(dtype=object)
    if not isinstance(y, Iterable) or isinstance(y, (str, bytes, Mapping)):
        raise BadData(f"expected one label per image in y, as an array or a list; got {type(y).__name__}")
    return list(y)


def unpack_pair(data: Any) -> tuple[Any, Any]:
    """Unpack `(x, y)` from a pair.

    Raises:
        BadData: it is not a pair, or has no labels.
    """
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise BadData(f"expected a pair (x, y) of images and labels, got {_describe_source(data)}")
    if data[1] is None:
        raise BadData("expected a pair (x, y) of images and labels, got y=None")
    return data[0], data[1]


def to_uint8_images(
    x: Any, pixel_range: PixelRange | None = None
) -> tuple[np.ndarray | list[np.ndarray], PixelRange | None]:
    """Convert images to uint8, channels last, and return the pixel range used unless it is 0 to 255 or 0 to 1.

    Raises:
        BadData: shape or value range of something other than images.
    """
    if isinstance(x, (list, tuple)):
        single = [_to_channels_last(_to_numeric_array(image)[None])[0] for image in x]
        used_range = pixel_range or _choose_pixel_range(single)
        return [
            np.ascontiguousarray(_scale_to_uint8(image, used_range, pixel_range)) for image in single
        ], _omit_default_range(used_range, pixel_range)
    x = _to_channels_last(_to_numeric_array(x))
    used_range = pixel_range or _choose_pixel_range(x)
    return np.ascontiguousarray(_scale_to_uint8(x, used_range, pixel_range)), _omit_default_range(
        used_range, pixel_range
    )


def _to_numeric_array(x: Any) -> np.ndarray:
    if hasattr(x, "detach"):
        x = x.detach().cpu()
    try:
        x = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise BadData(f"x is not an array of images: {error}") from error
    if x.dtype.kind not in "buif":
        raise BadData(f"expected numbers in x, got {x.dtype}")
    return x


def _to_channels_last(x: np.ndarray) -> np.ndarray:
    """Convert x (N, H, W), (N, H, W, C) or (N, C, H, W) -> (N, H, W) or (N, H, W, C)."""
    if x.ndim not in (3, 4):
        raise BadData(f"expected x of shape (N, H, W), (N, H, W, C) or (N, C, H, W), got {_format_shape(x)}")
    if x.ndim == 4 and x.shape[3] not in (1, 3, 4):
        if x.shape[1] not in (1, 3, 4):
            raise BadData(f"expected x with 1, 3 or 4 channels, last or second; got the shape {_format_shape(x)}")
        x = x.transpose(0, 2, 3, 1)
    if 0 in x.shape[1:3]:
        raise BadData(f"the images of x have no pixels: their shape is {_format_shape(x)}")
    return x


def _choose_pixel_range(images: Sequence[np.ndarray] | np.ndarray) -> PixelRange:
    """Choose the black and white values of all images together."""
    _check_finite(images)
    arrays = [images] if isinstance(images, np.ndarray) else images
    to_scale = [x for x in arrays if x.dtype != np.uint8 and x.dtype.kind != "b"]
    low, high, is_integer = find_extremes(to_scale)
    if not is_integer and (low < 0 or high > 1):
        raise BadData(
            f"float pixels are read as 0 (black) to 1 (white), but these run from {low:g} to {high:g}; divide by 255, "
            "undo the normalisation, give uint8, or set the values of black and white with pixel_range="
        )
    # 64-bit integers come from no detector but from a sum or a mistake, so their range is not guessed
    if is_integer and (low < 0 or (high > 255 and any(x.dtype.itemsize == 8 for x in to_scale))):
        raise BadData(
            f"whole-number pixels are read as 0 to 255, but these run from {low:g} to {high:g}; scale them, give "
            "uint16, whose range is estimated, or set the values of black and white with pixel_range="
        )
    return infer_pixel_range(low, high, is_integer) if high >= low else BYTE_RANGE


def _check_finite(images: Sequence[np.ndarray] | np.ndarray) -> None:
    if isinstance(images, np.ndarray) and (images.dtype.kind != "f" or np.isfinite(images).all()):
        return
    for row, image in enumerate(images):
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise BadData(f"x holds pixels that are not finite numbers (NaN or infinity), first in image {row}")


def _omit_default_range(used_range: PixelRange, pixel_range: PixelRange | None) -> PixelRange | None:
    """Return the pixel range, or None for the default ranges 0 to 255 and 0 to 1 if none was given."""
    return None if pixel_range is None and used_range in (BYTE_RANGE, UNIT_RANGE) else used_range


def _scale_to_uint8(x: np.ndarray, used_range: PixelRange, pixel_range: PixelRange | None) -> np.ndarray:
    if pixel_range is None and (x.dtype == np.uint8 or (x.dtype.kind in "ui" and used_range == BYTE_RANGE)):
        return x.astype(np.uint8, copy=False)
    return x.astype(np.uint8) * 255 if x.dtype.kind == "b" else to_uint8(x, used_range)


def number_repeats(names: list[str]) -> list[str]:
    """Make names unique by appending a number to each repetition."""
    seen: dict[str, int] = {}
    ids = []
    for content in names:
        seen[content] = seen.get(content, 0) + 1
        ids.append(content if seen[content] == 1 else f"{content}-{seen[content]}")
    return ids


def _format_shape(x: np.ndarray) -> str:
    return str(tuple(x.shape))


def _describe_source(data: Any) -> str:
    return f"{len(data)} values" if isinstance(data, (tuple, list)) else type(data).__name__
