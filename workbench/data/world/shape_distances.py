"""Shapes as signed distance fields: negative inside, positive outside, in coordinates of about ±1, y upwards.

Each shape is a small program of discs, boxes, capsules and polygons. Its distances are tabulated once, and images
sample the table under rotation, scale and shear, so that every shape has the same cost.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np

DistanceField = np.ndarray  # distances on the grid
REACH, CELLS = 1.25, 96  # the table covers ±REACH with CELLS cells per side

Y, X = (c.astype(np.float64) for c in np.mgrid[REACH : -REACH : CELLS * 1j, -REACH : REACH : CELLS * 1j])


def disc_sdf(x: float, y: float, r: float) -> DistanceField:
    """Return the distance field of a disc at (x, y)."""
    return np.hypot(X - x, Y - y) - r


def ellipse_sdf(x: float, y: float, a: float, b: float, degrees: float = 0) -> DistanceField:
    """Return the distance field of an ellipse with half axes a and b, rotated by `degrees`, to first order."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    u, v = c * (X - x) + s * (Y - y), c * (Y - y) - s * (X - x)
    k0, k1 = np.hypot(u / a, v / b), np.hypot(u / a**2, v / b**2)
    return k0 * (k0 - 1) / np.maximum(k1, 1e-9)


def box_sdf(x: float, y: float, a: float, b: float, r: float = 0) -> DistanceField:
    """Return the distance field of a box with half sides a and b and corners rounded by r."""
    u, v = np.abs(X - x) - (a - r), np.abs(Y - y) - (b - r)
    return np.hypot(np.maximum(u, 0), np.maximum(v, 0)) + np.minimum(np.maximum(u, v), 0) - r


def capsule_sdf(ax: float, ay: float, bx: float, by: float, r: float, end_radius: float | None = None) -> DistanceField:
    """Return the distance field of a capsule from a to b; its radius changes from r to `end_radius`."""
    dx, dy = bx - ax, by - ay
    along = np.clip(((X - ax) * dx + (Y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
    return np.hypot(X - ax - along * dx, Y - ay - along * dy) - (
        r + ((r if end_radius is None else end_radius) - r) * along
    )


def polygon_sdf(*corners: tuple[float, float]) -> DistanceField:
    """Return the distance field of a closed polygon."""
    nearest, sign = np.full_like(X, np.inf), np.ones_like(X)
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        nearest = np.minimum(nearest, capsule_sdf(ax, ay, bx, by, 0))
        # a ray to the right from a point inside crosses the edges an odd number of times
        between = (ay > Y) != (by > Y)
        cross = (bx - ax) * (Y - ay) / np.where(by == ay, 1, by - ay) + ax
        sign = np.where(between & (cross > X), -sign, sign)
    return nearest * sign


def regular_polygon_sdf(corners: int, r: float, inner_ratio: float = 1.0) -> DistanceField:
    """Return the distance field of a regular polygon, or of a star if `inner_ratio` is below 1."""
    n_points = corners * (1 if inner_ratio == 1.0 else 2)
    radii = [r * (1.0 if i % 2 == 0 or inner_ratio == 1.0 else inner_ratio) for i in range(n_points)]
    angles = [math.pi / 2 + 2 * math.pi * i / n_points for i in range(n_points)]
    return polygon_sdf(*[(q * math.cos(t), q * math.sin(t)) for q, t in zip(radii, angles, strict=True)])


def join_shapes(*parts: DistanceField) -> DistanceField:
    """Return the union of shapes."""
    return functools.reduce(np.minimum, parts)


def subtract_shapes(whole: DistanceField, *holes: DistanceField) -> DistanceField:
    """Subtract `holes` from `whole`."""
    return functools.reduce(lambda left, hole: np.maximum(left, -hole), holes, whole)


def blend_shapes(*parts: DistanceField, width: float = 0.15) -> DistanceField:
    """Return the union of shapes with smooth seams."""

    def pair(p: DistanceField, q: DistanceField) -> DistanceField:
        h = np.clip(0.5 + 0.5 * (q - p) / width, 0, 1)
        return q + (p - q) * h - width * h * (1 - h)

    return functools.reduce(pair, parts)


def mirror_polygon(*corners: tuple[float, float]) -> DistanceField:
    """Return a symmetric polygon from its right half, top to bottom."""
    return polygon_sdf(*corners, *[(-x, y) for x, y in reversed(corners)])


def place_on_ring(count: int, part: Callable[[float, float], DistanceField], r: float) -> list[DistanceField]:
    """Place `part` at `count` points of a ring."""
    turns = (2 * math.pi * i / count + math.pi / 2 for i in range(count))
    return [part(r * math.cos(t), r * math.sin(t)) for t in turns]


def quadruped_sdf(height: float, neck: tuple[float, float], head: float, legs: float, tail: float) -> DistanceField:
    """Return a four-legged animal that faces right."""
    body = ellipse_sdf(-0.08, 0.0, 0.56, height)
    feet = [capsule_sdf(x, -0.12, x + 0.02, -0.12 - legs, 0.105, 0.075) for x in (-0.45, -0.27, 0.2, 0.36)]
    throat = capsule_sdf(0.32, 0.08, *neck, 0.17, head * 0.75)
    face = ellipse_sdf(neck[0] + head * 0.5, neck[1], head * 1.25, head * 0.78, -14)
    ear = capsule_sdf(
        neck[0] - head * 0.1, neck[1] + head * 0.4, neck[0] - head * 0.3, neck[1] + head * 1.25, head * 0.3, 0.02
    )
    return join_shapes(
        blend_shapes(body, throat, face, *feet, width=0.08),
        ear,
        capsule_sdf(-0.58, 0.1, -0.58 - tail, 0.02 - tail, 0.05, 0.03),
    )


def heart_sdf() -> DistanceField:
    """Return a heart: two discs and a wedge."""
    wedge = polygon_sdf((-0.83, 0.16), (0, -0.92), (0.83, 0.16), (0, 0.5))
    return blend_shapes(disc_sdf(-0.43, 0.33, 0.43), disc_sdf(0.43, 0.33, 0.43), wedge, width=0.05)


def elephant_sdf() -> DistanceField:
    """Return an elephant: body, trunk and ear."""
    bulk = [ellipse_sdf(-0.15, 0.1, 0.62, 0.48), disc_sdf(0.5, 0.25, 0.33), ellipse_sdf(0.28, 0.28, 0.24, 0.32)]
    trunk = [capsule_sdf(0.72, 0.15, 0.86, -0.3, 0.15, 0.1), capsule_sdf(0.86, -0.3, 0.95, -0.52, 0.1, 0.06)]
    feet = [capsule_sdf(x, -0.2, x, -0.76, 0.15, 0.14) for x in (-0.55, -0.24, 0.08, 0.34)]
    return blend_shapes(*bulk, *trunk, *feet, capsule_sdf(-0.72, 0.2, -0.9, -0.2, 0.05, 0.03), width=0.07)


def person_sdf() -> DistanceField:
    """Return a person: head, torso, arms and legs."""
    limbs = [capsule_sdf(-0.22, 0.35, -0.52, -0.12, 0.1, 0.08), capsule_sdf(0.22, 0.35, 0.52, -0.12, 0.1, 0.08)]
    limbs += [capsule_sdf(-0.14, -0.15, -0.24, -0.92, 0.14, 0.1), capsule_sdf(0.14, -0.15, 0.24, -0.92, 0.14, 0.1)]
    return blend_shapes(disc_sdf(0, 0.75, 0.21), capsule_sdf(0, 0.32, 0, -0.12, 0.24, 0.21), *limbs, width=0.05)


def guitar_sdf() -> DistanceField:
    """Return a guitar: two bouts, a waist, a hole and a neck."""
    body = blend_shapes(disc_sdf(0, -0.5, 0.42), disc_sdf(0, -0.02, 0.31), width=0.12)
    return join_shapes(
        subtract_shapes(body, disc_sdf(0, -0.12, 0.12)),
        capsule_sdf(0, 0.2, 0, 0.82, 0.07),
        box_sdf(0, 0.93, 0.14, 0.15, 0.04),
    )


def shirt_sdf() -> DistanceField:
    """Return a T-shirt."""
    half = [(0.2, 0.75), (0.45, 0.68), (0.98, 0.28), (0.75, -0.02), (0.47, 0.2), (0.47, -0.85)]
    return subtract_shapes(mirror_polygon(*half), disc_sdf(0, 0.82, 0.24))


def jumper_sdf() -> DistanceField:
    """Return a sweater with long sleeves."""
    half = [(0.16, 0.75), (0.42, 0.68), (0.72, 0.3), (0.98, -0.66), (0.72, -0.74), (0.45, 0.05), (0.45, -0.85)]
    return subtract_shapes(mirror_polygon(*half), disc_sdf(0, 0.8, 0.18))


def shoe_sdf() -> DistanceField:
    """Return a low shoe, its toe at the right."""
    return blend_shapes(
        box_sdf(-0.45, 0.05, 0.35, 0.42, 0.1),
        capsule_sdf(-0.4, -0.25, 0.7, -0.25, 0.22),
        box_sdf(0.0, -0.42, 0.92, 0.1, 0.05),
    )


def bird_sdf() -> DistanceField:
    """Return a bird in flight."""
    wings = [capsule_sdf(0, 0, -0.35, 0.75, 0.2, 0.04), capsule_sdf(-0.1, 0, -0.75, 0.5, 0.15, 0.04)]
    beak = polygon_sdf((0.78, 0.3), (1.1, 0.2), (0.78, 0.12))
    tail = polygon_sdf((-0.5, 0.0), (-1.05, -0.1), (-0.85, -0.35))
    return join_shapes(
        blend_shapes(ellipse_sdf(0.05, 0, 0.6, 0.26, 12), disc_sdf(0.62, 0.22, 0.2), *wings, width=0.06), beak, tail
    )


def car_sdf() -> DistanceField:
    """Return a car from the side."""
    cabin = polygon_sdf((-0.5, 0.1), (-0.3, 0.5), (0.3, 0.5), (0.58, 0.1))
    wheels = [disc_sdf(-0.52, -0.35, 0.23), disc_sdf(0.52, -0.35, 0.23)]
    return join_shapes(box_sdf(0, -0.1, 0.98, 0.25, 0.12), cabin, *wheels)


def key_sdf() -> DistanceField:
    """Return a key."""
    teeth = [box_sdf(x, -0.25, 0.07, 0.17) for x in (0.55, 0.85)]
    return join_shapes(
        subtract_shapes(disc_sdf(-0.6, 0, 0.38), disc_sdf(-0.6, 0, 0.18)), box_sdf(0.3, 0, 0.68, 0.09), *teeth
    )


def tree_sdf() -> DistanceField:
    """Return a tree: a round crown on a trunk."""
    crown = [disc_sdf(0, 0.5, 0.45), disc_sdf(-0.4, 0.2, 0.38), disc_sdf(0.4, 0.2, 0.38)]
    return join_shapes(blend_shapes(*crown, width=0.08), box_sdf(0, -0.5, 0.13, 0.45))


def mug_sdf() -> DistanceField:
    """Return a mug with a handle."""
    handle = subtract_shapes(ellipse_sdf(0.52, 0, 0.42, 0.42), ellipse_sdf(0.52, 0, 0.24, 0.24))
    return join_shapes(box_sdf(-0.15, 0, 0.6, 0.75, 0.12), handle)


def umbrella_sdf() -> DistanceField:
    """Return an umbrella: a canopy and its stick."""
    canopy = subtract_shapes(
        disc_sdf(0, 0, 0.95), box_sdf(0, -1, 1.3, 1.0), *[disc_sdf(x, -0.02, 0.24) for x in (-0.7, -0.23, 0.23, 0.7)]
    )
    return join_shapes(
        canopy,
        box_sdf(0, -0.25, 0.05, 0.6),
        subtract_shapes(disc_sdf(-0.14, -0.82, 0.19), disc_sdf(-0.14, -0.82, 0.09), box_sdf(0, 0, 2, 0.8)),
    )


def leaf_sdf() -> DistanceField:
    """Return a leaf with its stalk."""
    return join_shapes(
        np.maximum(disc_sdf(-0.45, 0.15, 0.88), disc_sdf(0.45, 0.15, 0.88)),
        capsule_sdf(0, -0.5, 0.08, -1.05, 0.06, 0.04),
    )


def butterfly_sdf() -> DistanceField:
    """Return a butterfly with four wings."""
    wings = [ellipse_sdf(s * 0.48, 0.32, 0.5, 0.36, s * 38) for s in (-1, 1)]
    wings += [ellipse_sdf(s * 0.36, -0.38, 0.36, 0.28, -s * 42) for s in (-1, 1)]
    return join_shapes(*wings, capsule_sdf(0, 0.45, 0, -0.55, 0.09, 0.06))


def trousers_sdf() -> DistanceField:
    """Return trousers with two legs."""
    return mirror_polygon((0.42, 0.92), (0.58, -0.95), (0.16, -0.95), (0.0, 0.38))


def flower_sdf() -> DistanceField:
    """Return a flower: six petals around a hole."""
    return subtract_shapes(
        join_shapes(disc_sdf(0, 0, 0.4), *place_on_ring(6, lambda x, y: disc_sdf(x, y, 0.33), 0.6)), disc_sdf(0, 0, 0.2)
    )


def gear_sdf() -> DistanceField:
    """Return a gear: eight teeth around a hole."""
    return subtract_shapes(
        join_shapes(disc_sdf(0, 0, 0.66), *place_on_ring(8, lambda x, y: disc_sdf(x, y, 0.15), 0.72)),
        disc_sdf(0, 0, 0.26),
    )


def fish_sdf() -> DistanceField:
    """Return a fish: an ellipse with a tail."""
    return join_shapes(
        ellipse_sdf(0.15, 0, 0.72, 0.42), polygon_sdf((-0.4, 0), (-1.0, 0.48), (-0.82, 0), (-1.0, -0.48))
    )


def house_sdf() -> DistanceField:
    """Return a house: a roof, walls, a door and a chimney."""
    roof = polygon_sdf((-0.92, 0.1), (0, 0.88), (0.92, 0.1))
    walls = subtract_shapes(box_sdf(0, -0.38, 0.66, 0.5), box_sdf(0.25, -0.6, 0.15, 0.3))
    return join_shapes(roof, walls, box_sdf(0.5, 0.6, 0.11, 0.26))


def dress_sdf() -> DistanceField:
    """Return a dress: straps, a waist and a wide hem."""
    half = [(0.14, 0.95), (0.3, 0.95), (0.34, 0.5), (0.2, 0.15), (0.72, -0.95)]
    return subtract_shapes(mirror_polygon(*half), disc_sdf(0, 0.95, 0.2))


SHAPES: dict[str, Callable[[], DistanceField]] = {
    "disc": lambda: disc_sdf(0, 0, 0.82),
    "ring": lambda: np.abs(disc_sdf(0, 0, 0.66)) - 0.2,
    "square": lambda: box_sdf(0, 0, 0.74, 0.74),
    "triangle": lambda: regular_polygon_sdf(3, 1.0),
    "hexagon": lambda: regular_polygon_sdf(6, 0.9),
    "star": lambda: regular_polygon_sdf(5, 1.05, 0.45),
    "cross": lambda: join_shapes(box_sdf(0, 0, 0.88, 0.28), box_sdf(0, 0, 0.28, 0.88)),
    "moon": lambda: subtract_shapes(disc_sdf(0, 0, 0.88), disc_sdf(0.42, 0.12, 0.72)),
    "heart": heart_sdf,
    "flower": flower_sdf,
    "gear": gear_sdf,
    "leaf": leaf_sdf,
    "tree": tree_sdf,
    "fish": fish_sdf,
    "bird": bird_sdf,
    "butterfly": butterfly_sdf,
    "dog": lambda: quadruped_sdf(0.27, (0.62, 0.36), 0.22, 0.5, 0.22),
    "horse": lambda: quadruped_sdf(0.28, (0.66, 0.62), 0.2, 0.72, -0.05),
    "giraffe": lambda: quadruped_sdf(0.25, (0.62, 0.98), 0.15, 0.85, 0.1),
    "elephant": elephant_sdf,
    "person": person_sdf,
    "house": house_sdf,
    "car": car_sdf,
    "guitar": guitar_sdf,
    "mug": mug_sdf,
    "key": key_sdf,
    "umbrella": umbrella_sdf,
    "shirt": shirt_sdf,
    "jumper": jumper_sdf,
    "trousers": trousers_sdf,
    "dress": dress_sdf,
    "shoe": shoe_sdf,
}


@functools.cache
def distance_table() -> np.ndarray:
    """Return the distance fields of all shapes, (shapes, CELLS, CELLS) float32, rows from top to bottom."""
    return np.stack([make() for make in SHAPES.values()]).astype(np.float32)


@functools.cache
def occlusion_cuts(n_directions: int, fractions: Sequence[float]) -> np.ndarray:
    """Compute where a straight edge occludes a fraction of a shape: (shapes, directions, fractions) float32.

    A point q is occluded if q · u exceeds the cut, for u at angle 2π k / directions, y downwards. The cut for fraction
    0 is the end of the shape.
    """
    angles = 2 * np.pi * np.arange(n_directions) / n_directions
    along = np.cos(angles)[:, None, None] * X - np.sin(angles)[:, None, None] * Y
    cuts = [np.quantile(along[:, field < 0], [1 - s for s in fractions], axis=1).T for field in distance_table()]
    return np.stack(cuts).astype(np.float32)
