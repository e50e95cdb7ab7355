"""What a backbone expects of its pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import BadValue, UnknownName

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
INTERPOLATIONS = ("bilinear", "bicubic", "nearest", "lanczos", "box", "hamming")
CROP_MODES = ("center", "squash", "border")
LARGEST = 4096


@dataclass(frozen=True)
class Preprocessing:
    """The pixels that a backbone was trained on, so that it is shown the same.

    Args:
        size: edge of the square that enters the net, in pixels.
        mean: subtracted from each channel, on the scale 0 to 1.
        std: each channel is divided by it, on the scale 0 to 1.
        interpolation: how images are resized.
        crop_pct: share of the resized shorter side that the centre crop keeps, above 0 and up to 1.
        crop_mode: what becomes of an image that is no square, in timm's words: `center` keeps the centre square and
            drops the rest, `squash` resizes width and height apart, `border` keeps all of it and fills the sides.
        pixel_range: the values of deep greys (16 or 32 bits, floats) that were black and white where it learnt.

    Raises:
        BadValue: a value of the wrong type or out of range.
    """

    size: int
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    interpolation: str = "bilinear"
    crop_pct: float = 0.875
    crop_mode: str = "center"
    pixel_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", checked_size(self.size))
        object.__setattr__(self, "mean", _channels("mean", self.mean))
        object.__setattr__(self, "std", _channels("std", self.std))
        if min(self.std) <= 0:
            raise BadValue(f"the std of a preprocessing is above 0 in every channel; got {list(self.std)}")
        if self.interpolation not in INTERPOLATIONS:
            raise BadValue(f"interpolation is one of {', '.join(INTERPOLATIONS)}; got {self.interpolation!r}")
        if isinstance(self.crop_pct, bool) or not isinstance(self.crop_pct, (int, float)) or not 0 < self.crop_pct <= 1:
            raise BadValue(f"crop_pct lies above 0 and up to 1; got {self.crop_pct!r}")
        if self.crop_mode not in CROP_MODES:
            raise BadValue(f"crop_mode is one of {', '.join(CROP_MODES)}; got {self.crop_mode!r}")
        if self.pixel_range is not None:
            object.__setattr__(self, "pixel_range", _ends(self.pixel_range))

    @property
    def view_options(self) -> dict[str, Any]:
        """The arguments of `Images.view` that show images as the backbone wants them."""
        return {
            "size": self.size,
            "interpolation": self.interpolation,
            "crop_pct": self.crop_pct,
            "crop_mode": self.crop_mode,
            "fill": tuple(round(255 * min(max(m, 0.0), 1.0)) for m in self.mean),  # as timm fills borders
            "pixel_range": self.pixel_range,
        }

    def but(self, **changes: Any) -> Preprocessing:
        """The same with some fields changed."""
        known = [f.name for f in dataclasses.fields(self)]
        for name in changes:
            if name not in known:
                raise UnknownName.of("field of a preprocessing", name, known)
        return dataclasses.replace(self, **changes)

    def differing(self, other: Preprocessing) -> dict[str, Any]:
        """The fields in which this differs from `other`, as plain data."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in mine.items() if v != theirs[k]}


def asked(own: Preprocessing, wanted: Preprocessing | Mapping[str, Any] | None) -> Preprocessing:
    """The backbone's own preprocessing, or the one asked for on purpose.

    Args:
        wanted: a whole preprocessing, or the fields that differ from the backbone's own.

    Raises:
        BadValue: `wanted` is neither.
    """
    if wanted is None or isinstance(wanted, Preprocessing):
        return wanted or own
    if isinstance(wanted, Mapping):
        return own.but(**wanted)
    raise BadValue(f"preprocessing is a Preprocessing or a mapping of its fields; got {type(wanted).__name__}")


def checked_size(size: Any) -> int:
    """`size` as a whole number of pixels.

    Raises:
        BadValue: not a whole number from 1 to 4096.
    """
    whole = not isinstance(size, bool) and isinstance(size, (int, float)) and size == size and size == round(size)
    if not whole or not 1 <= size <= LARGEST:
        raise BadValue(f"size is a whole number of pixels from 1 to {LARGEST}; got {size!r}")
    return int(size)


def _ends(given: Any) -> tuple[float, float]:
    pair = isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 2
    finite = pair and all(isinstance(v, (int, float)) and abs(v) < float("inf") for v in given)
    if not finite or given[0] >= given[1]:
        raise BadValue(f"pixel_range is two numbers, the values that are black and white; got {given!r}")
    return float(given[0]), float(given[1])


def _channels(name: str, values: Any) -> tuple[float, ...]:
    numbers = not isinstance(values, (str, bytes)) and isinstance(values, Sequence) and len(values) == 3
    if not numbers or not all(isinstance(v, (int, float)) and abs(v) < 1e6 for v in values):
        raise BadValue(f"{name} is three numbers on the scale 0 to 1, one a channel; got {values!r}")
    return tuple(float(v) for v in values)
