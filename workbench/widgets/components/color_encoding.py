"""Color encoding of a column: one code per point, and the color and name of each code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.figures.style import theme

RAMP_STEPS = 64  # colors of a ramp
MAX_CATEGORIES = 1000  # categories of a palette; rarer values beyond it share one
FIXED_COLORS = {
    "right": theme.GAIN,
    "wrong": theme.LOSS,
    "train": theme.TRAINING,
    "valid": theme.VALIDATION,
    "test": "#E69F00",
}
DOMAIN_COLORS = (theme.SOURCE, theme.TARGET, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#F0E442", "#999999")


@dataclass(frozen=True)
class ColorEncoding:
    """Codes (N,) uint16 and their palette: colors and shapes by code, with names and counts, or the ends of a ramp."""

    codes: np.ndarray
    palette: dict[str, Any]


def encode_colors(values: Any, n_points: int) -> ColorEncoding:
    """Encode a column (N,) as colors: floats by a ramp, other values by category; None is one color for all."""
    if values is None:
        return ColorEncoding(
            np.zeros(n_points, np.uint16), _build_category_palette([""], [n_points], [theme.CATEGORIES[0]])
        )
    column = np.asarray(values)
    if column.dtype.kind == "f":
        return _encode_ramp(column)
    codes, kinds = pd.factorize(column, use_na_sentinel=False)
    numbers = np.asarray(kinds).dtype.kind in "iub"
    order = np.argsort(kinds if numbers else np.array([str(k) for k in kinds]), kind="stable")
    codes = np.argsort(order)[codes]
    names, counts = (
        ["unknown" if pd.isna(kinds[k]) else str(kinds[k]) for k in order],
        np.bincount(codes, minlength=len(kinds)),
    )
    if len(names) > MAX_CATEGORIES:
        common = np.sort(np.argsort(-counts, kind="stable")[:MAX_CATEGORIES])
        position = np.full(len(names), MAX_CATEGORIES)
        position[common] = np.arange(MAX_CATEGORIES)
        names = [*(names[k] for k in common), "all others"]
        codes, counts = position[codes], np.append(counts[common], counts.sum() - counts[common].sum())
    wheel = DOMAIN_COLORS if getattr(values, "name", "") == "domain" else theme.CATEGORIES
    colors = [FIXED_COLORS.get(n, wheel[k % len(wheel)]) for k, n in enumerate(names)]
    return ColorEncoding(codes.astype(np.uint16), _build_category_palette(names, counts.tolist(), colors))


def _build_category_palette(names: list[str], counts: list[int], colors: list[str]) -> dict[str, Any]:
    shapes = [k // len(theme.CATEGORIES) % 4 for k in range(len(names))]
    return {"names": names, "counts": counts, "colours": colors, "shapes": shapes, "ends": []}


def _encode_ramp(values: np.ndarray) -> ColorEncoding:
    is_finite = np.isfinite(values)
    low, high = (float(values[is_finite].min()), float(values[is_finite].max())) if is_finite.any() else (0.0, 1.0)
    fraction = np.where(is_finite, (values - low) / ((high - low) or 1.0), 0)
    codes = np.where(is_finite, np.round(fraction * (RAMP_STEPS - 1)), RAMP_STEPS).astype(np.uint16)
    colors = [theme.cividis_color(k / (RAMP_STEPS - 1)) for k in range(RAMP_STEPS)] + ["#999999"]
    ends = [f"{low:.3g}", f"{high:.3g}"]
    return ColorEncoding(
        codes, {"names": [], "counts": [], "colours": colors, "shapes": [0] * (RAMP_STEPS + 1), "ends": ends}
    )
