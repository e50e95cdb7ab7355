"""Made domain shifts: the same images as another camera, hand or light would give them.

Each is a plain function of pixels, a random generator and a severity; which random numbers an image gets
depends on its id alone, so a shifted set is the same on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from workbench.errors import BadValue, UnknownName

Pixels = np.ndarray  # uint8 (H, W, 3)
Made = Callable[[Pixels, np.random.Generator, int], Pixels]


def invert(x: Pixels, random: np.random.Generator, severity: int) -> Pixels:
    """Light becomes dark, as in a negative; it has one strength."""
    return 255 - x


def noise(x: Pixels, random: np.random.Generator, severity: int) -> Pixels:
    """Grain of a fast film or a small sensor."""
    deviation = (10, 20, 32, 48, 70)[severity - 1]
    return _bytes(x + random.normal(0, deviation, x.shape))


def blur(x: Pixels, random: np.random.Generator, severity: int) -> Pixels:
    """Out of focus, in proportion to the picture."""
    radius = min(x.shape[:2]) * (0.006, 0.012, 0.02, 0.032, 0.05)[severity - 1]
    return np.asarray(Image.fromarray(x).filter(ImageFilter.GaussianBlur(radius)))


def rotate(x: Pixels, random: np.random.Generator, severity: int) -> Pixels:
    """Turned to either side; the corners take the border's colour."""
    largest = (10, 20, 35, 55, 80)[severity - 1]
    angle = random.choice((-1, 1)) * random.uniform(0.5, 1) * largest
    border = np.concatenate([x[0], x[-1], x[:, 0], x[:, -1]])
    fill = tuple(int(v) for v in np.median(border, axis=0))
    return np.asarray(Image.fromarray(x).rotate(angle, Image.Resampling.BILINEAR, fillcolor=fill))


def tint(x: Pixels, random: np.random.Generator, severity: int) -> Pixels:
    """A coloured lamp: black stays black, white takes one of its hues."""
    strength = (0.2, 0.35, 0.5, 0.7, 0.9)[severity - 1]
    lamp = random.uniform(0, 1, 3)
    lamp = lamp / lamp.max()
    return _bytes(x * (1 - strength + strength * lamp))


def background(x: Pixels, random: np.random.Generator, severity: int) -> Pixels:
    """Soft coloured blobs where the picture is dark, as behind a digit."""
    strength = (0.25, 0.4, 0.55, 0.7, 0.85)[severity - 1]
    coarse = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    size = (x.shape[1], x.shape[0])
    blobs = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)).astype(np.float32)
    front = x.max(axis=2, keepdims=True).astype(np.float32) / 255
    return _bytes(x * front + blobs * strength * (1 - front) + x * (1 - front) * (1 - strength))


def pixelate(x: Pixels, random: np.random.Generator, severity: int) -> Pixels:
    """Coarse squares, as of a thumbnail blown up."""
    share = (0.5, 0.35, 0.25, 0.17, 0.11)[severity - 1]
    size = (x.shape[1], x.shape[0])
    small = (max(1, round(size[0] * share)), max(1, round(size[1] * share)))
    return np.asarray(Image.fromarray(x).resize(small, Image.Resampling.BOX).resize(size, Image.Resampling.NEAREST))


def low_light(x: Pixels, random: np.random.Generator, severity: int) -> Pixels:
    """A night shot: darker, flatter, with the grain that comes with it."""
    exposure = (0.6, 0.45, 0.32, 0.22, 0.14)[severity - 1]
    dark = 255 * exposure * (x / 255.0) ** (1 + 0.15 * severity)
    return _bytes(dark + random.normal(0, 2 + severity, x.shape))


SHIFTS: dict[str, Made] = {
    "invert": invert,
    "noise": noise,
    "blur": blur,
    "rotate": rotate,
    "tint": tint,
    "background": background,
    "pixelate": pixelate,
    "low-light": low_light,
}


@dataclass(frozen=True)
class Shift:
    """A made shift by name, with its severity from 1 (slight) to 5 (hard)."""

    name: str
    severity: int = 3

    def __str__(self) -> str:
        return f"{self.name}:{self.severity}"

    def __call__(self, pixels: Pixels, item: str) -> Pixels:
        """The shifted pixels (H, W, 3) of the image whose id is `item`."""
        seed = hashlib.blake2b(f"{self.name}\0{item}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
        random = np.random.default_rng(int.from_bytes(seed, "little"))
        return SHIFTS[self.name](pixels, random, self.severity)


def shift(value: Any) -> Shift | None:
    """A shift from `"noise"`, `"noise:5"`, `{"name": "noise", "severity": 5}`, a `Shift`, or None.

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
        raise BadValue(f'a shift is a word such as "noise" or "noise:5"; got {value!r}')
    if name not in SHIFTS:
        raise UnknownName.of("shift", name, SHIFTS)
    if str(severity) not in ("1", "2", "3", "4", "5"):
        raise BadValue(f"the severity of a shift is a whole number from 1 to 5; got {severity!r}")
    return Shift(name, int(severity))


def _bytes(x: np.ndarray) -> Pixels:
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)
