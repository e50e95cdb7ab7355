"""What every image of the world is made of: ten factors, each with its named values."""

from __future__ import annotations

from workbench.errors import UnknownName
from workbench.images.world.outlines import SHAPES
from workbench.images.world.patterns import BACKGROUNDS, TEXTURES

HUES = {  # name -> (middle on the colour circle in degrees, half width)
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
SCALES = (0.4, 0.46, 0.53, 0.6, 0.68, 0.76, 0.85, 0.95)  # half an object's edge, of half the image's
TURNS = (0, 45, 90, 135, 180, 225, 270, 315)
PLACES = {  # name -> (to the right, downwards), of half the image's edge
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
HIDDEN = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)  # shares of the object behind a board
STYLES = ("photo", "flat", "sketch", "pastel", "inverted", "low-light", "blurred", "pixelated")

FACTORS: dict[str, tuple[str, ...]] = {
    "shape": tuple(SHAPES),
    "texture": tuple(TEXTURES),
    "hue": tuple(HUES),
    "background": tuple(BACKGROUNDS),
    "scale": tuple(f"{100 * s:.0f} %" for s in SCALES),
    "rotation": tuple(f"{t}°" for t in TURNS),
    "position": tuple(PLACES),
    "light": LIGHTS,
    "occlusion": tuple(f"{100 * h:.0f} %" for h in HIDDEN),
    "style": STYLES,
}
NAMES = tuple(FACTORS)


def values(factor: str) -> tuple[str, ...]:
    """The values of a factor.

    Raises:
        UnknownName: there is no such factor.
    """
    if factor not in FACTORS:
        raise UnknownName.of("factor", factor, FACTORS)
    return FACTORS[factor]


def code(factor: str, value: str) -> int:
    """A value's number.

    Raises:
        UnknownName: there is no such factor or value.
    """
    known = values(factor)
    if str(value) not in known:
        raise UnknownName.of(f"value of {factor}", value, known)
    return known.index(str(value))
