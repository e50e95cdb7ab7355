"""Where things go: labels that do not cover each other, ticks, an order in which alike stand together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .words import plain


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions moved as little as needed to stand at least `gap` apart within low..high, their order kept."""
    order = np.argsort(np.asarray(positions, dtype=float), kind="stable")
    gap = min(gap, (high - low) / max(len(order) - 1, 1))
    groups: list[list[float]] = []  # where each member wishes the first to stand, summed; how many
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
    return min(max(wish / members, low), high - (members - 1) * gap)


def _end(group: list[float], gap: float, low: float, high: float) -> float:
    return _start(group, gap, low, high) + (group[1] - 1) * gap


def padded(values: Any, below: float = 0.06, above: float = 0.06) -> tuple[float, float]:
    """The range of the finite values with a share of it as room on either side; never empty."""
    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 1.0)
    span = (high - low) or abs(high) * 0.1 or 1.0
    return low - below * span, high + above * span


def round_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most that many round values within low..high, evenly spaced."""
    span = high - low
    step = next(
        m * 10.0**e
        for e in range(math.floor(math.log10(span)) - 2, math.ceil(math.log10(span)) + 1)
        for m in (1, 2, 5)
        if math.floor(high / (m * 10.0**e)) - math.ceil(low / (m * 10.0**e)) + 1 <= most
    )
    return [round(n * step, 10) for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def percent_axis(low: float, high: float, most: int = 6) -> dict[str, Any]:
    """Plotly's settings for an axis of shares (0..1) over low..high, its ticks written "80 %"."""
    ticks = round_ticks(low, high, most)
    digits = 0 if all(abs(t * 100 - round(t * 100)) < 1e-6 for t in ticks) else 1
    return {"range": [low, high], "tickvals": ticks, "ticktext": [f"{100 * t:.{digits}f} %" for t in ticks]}


def names_axis(names: Sequence[str]) -> dict[str, Any]:
    """An axis with a name at each of 0, 1, 2, …, and room for a bar at both ends."""
    at = list(range(len(names)))
    return {"range": [-0.6, len(names) - 0.4], "tickvals": at, "ticktext": [plain(name) for name in names]}


def decades(low: float, high: float, most: int = 8) -> list[float]:
    """Round values for the ticks of a logarithmic axis over low..high, both > 0."""
    finest_first = [_between(low, high, mantissas) for mantissas in ((1, 2, 5), (1, 3), (1,))]
    ticks = next((t for t in finest_first if len(t) <= most), finest_first[-1])
    return ticks[:: math.ceil(len(ticks) / most)] if ticks else [low, high]


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
    chains: dict[int, list[int]] = {k: [k] for k in range(len(matrix))}
    between, sizes = bond.copy(), np.ones(len(matrix))
    means = bond.copy()
    np.fill_diagonal(means, -np.inf)  # no chain is merged with itself, nor with one that is gone
    gone = np.zeros(len(matrix), dtype=bool)
    while len(chains) > 1:
        i, j = sorted(int(at) for at in np.unravel_index(int(np.argmax(means)), means.shape))
        chains[i] = _joined(chains[i], chains.pop(j), bond)
        between[i] += between[j]
        between[:, i] = between[i]
        sizes[i] += sizes[j]
        gone[j] = True
        row = np.where(gone, -np.inf, between[i] / (sizes[i] * sizes))
        means[i], means[:, i] = row, row
        means[j], means[:, j], means[i, i] = -np.inf, -np.inf, -np.inf
    order = chains[0]
    return np.array(order if order.index(0) < len(order) / 2 else order[::-1], dtype=int)


def _joined(a: list[int], b: list[int], bond: np.ndarray) -> list[int]:
    ways = [(x, y) for x in (a, a[::-1]) for y in (b, b[::-1])]
    x, y = max(ways, key=lambda way: bond[way[0][-1], way[1][0]])
    return x + y
