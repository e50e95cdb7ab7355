"""A column as colours: a code for every point, and what each code looks like and is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.figures import style

STEPS = 64  # of a ramp
MOST = 1000  # names of a palette; of more values than that, the rest are one
MEANT = {
    "right": style.GAIN,
    "wrong": style.LOSS,
    "train": style.TRAINING,
    "valid": style.VALIDATION,
    "test": "#E69F00",
}
DOMAINS = (style.SOURCE, style.TARGET, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#F0E442", "#999999")


@dataclass(frozen=True)
class Coloured:
    """Codes (N,) uint16 and the palette: colours and shapes by code; names and counts, or the ends of a ramp."""

    codes: np.ndarray
    palette: dict[str, Any]


def coloured(values: Any, count: int) -> Coloured:
    """Colours of a column (N,): numbers that are not whole by a ramp, anything else by category; None is one colour."""
    if values is None:
        return Coloured(np.zeros(count, np.uint16), _categories([""], [count], [style.CATEGORIES[0]]))
    held = np.asarray(values)
    if held.dtype.kind == "f":
        return _ramp(held)
    codes, kinds = pd.factorize(held, use_na_sentinel=False)
    numbers = np.asarray(kinds).dtype.kind in "iub"
    order = np.argsort(kinds if numbers else np.array([str(k) for k in kinds]), kind="stable")
    codes = np.argsort(order)[codes]
    names, counts = (
        ["unknown" if pd.isna(kinds[k]) else str(kinds[k]) for k in order],
        np.bincount(codes, minlength=len(kinds)),
    )
    if len(names) > MOST:
        common = np.sort(np.argsort(-counts, kind="stable")[:MOST])
        place = np.full(len(names), MOST)
        place[common] = np.arange(MOST)
        names = [*(names[k] for k in common), "all others"]
        codes, counts = place[codes], np.append(counts[common], counts.sum() - counts[common].sum())
    wheel = DOMAINS if getattr(values, "name", "") == "domain" else style.CATEGORIES
    colours = [MEANT.get(n, wheel[at % len(wheel)]) for at, n in enumerate(names)]
    return Coloured(codes.astype(np.uint16), _categories(names, counts.tolist(), colours))


def _categories(names: list[str], counts: list[int], colours: list[str]) -> dict[str, Any]:
    shapes = [at // len(style.CATEGORIES) % 4 for at in range(len(names))]
    return {"names": names, "counts": counts, "colours": colours, "shapes": shapes, "ends": []}


def _ramp(values: np.ndarray) -> Coloured:
    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 1.0)
    share = np.where(known, (values - low) / ((high - low) or 1.0), 0)
    codes = np.where(known, np.round(share * (STEPS - 1)), STEPS).astype(np.uint16)
    colours = [style.ramp(k / (STEPS - 1)) for k in range(STEPS)] + ["#999999"]
    ends = [f"{low:.3g}", f"{high:.3g}"]
    return Coloured(codes, {"names": [], "counts": [], "colours": colours, "shapes": [0] * (STEPS + 1), "ends": ends})
