"""Preprocessing that a backbone expects of its pixels."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, UnknownName

__all__ = ["Preprocessing"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
INTERPOLATIONS = ("bilinear", "bicubic", "nearest", "lanczos", "box", "hamming")
CROP_MODES = ("center", "squash", "border")
MAX_IMAGE_SIZE = 4096


@functools.partial(check_arguments, values=False)
@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing of the images that a backbone was trained on.

    Args:
        size: edge of the net's square input, in pixels.
        mean: mean subtracted from each channel, on the scale 0 to 1.
        std: standard deviation by which each channel is divided, on the scale 0 to 1.
        interpolation: interpolation of resizing.
        crop_pct: fraction of the resized shorter side that the center crop keeps, above 0 and up to 1.
        crop_mode: treatment of an image that is not square, in timm's terms: `center` keeps the center square and
            drops the rest, `squash` resizes width and height separately, `border` keeps all of it and pads the sides.
        pixel_range: values of black and white in deep grayscale images (16 or 32 bits, floats) of the training data.

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
        object.__setattr__(self, "size", parse_image_size(self.size))
        object.__setattr__(self, "mean", _parse_channel_values("mean", self.mean))
        object.__setattr__(self, "std", _parse_channel_values("std", self.std))
        if min(self.std) <= 0:
            raise BadValue(f"the std of a preprocessing is above 0 in every channel; got {list(self.std)}")
        if self.interpolation not in INTERPOLATIONS:
            raise BadValue(f"interpolation is one of {', '.join(INTERPOLATIONS)}; got {self.interpolation!r}")
        if isinstance(self.crop_pct, bool) or not isinstance(self.crop_pct, (int, float)) or not 0 < self.crop_pct <= 1:
            raise BadValue(f"crop_pct is above 0 and at most 1; got {self.crop_pct!r}")
        if self.crop_mode not in CROP_MODES:
            raise BadValue(f"crop_mode is one of {', '.join(CROP_MODES)}; got {self.crop_mode!r}")
        if self.pixel_range is not None:
            object.__setattr__(self, "pixel_range", _parse_pixel_range(self.pixel_range))

    @property
    def view_options(self) -> dict[str, Any]:
        """Arguments of `Images.view` that prepare images for the backbone."""
        return {
            "size": self.size,
            "interpolation": self.interpolation,
            "crop_pct": self.crop_pct,
            "crop_mode": self.crop_mode,
            "fill": tuple(round(255 * min(max(m, 0.0), 1.0)) for m in self.mean),  # as timm fills borders
            "pixel_range": self.pixel_range,
        }

    @check_arguments
    def replace(self, **changes: Any) -> Preprocessing:
        """Return a copy with some fields changed."""
        known = [f.name for f in dataclasses.fields(self)]
        for name in changes:
            if name not in known:
                raise UnknownName.of("field of a preprocessing", name, known)
        return dataclasses.replace(self, **changes)

    @check_arguments
    def diff_fields(self, other: Preprocessing) -> dict[str, Any]:
        """Return the fields in which this differs from `other`, as plain data."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in mine.items() if v != theirs[k]}


def resolve_preprocessing(default: Preprocessing, requested: Preprocessing | Mapping[str, Any] | None) -> Preprocessing:
    """Return the requested preprocessing, or the backbone's own by default.

    Args:
        requested: a whole preprocessing, or the fields that differ from the backbone's own.

    Raises:
        BadValue: `requested` is neither.
    """
    if requested is None or isinstance(requested, Preprocessing):
        return requested or default
    if isinstance(requested, Mapping):
        return default.replace(**requested)
    raise BadValue(f"preprocessing is a Preprocessing or a mapping of its fields; got {type(requested).__name__}")


def parse_image_size(size: Any) -> int:
    """Parse an image size into a whole number of pixels.

    Raises:
        BadValue: not a whole number from 1 to 4096.
    """
    whole = not isinstance(size, bool) and isinstance(size, (int, float)) and size == size and size == round(size)
    if not whole or not 1 <= size <= MAX_IMAGE_SIZE:
        raise BadValue(f"size is a whole number of pixels from 1 to {MAX_IMAGE_SIZE}; got {size!r}")
    return int(size)


def _parse_pixel_range(values: Any) -> tuple[float, float]:
    pair = isinstance(values, Sequence) and not isinstance(values, str) and len(values) == 2
    finite = pair and all(isinstance(v, (int, float)) and abs(v) < float("inf") for v in values)
    if not finite or values[0] >= values[1]:
        raise BadValue(f"pixel_range is two numbers, the values of black and white; got {values!r}")
    return float(values[0]), float(values[1])


def _parse_channel_values(name: str, values: Any) -> tuple[float, ...]:
    numbers = not isinstance(values, (str, bytes)) and isinstance(values, Sequence) and len(values) == 3
    if not numbers or not all(isinstance(v, (int, float)) and abs(v) < 1e6 for v in values):
        raise BadValue(f"{name} is three numbers on the scale 0 to 1, one per channel; got {values!r}")
    return tuple(float(v) for v in values)
