"""Layout of labels and ticks, and an order of classes that groups confused ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_percent


def spread_labels(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move positions as little as needed so that they are at least `gap` apart within low..high, in the same order."""
    order = np.argsort(np.asarray(positions, dtype=float), kind="stable")
    gap = min(gap, (high - low) / max(len(order) - 1, 1))
    groups: list[list[float]] = []  # [sum over members of the wanted position of the first, number of members]
    for rank in order:
        groups.append([float(positions[rank]), 1.0])
        while (
            len(groups) > 1 and _group_start(groups[-1], gap, low, high) < _group_end(groups[-2], gap, low, high) + gap
        ):
            wanted, members = groups.pop()
            before = groups[-1]
            groups[-1] = [before[0] + wanted - before[1] * members * gap, before[1] + members]
    spread = [0.0] * len(order)
    ranks = iter(order)
    for group in groups:
        start = _group_start(group, gap, low, high)
        for member in range(int(group[1])):
            spread[next(ranks)] = start + member * gap
    return spread


def _group_start(group: list[float], gap: float, low: float, high: float) -> float:
    wanted, members = group
    return min(max(wanted / members, low), high - (members - 1) * gap)


def _group_end(group: list[float], gap: float, low: float, high: float) -> float:
    return _group_start(group, gap, low, high) + (group[1] - 1) * gap


def pad_range(values: Any, below: float = 0.06, above: float = 0.06) -> tuple[float, float]:
    """Return the range of the finite values, extended by a share of it on either side; never empty."""
    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 1.0)
    span = (high - low) or abs(high) * 0.1 or 1.0
    return low - below * span, high + above * span


def round_ticks(low: float, high: float, max_ticks: int = 6) -> list[float]:
    """Return at most `max_ticks` round values within low..high, evenly spaced."""
    span = high - low
    step = next(
        m * 10.0**e
        for e in range(math.floor(math.log10(span)) - 2, math.ceil(math.log10(span)) + 1)
        for m in (1, 2, 5)
        if math.floor(high / (m * 10.0**e)) - math.ceil(low / (m * 10.0**e)) + 1 <= max_ticks
    )
    return [round(n * step, 10) for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def percent_axis(low: float, high: float, max_ticks: int = 6) -> dict[str, Any]:
    """Return plotly's settings for an axis of shares (0..1) over low..high, with ticks such as "80 %"."""
    ticks = round_ticks(low, high, max_ticks)
    digits = 0 if all(abs(t * 100 - round(t * 100)) < 1e-6 for t in ticks) else 1
    return {"range": [low, high], "tickvals": ticks, "ticktext": [format_percent(t, digits) for t in ticks]}


def names_axis(names: Sequence[str]) -> dict[str, Any]:
    """Return plotly's settings for an axis with a name at each of 0, 1, 2, …, and room for a bar at both ends."""
    positions = list(range(len(names)))
    return {
        "range": [-0.6, len(names) - 0.4],
        "tickvals": positions,
        "ticktext": [escape_markup(name) for name in names],
    }


def log_ticks(low: float, high: float, max_ticks: int = 8) -> list[float]:
    """Return round tick values of a logarithmic axis over low..high, both > 0."""
    finest_first = [_log_values(low, high, mantissas) for mantissas in ((1, 2, 5), (1, 3), (1,))]
    ticks = next((t for t in finest_first if len(t) <= max_ticks), finest_first[-1])
    return ticks[:: math.ceil(len(ticks) / max_ticks)] if ticks else [low, high]


def _log_values(low: float, high: float, mantissas: tuple[float, ...]) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [v for e in exponents for m in mantissas if low * 0.999 <= (v := m * 10.0**e) <= high * 1.001]


def cluster_order(confusion: np.ndarray) -> np.ndarray:
    """Return an order of the classes that puts classes confused with each other side by side, so that blocks appear.

    Classes are merged by average linkage on how often one is predicted as the other, and each merge is reversed where
    needed so that the two most similar ends meet. The first class of the data stays in the first half.

    Args:
        confusion: counts (K, K), rows true, columns predicted.

    Returns:
        A permutation of 0..K-1.
    """
    # not scipy's linkage and optimal_leaf_ordering, which take 6 to 10 times as long for 1,000 classes and put less of
    # the confusion side by side
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    bond = (shares + shares.T).astype(float)
    chains: dict[int, list[int]] = {k: [k] for k in range(len(confusion))}
    between, sizes = bond.copy(), np.ones(len(confusion))
    means = bond.copy()
    np.fill_diagonal(means, -np.inf)  # no chain is merged with itself or with one merged earlier
    is_merged = np.zeros(len(confusion), dtype=bool)
    while len(chains) > 1:
        i, j = sorted(int(index) for index in np.unravel_index(int(np.argmax(means)), means.shape))
        chains[i] = _join_chains(chains[i], chains.pop(j), bond)
        between[i] += between[j]
        between[:, i] = between[i]
        sizes[i] += sizes[j]
        is_merged[j] = True
        row = np.where(is_merged, -np.inf, between[i] / (sizes[i] * sizes))
        means[i], means[:, i] = row, row
        means[j], means[:, j], means[i, i] = -np.inf, -np.inf, -np.inf
    order = chains[0]
    return np.array(order if order.index(0) < len(order) / 2 else order[::-1], dtype=int)


def _join_chains(a: list[int], b: list[int], similarity: np.ndarray) -> list[int]:
    ways = [(x, y) for x in (a, a[::-1]) for y in (b, b[::-1])]
    x, y = max(ways, key=lambda way: similarity[way[0][-1], way[1][0]])
    return x + y
