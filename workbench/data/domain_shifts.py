"""Synthetic domain shifts: the same images as under another camera, pose or light.

Each is a function of pixels, a random generator and a severity; the random numbers of an image
depend on its id alone, so a shifted set is the same on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from workbench.errors import BadValue, UnknownName

PixelArray = np.ndarray  # uint8 (H, W, 3)
ShiftFunction = Callable[[PixelArray, np.random.Generator, int], PixelArray]


def invert_intensity(x: PixelArray, rng: np.random.Generator, severity: int) -> PixelArray:
    """Invert intensities, as in a negative; the same at every severity."""
    return 255 - x


def add_noise(x: PixelArray, rng: np.random.Generator, severity: int) -> PixelArray:
    """Add Gaussian noise, as of a fast film or a small sensor."""
    deviation = (10, 20, 32, 48, 70)[severity - 1]
    return _round_to_uint8(x + rng.normal(0, deviation, x.shape))


def blur_image(x: PixelArray, rng: np.random.Generator, severity: int) -> PixelArray:
    """Blur with a radius in proportion to the image, as out of focus."""
    radius = min(x.shape[:2]) * (0.006, 0.012, 0.02, 0.032, 0.05)[severity - 1]
    return np.asarray(Image.fromarray(x).filter(ImageFilter.GaussianBlur(radius)))


def rotate_image(x: PixelArray, rng: np.random.Generator, severity: int) -> PixelArray:
    """Rotate to either side; the corners are filled with the border's median colour."""
    largest = (10, 20, 35, 55, 80)[severity - 1]
    angle = rng.choice((-1, 1)) * rng.uniform(0.5, 1) * largest
    border = np.concatenate([x[0], x[-1], x[:, 0], x[:, -1]])
    fill = tuple(int(v) for v in np.median(border, axis=0))
    return np.asarray(Image.fromarray(x).rotate(angle, Image.Resampling.BILINEAR, fillcolor=fill))


def tint_image(x: PixelArray, rng: np.random.Generator, severity: int) -> PixelArray:
    """Multiply by a random light colour: black stays black, white takes the colour."""
    strength = (0.2, 0.35, 0.5, 0.7, 0.9)[severity - 1]
    lamp = rng.uniform(0, 1, 3)
    lamp = lamp / lamp.max()
    return _round_to_uint8(x * (1 - strength + strength * lamp))


def add_background(x: PixelArray, rng: np.random.Generator, severity: int) -> PixelArray:
    """Blend smooth coloured blobs into the dark areas, as behind a digit."""
    strength = (0.25, 0.4, 0.55, 0.7, 0.85)[severity - 1]
    coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    size = (x.shape[1], x.shape[0])
    blobs = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)).astype(np.float32)
    front = x.max(axis=2, keepdims=True).astype(np.float32) / 255
    return _round_to_uint8(x * front + blobs * strength * (1 - front) + x * (1 - front) * (1 - strength))


def pixelate_image(x: PixelArray, rng: np.random.Generator, severity: int) -> PixelArray:
    """Reduce the resolution to coarse squares, as in an enlarged thumbnail."""
    fraction = (0.5, 0.35, 0.25, 0.17, 0.11)[severity - 1]
    size = (x.shape[1], x.shape[0])
    small = (max(1, round(size[0] * fraction)), max(1, round(size[1] * fraction)))
    return np.asarray(Image.fromarray(x).resize(small, Image.Resampling.BOX).resize(size, Image.Resampling.NEAREST))


def darken_image(x: PixelArray, rng: np.random.Generator, severity: int) -> PixelArray:
    """Darken, flatten the contrast and add noise, as in a photo at night."""
    exposure = (0.6, 0.45, 0.32, 0.22, 0.14)[severity - 1]
    dark = 255 * exposure * (x / 255.0) ** (1 + 0.15 * severity)
    return _round_to_uint8(dark + rng.normal(0, 2 + severity, x.shape))


SHIFTS: dict[str, ShiftFunction] = {
    "invert": invert_intensity,
    "noise": add_noise,
    "blur": blur_image,
    "rotate": rotate_image,
    "tint": tint_image,
    "background": add_background,
    "pixelate": pixelate_image,
    "low-light": darken_image,
}


@dataclass(frozen=True)
class Shift:
    """Synthetic shift by name, with its severity from 1 (slight) to 5 (strong)."""

    name: str
    severity: int = 3

    def __str__(self) -> str:
        return f"{self.name}:{self.severity}"

    def __call__(self, pixels: PixelArray, image_id: str) -> PixelArray:
        """Shift the pixels (H, W, 3) of the image whose id is `image_id`."""
        seed = hashlib.blake2b(f"{self.name}\0{image_id}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
        rng = np.random.default_rng(int.from_bytes(seed, "little"))
        return SHIFTS[self.name](pixels, rng, self.severity)


def parse_shift(value: Any) -> Shift | None:
    """Parse a shift from `"noise"`, `"noise:5"`, `{"name": "noise", "severity": 5}`, a `Shift`, or None.

    Raises:
        UnknownName: no such shift.
        BadValue: a severity that is not a whole number from 1 to 5.
    """
    if value is None or isinstance(value, Shift):
        return value
    if isinstance(value, Mapping) and "name" in value:
        name, severity = str(value["name"]), value.get("severity", 3)
    elif isinstance(value, str):
        name, _, severity = value.partition(":")
        severity = severity or 3
    else:
        raise BadValue(f'expected a shift such as "noise" or "noise:5", got {value!r}')
    if name not in SHIFTS:
        raise UnknownName.of("shift", name, SHIFTS)
    if str(severity) not in ("1", "2", "3", "4", "5"):
        raise BadValue(f"expected the severity of a shift as a whole number from 1 to 5, got {severity!r}")
    return Shift(name, int(severity))


def _round_to_uint8(x: np.ndarray) -> PixelArray:
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)
