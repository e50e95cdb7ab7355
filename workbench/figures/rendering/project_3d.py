"""Projection of points in 3D onto the page, for the static SVG."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.figures.rendering.matplotlib_marks import to_floats
from workbench.figures.style import theme

# directions to the right and up on the page in plotly's initial view
VIEW_AXES = np.array([[-1, 1, 0], [-1, -1, 2]]) / np.sqrt([[2], [6]])


def project_traces(traces: list[dict[str, Any]], layout: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Project 3D traces onto the page, with one scale for both axes; return the 2D traces and the layout."""
    flat, coordinates = [], []
    for trace in traces:
        across, up = VIEW_AXES @ np.stack([np.asarray(to_floats(trace[axis]), dtype=float) for axis in "xyz"])
        flat.append({**{k: v for k, v in trace.items() if k != "z"}, "type": "scatter", "x": across, "y": up})
        coordinates.append([across, up])
    points = np.concatenate(coordinates, axis=1)
    low, high = points.min(1), points.max(1)
    margin, middle = layout.get("margin", {}), (low + high) / 2
    width = float(layout.get("width") or theme.WIDTH) - margin.get("l", 80) - margin.get("r", 80)
    height = float(layout.get("height") or 450) - margin.get("t", 100) - margin.get("b", 80)
    half = max(high[1] - low[1], (high[0] - low[0]) * height / width) * 0.54 or 1.0
    no_ticks = {"showticklabels": False, "ticks": "", "showgrid": False}
    ranges = {"x": half * width / height, "y": half}
    axes = {
        f"{name}axis": {**no_ticks, "range": [float(center - half_range), float(center + half_range)]}
        for (name, half_range), center in zip(ranges.items(), middle, strict=True)
    }
    return flat, {**layout, **axes}
