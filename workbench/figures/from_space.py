"""Points in space as they fall on a page, for the stills."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import style
from .marks import numbers

# right and up on the page, as plotly looks at a space until it is turned
EYE = np.array([[-1, 1, 0], [-1, -1, 2]]) / np.sqrt([[2], [6]])


def flattened(traces: list[dict[str, Any]], layout: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Points in space as they fall on the page, alike in scale."""
    flat, every = [], []
    for trace in traces:
        across, up = EYE @ np.stack([np.asarray(numbers(trace[axis]), dtype=float) for axis in "xyz"])
        flat.append({**{k: v for k, v in trace.items() if k != "z"}, "type": "scatter", "x": across, "y": up})
        every.append([across, up])
    points = np.concatenate(every, axis=1)
    low, high = points.min(1), points.max(1)
    margin, middle = layout.get("margin", {}), (low + high) / 2
    width = float(layout.get("width") or style.WIDTH) - margin.get("l", 80) - margin.get("r", 80)
    height = float(layout.get("height") or 450) - margin.get("t", 100) - margin.get("b", 80)
    half = max(high[1] - low[1], (high[0] - low[0]) * height / width) * 0.54 or 1.0
    bare = {"showticklabels": False, "ticks": "", "showgrid": False}
    ranges = {"x": half * width / height, "y": half}
    axes = {
        f"{name}axis": {**bare, "range": [float(mid - reach), float(mid + reach)]}
        for (name, reach), mid in zip(ranges.items(), middle, strict=True)
    }
    return flat, {**layout, **axes}
