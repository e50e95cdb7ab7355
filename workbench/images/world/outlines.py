"""Shapes as signed distances: negative inside, positive outside, in a frame of about ±1, y upwards.

Each shape is a small program of discs, boxes, bars and polygons. Its distances are tabulated once; a picture
reads the table under rotation, scale and shear, so that every shape costs the same.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np

Field = np.ndarray  # distances on the grid
REACH, CELLS = 1.25, 96  # the table covers ±REACH with so many cells an edge

Y, X = (c.astype(np.float64) for c in np.mgrid[REACH : -REACH : CELLS * 1j, -REACH : REACH : CELLS * 1j])


def disc(x: float, y: float, r: float) -> Field:
    """A disc at (x, y)."""
    return np.hypot(X - x, Y - y) - r


def oval(x: float, y: float, a: float, b: float, turn: float = 0) -> Field:
    """An ellipse with half axes a and b, turned by degrees; its distance is that of a first-order estimate."""
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    u, v = c * (X - x) + s * (Y - y), c * (Y - y) - s * (X - x)
    k0, k1 = np.hypot(u / a, v / b), np.hypot(u / a**2, v / b**2)
    return k0 * (k0 - 1) / np.maximum(k1, 1e-9)


def box(x: float, y: float, a: float, b: float, r: float = 0) -> Field:
    """A box with half edges a and b and corners rounded by r."""
    u, v = np.abs(X - x) - (a - r), np.abs(Y - y) - (b - r)
    return np.hypot(np.maximum(u, 0), np.maximum(v, 0)) + np.minimum(np.maximum(u, v), 0) - r


def bar(ax: float, ay: float, bx: float, by: float, r: float, end: float | None = None) -> Field:
    """A bar with round ends from a to b; its radius runs from r to `end`."""
    dx, dy = bx - ax, by - ay
    along = np.clip(((X - ax) * dx + (Y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
    return np.hypot(X - ax - along * dx, Y - ay - along * dy) - (r + ((r if end is None else end) - r) * along)


def polygon(*corners: tuple[float, float]) -> Field:
    """The inside of a closed line."""
    nearest, sign = np.full_like(X, np.inf), np.ones_like(X)
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        nearest = np.minimum(nearest, bar(ax, ay, bx, by, 0))
        # a ray to the right crosses the edges of what it is inside of an odd number of times
        between = (ay > Y) != (by > Y)
        cross = (bx - ax) * (Y - ay) / np.where(by == ay, 1, by - ay) + ax
        sign = np.where(between & (cross > X), -sign, sign)
    return nearest * sign


def regular(corners: int, r: float, inner: float = 1.0) -> Field:
    """A regular polygon; with `inner` below 1 a star."""
    count = corners * (1 if inner == 1.0 else 2)
    radii = [r * (1.0 if i % 2 == 0 or inner == 1.0 else inner) for i in range(count)]
    angles = [math.pi / 2 + 2 * math.pi * i / count for i in range(count)]
    return polygon(*[(q * math.cos(t), q * math.sin(t)) for q, t in zip(radii, angles, strict=True)])


def both(*parts: Field) -> Field:
    """The union."""
    return functools.reduce(np.minimum, parts)


def without(whole: Field, *holes: Field) -> Field:
    """What is left of `whole`."""
    return functools.reduce(lambda left, hole: np.maximum(left, -hole), holes, whole)


def melted(*parts: Field, by: float = 0.15) -> Field:
    """A union with soft seams."""

    def pair(p: Field, q: Field) -> Field:
        h = np.clip(0.5 + 0.5 * (q - p) / by, 0, 1)
        return q + (p - q) * h - by * h * (1 - h)

    return functools.reduce(pair, parts)


def mirrored(*corners: tuple[float, float]) -> Field:
    """A polygon from its right half, top to bottom."""
    return polygon(*corners, *[(-x, y) for x, y in reversed(corners)])


def around(count: int, part: Callable[[float, float], Field], r: float) -> list[Field]:
    """`part` at the points of a ring."""
    turns = (2 * math.pi * i / count + math.pi / 2 for i in range(count))
    return [part(r * math.cos(t), r * math.sin(t)) for t in turns]


def beast(height: float, neck: tuple[float, float], head: float, legs: float, tail: float) -> Field:
    """An animal on four legs, looking right."""
    body = oval(-0.08, 0.0, 0.56, height)
    feet = [bar(x, -0.12, x + 0.02, -0.12 - legs, 0.105, 0.075) for x in (-0.45, -0.27, 0.2, 0.36)]
    throat = bar(0.32, 0.08, *neck, 0.17, head * 0.75)
    face = oval(neck[0] + head * 0.5, neck[1], head * 1.25, head * 0.78, -14)
    ear = bar(neck[0] - head * 0.1, neck[1] + head * 0.4, neck[0] - head * 0.3, neck[1] + head * 1.25, head * 0.3, 0.02)
    return both(melted(body, throat, face, *feet, by=0.08), ear, bar(-0.58, 0.1, -0.58 - tail, 0.02 - tail, 0.05, 0.03))


def heart() -> Field:
    """Two discs and a wedge."""
    wedge = polygon((-0.83, 0.16), (0, -0.92), (0.83, 0.16), (0, 0.5))
    return melted(disc(-0.43, 0.33, 0.43), disc(0.43, 0.33, 0.43), wedge, by=0.05)


def elephant() -> Field:
    """A heavy body, a trunk and an ear."""
    bulk = [oval(-0.15, 0.1, 0.62, 0.48), disc(0.5, 0.25, 0.33), oval(0.28, 0.28, 0.24, 0.32)]
    trunk = [bar(0.72, 0.15, 0.86, -0.3, 0.15, 0.1), bar(0.86, -0.3, 0.95, -0.52, 0.1, 0.06)]
    feet = [bar(x, -0.2, x, -0.76, 0.15, 0.14) for x in (-0.55, -0.24, 0.08, 0.34)]
    return melted(*bulk, *trunk, *feet, bar(-0.72, 0.2, -0.9, -0.2, 0.05, 0.03), by=0.07)


def person() -> Field:
    """A head, a trunk, arms and legs."""
    limbs = [bar(-0.22, 0.35, -0.52, -0.12, 0.1, 0.08), bar(0.22, 0.35, 0.52, -0.12, 0.1, 0.08)]
    limbs += [bar(-0.14, -0.15, -0.24, -0.92, 0.14, 0.1), bar(0.14, -0.15, 0.24, -0.92, 0.14, 0.1)]
    return melted(disc(0, 0.75, 0.21), bar(0, 0.32, 0, -0.12, 0.24, 0.21), *limbs, by=0.05)


def guitar() -> Field:
    """Two bouts, a waist, a hole and a neck."""
    body = melted(disc(0, -0.5, 0.42), disc(0, -0.02, 0.31), by=0.12)
    return both(without(body, disc(0, -0.12, 0.12)), bar(0, 0.2, 0, 0.82, 0.07), box(0, 0.93, 0.14, 0.15, 0.04))


def shirt() -> Field:
    """A T-shirt."""
    half = [(0.2, 0.75), (0.45, 0.68), (0.98, 0.28), (0.75, -0.02), (0.47, 0.2), (0.47, -0.85)]
    return without(mirrored(*half), disc(0, 0.82, 0.24))


def jumper() -> Field:
    """A garment with long sleeves."""
    half = [(0.16, 0.75), (0.42, 0.68), (0.72, 0.3), (0.98, -0.66), (0.72, -0.74), (0.45, 0.05), (0.45, -0.85)]
    return without(mirrored(*half), disc(0, 0.8, 0.18))


def shoe() -> Field:
    """A low shoe, its toe on the right."""
    return melted(
        box(-0.45, 0.05, 0.35, 0.42, 0.1), bar(-0.4, -0.25, 0.7, -0.25, 0.22), box(0.0, -0.42, 0.92, 0.1, 0.05)
    )


def bird() -> Field:
    """A bird in flight."""
    wings = [bar(0, 0, -0.35, 0.75, 0.2, 0.04), bar(-0.1, 0, -0.75, 0.5, 0.15, 0.04)]
    beak = polygon((0.78, 0.3), (1.1, 0.2), (0.78, 0.12))
    tail = polygon((-0.5, 0.0), (-1.05, -0.1), (-0.85, -0.35))
    return both(melted(oval(0.05, 0, 0.6, 0.26, 12), disc(0.62, 0.22, 0.2), *wings, by=0.06), beak, tail)


def car() -> Field:
    """A car from the side."""
    cabin = polygon((-0.5, 0.1), (-0.3, 0.5), (0.3, 0.5), (0.58, 0.1))
    wheels = [disc(-0.52, -0.35, 0.23), disc(0.52, -0.35, 0.23)]
    return both(box(0, -0.1, 0.98, 0.25, 0.12), cabin, *wheels)


def key() -> Field:
    """A key."""
    teeth = [box(x, -0.25, 0.07, 0.17) for x in (0.55, 0.85)]
    return both(without(disc(-0.6, 0, 0.38), disc(-0.6, 0, 0.18)), box(0.3, 0, 0.68, 0.09), *teeth)


def tree() -> Field:
    """A round crown on a trunk."""
    crown = [disc(0, 0.5, 0.45), disc(-0.4, 0.2, 0.38), disc(0.4, 0.2, 0.38)]
    return both(melted(*crown, by=0.08), box(0, -0.5, 0.13, 0.45))


def mug() -> Field:
    """A mug with a handle."""
    handle = without(oval(0.52, 0, 0.42, 0.42), oval(0.52, 0, 0.24, 0.24))
    return both(box(-0.15, 0, 0.6, 0.75, 0.12), handle)


def umbrella() -> Field:
    """A canopy and its stick."""
    canopy = without(disc(0, 0, 0.95), box(0, -1, 1.3, 1.0), *[disc(x, -0.02, 0.24) for x in (-0.7, -0.23, 0.23, 0.7)])
    return both(
        canopy, box(0, -0.25, 0.05, 0.6), without(disc(-0.14, -0.82, 0.19), disc(-0.14, -0.82, 0.09), box(0, 0, 2, 0.8))
    )


def leaf() -> Field:
    """A leaf on its stalk."""
    return both(np.maximum(disc(-0.45, 0.15, 0.88), disc(0.45, 0.15, 0.88)), bar(0, -0.5, 0.08, -1.05, 0.06, 0.04))


def butterfly() -> Field:
    """Four wings."""
    wings = [oval(s * 0.48, 0.32, 0.5, 0.36, s * 38) for s in (-1, 1)]
    wings += [oval(s * 0.36, -0.38, 0.36, 0.28, -s * 42) for s in (-1, 1)]
    return both(*wings, bar(0, 0.45, 0, -0.55, 0.09, 0.06))


def trousers() -> Field:
    """Two legs."""
    return mirrored((0.42, 0.92), (0.58, -0.95), (0.16, -0.95), (0.0, 0.38))


def flower() -> Field:
    """Six petals around a hole."""
    return without(both(disc(0, 0, 0.4), *around(6, lambda x, y: disc(x, y, 0.33), 0.6)), disc(0, 0, 0.2))


def gear() -> Field:
    """Eight teeth around a hole."""
    return without(both(disc(0, 0, 0.66), *around(8, lambda x, y: disc(x, y, 0.15), 0.72)), disc(0, 0, 0.26))


def fish() -> Field:
    """An oval with a tail."""
    return both(oval(0.15, 0, 0.72, 0.42), polygon((-0.4, 0), (-1.0, 0.48), (-0.82, 0), (-1.0, -0.48)))


def house() -> Field:
    """A roof, walls, a door and a chimney."""
    roof = polygon((-0.92, 0.1), (0, 0.88), (0.92, 0.1))
    walls = without(box(0, -0.38, 0.66, 0.5), box(0.25, -0.6, 0.15, 0.3))
    return both(roof, walls, box(0.5, 0.6, 0.11, 0.26))


def dress() -> Field:
    """Straps, a waist and a wide hem."""
    half = [(0.14, 0.95), (0.3, 0.95), (0.34, 0.5), (0.2, 0.15), (0.72, -0.95)]
    return without(mirrored(*half), disc(0, 0.95, 0.2))


SHAPES: dict[str, Callable[[], Field]] = {
    "disc": lambda: disc(0, 0, 0.82),
    "ring": lambda: np.abs(disc(0, 0, 0.66)) - 0.2,
    "square": lambda: box(0, 0, 0.74, 0.74),
    "triangle": lambda: regular(3, 1.0),
    "hexagon": lambda: regular(6, 0.9),
    "star": lambda: regular(5, 1.05, 0.45),
    "cross": lambda: both(box(0, 0, 0.88, 0.28), box(0, 0, 0.28, 0.88)),
    "moon": lambda: without(disc(0, 0, 0.88), disc(0.42, 0.12, 0.72)),
    "heart": heart,
    "flower": flower,
    "gear": gear,
    "leaf": leaf,
    "tree": tree,
    "fish": fish,
    "bird": bird,
    "butterfly": butterfly,
    "dog": lambda: beast(0.27, (0.62, 0.36), 0.22, 0.5, 0.22),
    "horse": lambda: beast(0.28, (0.66, 0.62), 0.2, 0.72, -0.05),
    "giraffe": lambda: beast(0.25, (0.62, 0.98), 0.15, 0.85, 0.1),
    "elephant": elephant,
    "person": person,
    "house": house,
    "car": car,
    "guitar": guitar,
    "mug": mug,
    "key": key,
    "umbrella": umbrella,
    "shirt": shirt,
    "jumper": jumper,
    "trousers": trousers,
    "dress": dress,
    "shoe": shoe,
}


@functools.cache
def table() -> np.ndarray:
    """The distances of all shapes, (shapes, CELLS, CELLS) float32, rows from top to bottom."""
    return np.stack([make() for make in SHAPES.values()]).astype(np.float32)


@functools.cache
def cuts(directions: int, shares: Sequence[float]) -> np.ndarray:
    """Where a straight edge must lie to hide a share of a shape: (shapes, directions, shares) float32.

    A point q is hidden where q · u exceeds the cut, for u at angle 2π k / directions, y downwards. The cut that
    hides nothing is the shape's own end.
    """
    angles = 2 * np.pi * np.arange(directions) / directions
    along = np.cos(angles)[:, None, None] * X - np.sin(angles)[:, None, None] * Y
    found = [np.quantile(along[:, field < 0], [1 - s for s in shares], axis=1).T for field in table()]
    return np.stack(found).astype(np.float32)
