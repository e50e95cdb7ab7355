"""Where things go: labels that do not cover each other, ticks, an order in which alike stand together."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions moved as little as needed to stand at least `gap` apart within low..high, their order kept."""
    order = np.argsort(np.asarray(positions, dtype=float), kind="stable")
    gap = min(gap, (high - low) / max(len(order) - 1, 1))
    groups: list[list[float]] = []  # sum of wished positions of the first member, members
    for rank in order:
        groups.append([float(positions[rank]), 1.0])
        while len(groups) > 1 and _start(groups[-1], gap, low, high) < _end(groups[-2], gap, low, high) + gap:
            wish, members = groups.pop()
            before = groups[-1]
            groups[-1] = [before[0] + wish - before[1] * members * gap, before[1] + members]
    placed = [0.0] * len(order)
    ranks = iter(order)
    for group in groups:
        start = _start(group, gap, low, high)
        for member in range(int(group[1])):
            placed[next(ranks)] = start + member * gap
    return placed


def _start(group: list[float], gap: float, low: float, high: float) -> float:
    wish, members = group
    length = (members - 1) * gap
    centred = wish / members - gap * (members - 1) / 2
    return min(max(centred, low), high - length)


def _end(group: list[float], gap: float, low: float, high: float) -> float:
    return _start(group, gap, low, high) + (group[1] - 1) * gap


def padded(values: Sequence[float], below: float = 0.06, above: float = 0.06) -> tuple[float, float]:
    """The range of the finite values with a share of it as room on either side; never empty."""
    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 1.0)
    span = (high - low) or abs(high) * 0.1 or 1.0
    return low - below * span, high + above * span


def decades(low: float, high: float, most: int = 8) -> list[float]:
    """Round values for the ticks of a logarithmic axis over low..high, both > 0."""
    steps: list[tuple[float, ...]] = [(1, 2, 5), (1, 3), (1,)]
    for mantissas in steps:
        ticks = _between(low, high, mantissas)
        if len(ticks) <= most:
            return ticks or [low, high]
    every = math.ceil(len(ticks) / most)
    return ticks[::every]


def _between(low: float, high: float, mantissas: tuple[float, ...]) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [v for e in exponents for m in mantissas if low * 0.999 <= (v := m * 10.0**e) <= high * 1.001]


def alike_together(matrix: np.ndarray) -> np.ndarray:
    """An order of the classes in which those taken for each other stand together, so that blocks appear.

    Classes are merged as in average linkage on how often one is taken for the other, and each merge is turned so
    that its two nearest ends meet. The first class of the data stays in the upper half.

    Args:
        matrix: counts (K, K), rows true, columns predicted.

    Returns:
        A permutation of 0..K-1.
    """
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    bond = (shares + shares.T).astype(float)
    chains = [[k] for k in range(len(matrix))]
    while len(chains) > 1:
        strength = [
            (np.mean(bond[np.ix_(a, b)]), -i, -j) for i, a in enumerate(chains) for j, b in enumerate(chains[:i])
        ]
        _, i, j = max(strength)
        later, earlier = chains.pop(-i), chains.pop(-j)
        chains.append(_joined(earlier, later, bond))
    order = chains[0]
    return np.array(order if order.index(0) < len(order) / 2 else order[::-1], dtype=int)


def _joined(a: list[int], b: list[int], bond: np.ndarray) -> list[int]:
    ways = [(x, y) for x in (a, a[::-1]) for y in (b, b[::-1])]
    x, y = max(ways, key=lambda way: bond[way[0][-1], way[1][0]])
    return x + y
