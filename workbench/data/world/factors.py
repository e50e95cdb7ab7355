"""Factors of every image of the world: ten, each with named values."""

from __future__ import annotations

from workbench.data.world.patterns import BACKGROUNDS, TEXTURES
from workbench.data.world.shape_distances import SHAPES
from workbench.errors import UnknownName

__all__ = ["FACTORS"]

HUES = {  # name -> (center on the color circle in degrees, half width)
    "red": (0, 9),
    "orange": (27, 8),
    "yellow": (53, 8),
    "lime": (86, 11),
    "green": (130, 15),
    "cyan": (180, 12),
    "azure": (207, 9),
    "blue": (234, 10),
    "purple": (276, 14),
    "pink": (324, 14),
}
SCALES = (0.4, 0.46, 0.53, 0.6, 0.68, 0.76, 0.85, 0.95)  # half the object's size as a fraction of half the image's
ROTATIONS = (0, 45, 90, 135, 180, 225, 270, 315)
POSITIONS = {  # name -> (right, down), as fractions of half the image's size
    "middle": (0.0, 0.0),
    "left": (-0.36, 0.0),
    "right": (0.36, 0.0),
    "top": (0.0, -0.36),
    "bottom": (0.0, 0.36),
    "top left": (-0.3, -0.3),
    "top right": (0.3, -0.3),
    "bottom left": (-0.3, 0.3),
    "bottom right": (0.3, 0.3),
}
LIGHTS = ("east", "south-east", "south", "south-west", "west", "north-west", "north", "north-east")
OCCLUSIONS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)  # share of the object that is occluded
STYLES = ("photo", "flat", "sketch", "pastel", "inverted", "low-light", "blurred", "pixelated")

FACTORS: dict[str, tuple[str, ...]] = {
    "shape": tuple(SHAPES),
    "texture": tuple(TEXTURES),
    "hue": tuple(HUES),
    "background": tuple(BACKGROUNDS),
    "scale": tuple(f"{100 * s:.0f} %" for s in SCALES),
    "rotation": tuple(f"{t}°" for t in ROTATIONS),
    "position": tuple(POSITIONS),
    "light": LIGHTS,
    "occlusion": tuple(f"{100 * h:.0f} %" for h in OCCLUSIONS),
    "style": STYLES,
}
FACTOR_NAMES = tuple(FACTORS)


def factor_values(factor: str) -> tuple[str, ...]:
    """Return the values of a factor.

    Raises:
        UnknownName: there is no such factor.
    """
    if factor not in FACTORS:
        raise UnknownName.of("factor", factor, FACTORS)
    return FACTORS[factor]


def value_index(factor: str, value: str) -> int:
    """Return the index of a value.

    Raises:
        UnknownName: there is no such factor or value.
    """
    values = factor_values(factor)
    if str(value) not in values:
        raise UnknownName.of(f"value of {factor}", value, values)
    return values.index(str(value))
