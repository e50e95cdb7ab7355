"""Textures and backgrounds as maps from 0 to 1, tabulated once; images sample them under rotation, scale and shift.

The tile of a texture repeats seamlessly in both directions; a background covers the image once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

PatternMap = np.ndarray  # (EDGE, EDGE) in [0, 1]
Generator = np.random.Generator
EDGE, VARIANTS = 128, 6

V, U = (c.astype(np.float64) / EDGE for c in np.mgrid[:EDGE, :EDGE])
TURN = 2 * np.pi


def soft_step(x: PatternMap, width: float = 0.12) -> PatternMap:
    """Convert a wave from -1 to 1 to bands of 0 and 1 with soft edges."""
    return np.clip(x / (2 * width) + 0.5, 0, 1)


def power_law_noise(rng: Generator, roughness: float, low: float = 1.0) -> PatternMap:
    """Generate seamless noise with a power-law spectrum of exponent `roughness`."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(EDGE, 1 / EDGE), np.fft.fftfreq(EDGE, 1 / EDGE)))
    weight = np.where(frequency < low, 0, np.maximum(frequency, 1) ** -roughness)
    field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(EDGE, EDGE))) * weight).real
    order = np.argsort(np.argsort(field.ravel()))  # ranks, so that the values are uniformly distributed
    return (order / (order.size - 1)).reshape(field.shape)


def worley_distances(rng: Generator, n_points: int) -> tuple[PatternMap, PatternMap]:
    """Return the periodic distances to the nearest two of `n_points` random points (Worley noise)."""
    points = rng.uniform(size=(n_points, 2))
    away = [np.abs(np.stack([V, U]) - p[:, None, None]) for p in points]
    distances = np.sort([np.hypot(*np.minimum(d, 1 - d)) for d in away], axis=0)[:2] * np.sqrt(n_points)
    return distances[0], distances[1]


def plain_texture(rng: Generator) -> PatternMap:
    """Generate one color, hardly uneven."""
    return 0.12 * power_law_noise(rng, 2.0)


def stripes_texture(rng: Generator) -> PatternMap:
    """Generate bands of two widths."""
    return soft_step(np.sin(TURN * 5 * U) - rng.uniform(-0.5, 0.5), 0.2)


def checks_texture(rng: Generator) -> PatternMap:
    """Generate a chessboard."""
    return soft_step(np.sin(TURN * 3 * U) * np.sin(TURN * 3 * V), 0.08)


def dots_texture(rng: Generator) -> PatternMap:
    """Generate discs in rows, every other row shifted."""
    v = 6 * V
    u = 6 * U + 0.5 * (np.floor(v) % 2)
    return soft_step(rng.uniform(0.26, 0.4) - np.hypot(u % 1 - 0.5, v % 1 - 0.5), 0.06)


def grid_texture(rng: Generator) -> PatternMap:
    """Generate thin lines in both directions."""
    line = rng.uniform(0.86, 0.94)
    return soft_step(np.maximum(np.cos(TURN * 4 * U), np.cos(TURN * 4 * V)) - line, 0.05)


def waves_texture(rng: Generator) -> PatternMap:
    """Generate wavy bands."""
    return soft_step(np.sin(TURN * (5 * V + 0.35 * np.sin(TURN * 2 * U + rng.uniform(0, 6)))), 0.2)


def rings_texture(rng: Generator) -> PatternMap:
    """Generate concentric circles."""
    return soft_step(np.sin(TURN * 3.5 * np.hypot(2 * (2 * U % 1) - 1, 2 * (2 * V % 1) - 1) / 1.42), 0.25)


def zigzag_texture(rng: Generator) -> PatternMap:
    """Generate bands with corners."""
    return soft_step(np.sin(TURN * (5 * V + np.abs(2 * (3 * U % 1) - 1) * rng.uniform(0.6, 1.1))), 0.2)


def scales_texture(rng: Generator) -> PatternMap:
    """Generate overlapping arcs, as on a fish or a roof."""
    best = np.zeros_like(U)
    for row in range(9):
        u = (6 * U + 0.5 * (row % 2)) % 1 - 0.5
        v = (8 * V - row + 4) % 8 - 4
        r = np.hypot(u / 0.62, v / 1.25)
        best = np.where((r < 1) & (v > 0), r**3, best)
    return best


def bricks_texture(rng: Generator) -> PatternMap:
    """Generate courses of brick with pale joints."""
    v = 8 * V
    row = np.floor(v)
    u = 4 * U + 0.5 * (row % 2)
    joint = np.minimum(np.minimum(v % 1, 1 - v % 1), 2 * np.minimum(u % 1, 1 - u % 1))
    tone = rng.uniform(0, 0.45, (8, 4))[row.astype(int) % 8, np.floor(u).astype(int) % 4]
    return np.where(joint < 0.1, 1.0, tone)


def cells_texture(rng: Generator) -> PatternMap:
    """Generate patches with dark seams, as on a giraffe."""
    first, second = worley_distances(rng, 22)
    return 1 - soft_step(second - first - 0.16, 0.08)


def marble_texture(rng: Generator) -> PatternMap:
    """Generate veins."""
    return np.abs(np.sin(np.pi * (2 * U + V + 2.2 * power_law_noise(rng, 2.4)))) ** 0.6


def clouds_texture(rng: Generator) -> PatternMap:
    """Generate large soft patches."""
    return power_law_noise(rng, 1.7)


def grain_texture(rng: Generator) -> PatternMap:
    """Generate sand."""
    return power_law_noise(rng, 0.25, 8.0)


def wood_texture(rng: Generator) -> PatternMap:
    """Generate the long rings of a plank."""
    stretched = np.roll(power_law_noise(rng, 2.2), int(rng.integers(EDGE)), 1)
    fine = power_law_noise(rng, 0.6, 4.0).mean(axis=0, keepdims=True)
    return np.clip(0.75 * ((7 * V + 2.2 * stretched) % 1) + 0.8 * (fine - 0.35), 0, 1)


def plaid_texture(rng: Generator) -> PatternMap:
    """Generate woven bands of several widths."""
    tones = rng.uniform(0, 1, 8)
    warp, weft = tones[(U * 16).astype(int) % 8], tones[(V * 16).astype(int) % 8]
    return np.clip(0.5 * (warp + weft), 0, 1)


TEXTURES: dict[str, Callable[[Generator], PatternMap]] = {
    "plain": plain_texture,
    "stripes": stripes_texture,
    "checks": checks_texture,
    "dots": dots_texture,
    "grid": grid_texture,
    "waves": waves_texture,
    "rings": rings_texture,
    "zigzag": zigzag_texture,
    "scales": scales_texture,
    "bricks": bricks_texture,
    "cells": cells_texture,
    "marble": marble_texture,
    "clouds": clouds_texture,
    "grain": grain_texture,
    "wood": wood_texture,
    "plaid": plaid_texture,
}


def wall_background(rng: Generator) -> PatternMap:
    """Generate an even wall."""
    return 0.5 + 0.1 * (power_law_noise(rng, 2.2) - 0.5)


def gradient_background(rng: Generator) -> PatternMap:
    """Generate a gradient from one color to another."""
    angle = rng.uniform(0, TURN)
    along = (U - 0.5) * np.cos(angle) + (V - 0.5) * np.sin(angle)
    return np.clip(0.5 + along / 1.3, 0, 1)


def spotlight_background(rng: Generator) -> PatternMap:
    """Generate a spot of light."""
    away = np.hypot(U - rng.uniform(0.3, 0.7), V - rng.uniform(0.3, 0.7))
    return np.clip(1 - away / 0.75, 0, 1) ** 1.3


def horizon_background(rng: Generator) -> PatternMap:
    """Generate sky above ground, each with its own gradient."""
    line = rng.uniform(0.5, 0.72)
    return np.where(line > V, 0.75 + 0.25 * V / line, 0.35 * (1 - V) / (1 - line))


def hills_background(rng: Generator) -> PatternMap:
    """Generate ridges one behind another."""
    out = 0.9 + 0.1 * (1 - V)
    for depth in range(4):
        swing = sum(np.sin(TURN * f * U + rng.uniform(0, 6)) / f for f in (1, 2, 3)) * 0.06
        out = np.where(0.42 + 0.14 * depth + swing < V, 0.68 - 0.2 * depth, out)
    return out


def fog_background(rng: Generator) -> PatternMap:
    """Generate soft patches."""
    return power_law_noise(rng, 2.4)


def tiles_background(rng: Generator) -> PatternMap:
    """Generate large squares."""
    count = int(rng.integers(3, 6))
    shade = rng.uniform(0.2, 0.8, (count + 1, count + 1))
    u, v = count * U, count * V
    joint = np.minimum(np.minimum(u % 1, 1 - u % 1), np.minimum(v % 1, 1 - v % 1))
    return np.where(joint < 0.03, 1.0, shade[v.astype(int), u.astype(int)])


def lights_background(rng: Generator) -> PatternMap:
    """Generate blurred lamps in the dark."""
    out = np.full_like(U, 0.05)
    for x, y, r, tone in rng.uniform((0, 0, 0.04, 0.3), (1, 1, 0.13, 1), (18, 4)):
        out = np.maximum(out, tone * soft_step(r - np.hypot(U - x, V - y), 0.012))
    return out


def rays_background(rng: Generator) -> PatternMap:
    """Generate beams from one point."""
    angle = np.arctan2(V - rng.uniform(0.3, 1.1), U - rng.uniform(0.2, 0.8))
    return soft_step(np.sin(int(rng.integers(5, 10)) * angle), 0.3)


def meadow_background(rng: Generator) -> PatternMap:
    """Generate blades of grass, denser below."""
    blades = power_law_noise(rng, 0.5, 3.0)
    long = np.mean([np.roll(blades, 2 * i, 0) for i in range(5)], axis=0)
    return np.clip(0.5 + 1.6 * (long - 0.5) * (0.35 + V) + 0.3 * (0.5 - V), 0, 1)


BACKGROUNDS: dict[str, Callable[[Generator], PatternMap]] = {
    "wall": wall_background,
    "gradient": gradient_background,
    "spotlight": spotlight_background,
    "horizon": horizon_background,
    "hills": hills_background,
    "fog": fog_background,
    "tiles": tiles_background,
    "lights": lights_background,
    "rays": rays_background,
    "meadow": meadow_background,
}


def _generate_maps(kinds: dict[str, Callable[[Generator], PatternMap]], seed: int) -> np.ndarray:
    rows = [
        [make(np.random.default_rng([seed, kind, variant])) for variant in range(VARIANTS)]
        for kind, make in enumerate(kinds.values())
    ]
    return np.asarray(rows, np.float32)


@functools.cache
def texture_tiles() -> np.ndarray:
    """Return the tiles (textures, VARIANTS, EDGE + 2, EDGE + 2), with a border of one pixel from the opposite side."""
    return np.pad(_generate_maps(TEXTURES, 1), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="wrap")


@functools.cache
def background_maps() -> np.ndarray:
    """Return the maps (backgrounds, VARIANTS, EDGE, EDGE)."""
    return _generate_maps(BACKGROUNDS, 2)
