"""Deep greys, of 16 or 32 bits or floats, as eight bits: one black and one white for a whole set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from workbench.errors import BadData, BadValue

Scale = tuple[float, float]  # the values that become black and white
Extremes = tuple[float, float, bool]  # smallest value, largest value, whether they are whole numbers

EIGHT_BITS, SHARES = (0.0, 255.0), (0.0, 1.0)
WHITES = (255, 1023, 4095, 16383, 65535)  # of detectors with 8 to 16 bits


def find_range(low: float, high: float, whole: bool) -> Scale:
    """The scale of a set from the smallest and the largest value of its sample.

    Black is 0 and white the largest value of a detector of 8, 10, 12, 14 or 16 bits, where the values fill at least
    half of that; for fractions up to 1, white is 1. All others are stretched from the smallest to the largest value.

    Args:
        low, high: the smallest and the largest value.
        whole: whether all values are of a whole-number type.
    """
    if low >= 0 and high <= (255 if whole else 1):
        return 0.0, 255.0 if whole else 1.0
    white = next((w for w in WHITES if high <= w), None)
    if low >= 0 and white is not None and (high - low >= white / 2 or high == low):
        return 0.0, float(white)
    return (low, high) if high > low else (min(low, 0.0), max(low, 0.0) or 1.0)


def extremes_of(arrays: Iterable[np.ndarray]) -> Extremes:
    """The smallest and the largest value of some arrays, and whether they are of a whole-number type.

    Raises:
        BadData: some are whole numbers and some fractions.
    """
    low, high, kinds = np.inf, -np.inf, set()
    for values in arrays:
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            kinds.add(values.dtype.kind == "f")
    if len(kinds) > 1:
        raise BadData(
            f"some of the images hold whole numbers and some fractions, up to {high:g}, which have no scale in common; "
            "give one, as in pixel_range=(0, 65535), or make them of one kind"
        )
    return low, high, not any(kinds)


def to_bytes(values: np.ndarray, pixel_range: Scale) -> np.ndarray:
    """Values scaled to uint8: black and what lies below become 0, white and what lies above 255."""
    black, white = pixel_range
    scaled = np.subtract(values, black, dtype=np.float64)
    scaled *= 255 / (white - black)
    return np.rint(scaled.clip(0, 255, out=scaled), out=scaled).astype(np.uint8)


def checked_range(given: Any) -> Scale:
    """The values that become black and white, as given by a person.

    Raises:
        BadValue: not two finite numbers, the smaller one first.
    """
    pair = isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 2
    numbers = pair and all(isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in given)
    if not numbers or not all(math.isfinite(float(v)) for v in given) or not given[0] < given[1]:
        raise BadValue(
            f"pixel_range is two numbers, the value that is black and the larger one that is white, such as (0, 4095); "
            f"got {given!r}"
        )
    return float(given[0]), float(given[1])


def described(pixel_range: Scale) -> str:
    """A scale in words: `0 to 4,095`."""
    return " to ".join(f"{v:,.0f}" if v == round(v) else f"{v:,.4g}" for v in pixel_range)
