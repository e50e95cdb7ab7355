"""Pixel ranges: conversion of 16-bit, 32-bit and float greyscale to eight bits, one range per set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from workbench.errors import BadData, BadValue

PixelRange = tuple[float, float]  # the values displayed as black and white
Extremes = tuple[float, float, bool]  # smallest value, largest value, True for an integer type

BYTE_RANGE, UNIT_RANGE = (0.0, 255.0), (0.0, 1.0)
DETECTOR_WHITES = (255, 1023, 4095, 16383, 65535)  # maxima of detectors with 8 to 16 bits


def infer_pixel_range(low: float, high: float, is_integer: bool) -> PixelRange:
    """Infer the pixel range of a set from the smallest and the largest value of its sample.

    Black is 0 and white the maximum of a detector of 8, 10, 12, 14 or 16 bits, if the values span at least half of
    that; for fractions up to 1, white is 1. All others are stretched from the smallest to the largest value.

    Args:
        low, high: smallest and largest value.
        is_integer: True if all values are of an integer type.
    """
    if low >= 0 and high <= (255 if is_integer else 1):
        return 0.0, 255.0 if is_integer else 1.0
    white = next((w for w in DETECTOR_WHITES if high <= w), None)
    if low >= 0 and white is not None and (high - low >= white / 2 or high == low):
        return 0.0, float(white)
    return (low, high) if high > low else (min(low, 0.0), max(low, 0.0) or 1.0)


def find_extremes(arrays: Iterable[np.ndarray]) -> Extremes:
    """Find the smallest and the largest value of some arrays, and whether they are of an integer type.

    Raises:
        BadData: integers mixed with fractions.
    """
    low, high, kinds = np.inf, -np.inf, set()
    for values in arrays:
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            kinds.add(values.dtype.kind == "f")
    if len(kinds) > 1:
        raise BadData(
            f"some of the images have integer pixels and some fractions, up to {high:g}, which have no common range; "
            "set one, as in pixel_range=(0, 65535), or convert them to one type"
        )
    return low, high, not any(kinds)


def to_uint8(values: np.ndarray, pixel_range: PixelRange) -> np.ndarray:
    """Scale values to uint8: black and everything below become 0, white and everything above 255."""
    black, white = pixel_range
    scaled = np.subtract(values, black, dtype=np.float64)
    scaled *= 255 / (white - black)
    return np.rint(scaled.clip(0, 255, out=scaled), out=scaled).astype(np.uint8)


def parse_pixel_range(value: Any) -> PixelRange:
    """Parse a pixel range given by the user.

    Raises:
        BadValue: not two finite numbers, the smaller one first.
    """
    pair = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
    numbers = pair and all(isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in value)
    if not numbers or not all(math.isfinite(float(v)) for v in value) or not value[0] < value[1]:
        raise BadValue(
            f"expected pixel_range as two numbers, black and the larger white, such as (0, 4095); got {value!r}"
        )
    return float(value[0]), float(value[1])


def format_pixel_range(pixel_range: PixelRange) -> str:
    """Format a pixel range in words: `0 to 4,095`."""
    return " to ".join(f"{v:,.0f}" if v == round(v) else f"{v:,.4g}" for v in pixel_range)
