"""Textures and backgrounds as maps from 0 to 1, tabulated once: pictures read them under turn, scale and shift.

A texture's tile repeats in both directions without a seam; a background fills the picture once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

Map = np.ndarray  # (EDGE, EDGE) in [0, 1]
Random = np.random.Generator
EDGE, VARIANTS = 128, 6

V, U = (c.astype(np.float64) / EDGE for c in np.mgrid[:EDGE, :EDGE])
TURN = 2 * np.pi


def soft(x: Map, width: float = 0.12) -> Map:
    """A wave from -1 to 1 as bands of 0 and 1 with soft edges."""
    return np.clip(x / (2 * width) + 0.5, 0, 1)


def cloud(random: Random, roughness: float, low: float = 1.0) -> Map:
    """Noise whose power falls with frequency to the `roughness`; without a seam, since it is made of whole waves."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(EDGE, 1 / EDGE), np.fft.fftfreq(EDGE, 1 / EDGE)))
    weight = np.where(frequency < low, 0, np.maximum(frequency, 1) ** -roughness)
    field = np.fft.ifft2(np.fft.fft2(random.normal(size=(EDGE, EDGE))) * weight).real
    order = np.argsort(np.argsort(field.ravel()))  # every grey as often as any other
    return (order / (order.size - 1)).reshape(field.shape)


def nearest(random: Random, count: int) -> tuple[Map, Map]:
    """Distances to the nearest and the second nearest of `count` scattered points, over the seam."""
    points = random.uniform(size=(count, 2))
    away = [np.abs(np.stack([V, U]) - p[:, None, None]) for p in points]
    distances = np.sort([np.hypot(*np.minimum(d, 1 - d)) for d in away], axis=0)[:2] * np.sqrt(count)
    return distances[0], distances[1]


def plain(random: Random) -> Map:
    """One colour, hardly uneven."""
    return 0.12 * cloud(random, 2.0)


def stripes(random: Random) -> Map:
    """Bands of two widths."""
    return soft(np.sin(TURN * 5 * U) - random.uniform(-0.5, 0.5), 0.2)


def checks(random: Random) -> Map:
    """A chessboard."""
    return soft(np.sin(TURN * 3 * U) * np.sin(TURN * 3 * V), 0.08)


def dots(random: Random) -> Map:
    """Discs in rows, every other row shifted."""
    v = 6 * V
    u = 6 * U + 0.5 * (np.floor(v) % 2)
    return soft(random.uniform(0.26, 0.4) - np.hypot(u % 1 - 0.5, v % 1 - 0.5), 0.06)


def grid(random: Random) -> Map:
    """Thin lines both ways."""
    line = random.uniform(0.86, 0.94)
    return soft(np.maximum(np.cos(TURN * 4 * U), np.cos(TURN * 4 * V)) - line, 0.05)


def waves(random: Random) -> Map:
    """Bands that swing."""
    return soft(np.sin(TURN * (5 * V + 0.35 * np.sin(TURN * 2 * U + random.uniform(0, 6)))), 0.2)


def rings(random: Random) -> Map:
    """Circles within circles."""
    return soft(np.sin(TURN * 3.5 * np.hypot(2 * (2 * U % 1) - 1, 2 * (2 * V % 1) - 1) / 1.42), 0.25)


def zigzag(random: Random) -> Map:
    """Bands with corners."""
    return soft(np.sin(TURN * (5 * V + np.abs(2 * (3 * U % 1) - 1) * random.uniform(0.6, 1.1))), 0.2)


def scales(random: Random) -> Map:
    """Arcs over arcs, as on a fish or a roof."""
    best = np.zeros_like(U)
    for row in range(9):
        u = (6 * U + 0.5 * (row % 2)) % 1 - 0.5
        v = (8 * V - row + 4) % 8 - 4
        r = np.hypot(u / 0.62, v / 1.25)
        best = np.where((r < 1) & (v > 0), r**3, best)
    return best


def bricks(random: Random) -> Map:
    """Courses of brick with pale joints."""
    v = 8 * V
    row = np.floor(v)
    u = 4 * U + 0.5 * (row % 2)
    joint = np.minimum(np.minimum(v % 1, 1 - v % 1), 2 * np.minimum(u % 1, 1 - u % 1))
    tone = random.uniform(0, 0.45, (8, 4))[row.astype(int) % 8, np.floor(u).astype(int) % 4]
    return np.where(joint < 0.1, 1.0, tone)


def cells(random: Random) -> Map:
    """Patches with dark seams, as on a giraffe."""
    first, second = nearest(random, 22)
    return 1 - soft(second - first - 0.16, 0.08)


def marble(random: Random) -> Map:
    """Veins."""
    return np.abs(np.sin(np.pi * (2 * U + V + 2.2 * cloud(random, 2.4)))) ** 0.6


def clouds(random: Random) -> Map:
    """Large soft patches."""
    return cloud(random, 1.7)


def grain(random: Random) -> Map:
    """Sand."""
    return cloud(random, 0.25, 8.0)


def wood(random: Random) -> Map:
    """Long rings of a plank."""
    stretched = np.roll(cloud(random, 2.2), int(random.integers(EDGE)), 1)
    fine = cloud(random, 0.6, 4.0).mean(axis=0, keepdims=True)
    return np.clip(0.75 * ((7 * V + 2.2 * stretched) % 1) + 0.8 * (fine - 0.35), 0, 1)


def plaid(random: Random) -> Map:
    """Bands of several widths, woven."""
    tones = random.uniform(0, 1, 8)
    warp, weft = tones[(U * 16).astype(int) % 8], tones[(V * 16).astype(int) % 8]
    return np.clip(0.5 * (warp + weft), 0, 1)


TEXTURES: dict[str, Callable[[Random], Map]] = {
    "plain": plain,
    "stripes": stripes,
    "checks": checks,
    "dots": dots,
    "grid": grid,
    "waves": waves,
    "rings": rings,
    "zigzag": zigzag,
    "scales": scales,
    "bricks": bricks,
    "cells": cells,
    "marble": marble,
    "clouds": clouds,
    "grain": grain,
    "wood": wood,
    "plaid": plaid,
}


def wall(random: Random) -> Map:
    """An even wall."""
    return 0.5 + 0.1 * (cloud(random, 2.2) - 0.5)


def gradient(random: Random) -> Map:
    """From one colour to another."""
    angle = random.uniform(0, TURN)
    along = (U - 0.5) * np.cos(angle) + (V - 0.5) * np.sin(angle)
    return np.clip(0.5 + along / 1.3, 0, 1)


def spotlight(random: Random) -> Map:
    """A pool of light."""
    away = np.hypot(U - random.uniform(0.3, 0.7), V - random.uniform(0.3, 0.7))
    return np.clip(1 - away / 0.75, 0, 1) ** 1.3


def horizon(random: Random) -> Map:
    """Sky above ground, each with its own fading."""
    line = random.uniform(0.5, 0.72)
    return np.where(line > V, 0.75 + 0.25 * V / line, 0.35 * (1 - V) / (1 - line))


def hills(random: Random) -> Map:
    """Ridges one behind another."""
    out = 0.9 + 0.1 * (1 - V)
    for depth in range(4):
        swing = sum(np.sin(TURN * f * U + random.uniform(0, 6)) / f for f in (1, 2, 3)) * 0.06
        out = np.where(0.42 + 0.14 * depth + swing < V, 0.68 - 0.2 * depth, out)
    return out


def fog(random: Random) -> Map:
    """Soft patches."""
    return cloud(random, 2.4)


def tiles(random: Random) -> Map:
    """Large squares."""
    count = int(random.integers(3, 6))
    shade = random.uniform(0.2, 0.8, (count + 1, count + 1))
    u, v = count * U, count * V
    joint = np.minimum(np.minimum(u % 1, 1 - u % 1), np.minimum(v % 1, 1 - v % 1))
    return np.where(joint < 0.03, 1.0, shade[v.astype(int), u.astype(int)])


def lights(random: Random) -> Map:
    """Blurred lamps in the dark."""
    out = np.full_like(U, 0.05)
    for x, y, r, tone in random.uniform((0, 0, 0.04, 0.3), (1, 1, 0.13, 1), (18, 4)):
        out = np.maximum(out, tone * soft(r - np.hypot(U - x, V - y), 0.012))
    return out


def rays(random: Random) -> Map:
    """Beams from one point."""
    angle = np.arctan2(V - random.uniform(0.3, 1.1), U - random.uniform(0.2, 0.8))
    return soft(np.sin(int(random.integers(5, 10)) * angle), 0.3)


def meadow(random: Random) -> Map:
    """Blades of grass, denser below."""
    blades = cloud(random, 0.5, 3.0)
    long = np.mean([np.roll(blades, 2 * i, 0) for i in range(5)], axis=0)
    return np.clip(0.5 + 1.6 * (long - 0.5) * (0.35 + V) + 0.3 * (0.5 - V), 0, 1)


BACKGROUNDS: dict[str, Callable[[Random], Map]] = {
    "wall": wall,
    "gradient": gradient,
    "spotlight": spotlight,
    "horizon": horizon,
    "hills": hills,
    "fog": fog,
    "tiles": tiles,
    "lights": lights,
    "rays": rays,
    "meadow": meadow,
}


def _made(kinds: dict[str, Callable[[Random], Map]], seed: int) -> np.ndarray:
    rows = [
        [make(np.random.default_rng([seed, kind, variant])) for variant in range(VARIANTS)]
        for kind, make in enumerate(kinds.values())
    ]
    return np.asarray(rows, np.float32)


@functools.cache
def textures() -> np.ndarray:
    """Tiles (textures, VARIANTS, EDGE + 2, EDGE + 2): with a border of one pixel from the other side."""
    return np.pad(_made(TEXTURES, 1), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="wrap")


@functools.cache
def backgrounds() -> np.ndarray:
    """Maps (backgrounds, VARIANTS, EDGE, EDGE)."""
    return _made(BACKGROUNDS, 2)
