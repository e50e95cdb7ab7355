"""Images already in memory: `(x, y)`, or such pairs by split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import BadData, UnknownName
from workbench.images.grey_levels import EIGHT_BITS, SHARES, Scale, extremes_of, find_range, to_bytes
from workbench.images.items import UNDECIDED, Items
from workbench.images.labels import labels_of
from workbench.images.options import Options
from workbench.images.origins import Pixels, digest
from workbench.images.splits import WORDS


def items_of(x: Any, y: Any, options: Options, name: str = "arrays") -> Items:
    """The rows of arrays.

    Args:
        x: (N, H, W), (N, H, W, C) or (N, C, H, W); uint8, other whole numbers 0 to 255, or floats 0 to 1;
            or a list of single images of different sizes.
        y: labels in any form that `labels_of` reads.
        options: what the labels are, and the names of whole-number ones.
        name: what the set is called.

    Raises:
        BadData: lengths that differ, pixels out of range, labels that are missing.
    """
    images, scale = pixels_of(x, options.pixel_range)
    labels = labels_of(y, classes=options.classes, kind=options.kind, separator=options.separator)
    if len(images) != len(labels.values):
        raise BadData(f"x has {len(images)} images but y has {len(labels.values)} labels; they want the same length")
    if not len(images):
        raise BadData("x and y are empty; they want at least two images of two classes")
    contents = [digest(np.asarray(image)).hex() for image in images]
    return Items(
        name=name,
        origin=Pixels(images),
        at=np.arange(len(images)),
        ids=number_repeats(contents),
        anchors=contents,
        labels=labels,
        splits=np.full(len(images), UNDECIDED, np.int8),
        domains=np.full(len(images), -1, np.int16),
        pixel_range=scale,
        range_sample=len(images) if options.pixel_range is None else 0,
    )


def joined(parts: Mapping[str, tuple[Any, Any]], options: Options, name: str = "arrays") -> Items:
    """The rows of `{"train": (x, y), "test": (x, y)}`: arrays that come in splits.

    Raises:
        UnknownName: a key that is no split.
        BadData: a split whose images and labels differ in number.
    """
    if not parts:
        raise BadData('there are no arrays: hand in (x, y), or {"train": (x, y), "test": (x, y)}')
    images: list[Any] = []
    labels: list[Any] = []
    splits: list[int] = []
    for word, pair in parts.items():
        if str(word).lower() not in WORDS:
            raise UnknownName.of("split", word, WORDS)
        x, y = pair_of(pair)
        found, here = x if isinstance(x, (list, tuple)) else list(_shaped(_numbers(x))), _rows(y)
        if len(found) != len(here):
            raise BadData(f"the split {word} has {len(found)} images but {len(here)} labels; they want the same length")
        images += found
        labels += here
        splits += [WORDS[str(word).lower()]] * len(here)
    items = items_of(images, labels, options, name)
    items.splits = np.array(splits, np.int8)
    return items


def _rows(y: Any) -> list[Any]:
    """Labels as a list of one entry per image, whatever held them."""
    if hasattr(y, "detach"):
        y = y.detach().cpu().numpy()
    if hasattr(y, "iloc"):
        y = y.to_numpy(dtype=object)
    if not isinstance(y, Iterable) or isinstance(y, (str, bytes, Mapping)):
        raise BadData(f"y wants one label per image, as an array or a list; got {type(y).__name__}")
    return list(y)


def pair_of(source: Any) -> tuple[Any, Any]:
    """`(x, y)` from a pair.

    Raises:
        BadData: it is not a pair, or has no labels.
    """
    if not isinstance(source, (tuple, list)) or len(source) != 2:
        raise BadData(f"arrays come as a pair (x, y) of images and labels; got {_described(source)}")
    if source[1] is None:
        raise BadData("arrays come as a pair (x, y) of images and labels; y is None")
    return source[0], source[1]


def pixels_of(x: Any, given: Scale | None = None) -> tuple[np.ndarray | list[np.ndarray], Scale | None]:
    """Images as uint8, channels last, and the scale that was used where they are not 0 to 255 or 0 to 1.

    Raises:
        BadData: a shape or a range that is not an image's.
    """
    if isinstance(x, (list, tuple)):
        single = [_shaped(_numbers(image)[None])[0] for image in x]
        scale = given or _scale(single)
        return [np.ascontiguousarray(_bytes(image, scale, given)) for image in single], _told(scale, given)
    x = _shaped(_numbers(x))
    scale = given or _scale(x)
    return np.ascontiguousarray(_bytes(x, scale, given)), _told(scale, given)


def _numbers(x: Any) -> np.ndarray:
    if hasattr(x, "detach"):
        x = x.detach().cpu()
    try:
        x = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise BadData(f"x is not an array of images: {error}") from error
    if x.dtype.kind not in "buif":
        raise BadData(f"x wants numbers; got {x.dtype}")
    return x


def _shaped(x: np.ndarray) -> np.ndarray:
    """(N, H, W) or (N, H, W, C)."""
    if x.ndim not in (3, 4):
        raise BadData(f"x wants the shape (N, H, W), (N, H, W, C) or (N, C, H, W); got {_shape(x)}")
    if x.ndim == 4 and x.shape[3] not in (1, 3, 4):
        if x.shape[1] not in (1, 3, 4):
            raise BadData(f"x wants 1, 3 or 4 channels, last or second; got the shape {_shape(x)}")
        x = x.transpose(0, 2, 3, 1)
    if 0 in x.shape[1:3]:
        raise BadData(f"the images of x have no pixels: their shape is {_shape(x)}")
    return x


def _scale(images: Sequence[np.ndarray] | np.ndarray) -> Scale:
    """The values of all images that become black and white."""
    _check_finite(images)
    arrays = [images] if isinstance(images, np.ndarray) else images
    told = [x for x in arrays if x.dtype != np.uint8 and x.dtype.kind != "b"]
    low, high, whole = extremes_of(told)
    if not whole and (low < 0 or high > 1):
        raise BadData(
            f"float pixels are read as 0 (black) to 1 (white), but these run from {low:g} to {high:g}; divide by 255, "
            "undo the normalisation, give uint8, or say what is black and white with pixel_range="
        )
    # numbers of 64 bits come from no detector but from a sum or a slip, so that their scale is not guessed
    if whole and (low < 0 or (high > 255 and any(x.dtype.itemsize == 8 for x in told))):
        raise BadData(
            f"whole-number pixels are read as 0 to 255, but these run from {low:g} to {high:g}; scale them, give "
            "uint16, of which a scale is found, or say what is black and white with pixel_range="
        )
    return find_range(low, high, whole) if high >= low else EIGHT_BITS


def _check_finite(images: Sequence[np.ndarray] | np.ndarray) -> None:
    if isinstance(images, np.ndarray) and (images.dtype.kind != "f" or np.isfinite(images).all()):
        return
    for row, image in enumerate(images):
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise BadData(f"x holds pixels that are not finite numbers (NaN or infinity), first in image {row}")


def _told(scale: Scale, given: Scale | None) -> Scale | None:
    """The scale where it says something: not for bytes and shares of white, which everybody reads alike."""
    return None if given is None and scale in (EIGHT_BITS, SHARES) else scale


def _bytes(x: np.ndarray, scale: Scale, given: Scale | None) -> np.ndarray:
    if given is None and (x.dtype == np.uint8 or (x.dtype.kind in "ui" and scale == EIGHT_BITS)):
        return x.astype(np.uint8, copy=False)
    return x.astype(np.uint8) * 255 if x.dtype.kind == "b" else to_bytes(x, scale)


def number_repeats(contents: list[str]) -> list[str]:
    """Return names that differ: those that come again bear a number."""
    seen: dict[str, int] = {}
    ids = []
    for content in contents:
        seen[content] = seen.get(content, 0) + 1
        ids.append(content if seen[content] == 1 else f"{content}-{seen[content]}")
    return ids


def _shape(x: np.ndarray) -> str:
    return str(tuple(x.shape))


def _described(source: Any) -> str:
    return f"{len(source)} things" if isinstance(source, (tuple, list)) else type(source).__name__
