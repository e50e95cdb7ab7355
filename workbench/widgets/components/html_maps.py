"""Texts about saliency maps and feature visualizations, and views of several nets side by side, as HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from workbench.formatting import format_percent, to_data_uri

ENLARGED_SIZE = 224  # pixels; that of the image when it is finished


def render_side_by_side(texts: Mapping[str, str]) -> str:
    """Render the same view of several nets side by side, each under its name."""
    parts = [f'<div><p class="wb-quiet">{html.escape(name)}</p>{text}</div>' for name, text in texts.items()]
    return f'<div class="wb-beside">{"".join(parts)}</div>'


def render_faithfulness(result: Any) -> str:
    """Describe deletion and insertion in one paragraph."""
    chance = result.scores[["chance_deletion", "chance_insertion"]].mean()
    is_faithful = result.insertion - result.deletion > chance.iloc[1] - chance.iloc[0] + 0.02
    words = "These maps are more faithful than chance" if is_faithful else "These maps are no more faithful than chance"
    numbers = (
        f"deleting the highlighted pixels leaves the class a probability of {format_percent(result.deletion)} "
        f"(at random {format_percent(float(chance.iloc[0]))}), inserting them alone gives "
        f"{format_percent(result.insertion)} (at random {format_percent(float(chance.iloc[1]))})."
    )
    return f"<p>{words}: {numbers}</p>"


def render_unfinished(picture: np.ndarray) -> str:
    """Render the image of an optimization under way, with values in 0..1, enlarged."""
    square = Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8))
    pixels = np.asarray(square.resize((ENLARGED_SIZE, ENLARGED_SIZE), Image.Resampling.BICUBIC))
    return f'<img class="wb-sheet" src="{to_data_uri(pixels)}" alt="the image so far">'


def describe_visualization(result: Any) -> str:
    """Describe a feature visualization in one line: the unit, and its activation at the first and last step."""
    first, last = float(result.history[0].mean()), float(result.history[-1].mean())
    after = "" if result.is_complete else f", stopped after {len(result.history)} steps"
    return f"Feature visualization of {', '.join(result.unit_names)}: activation {first:.2f} to {last:.2f}{after}"
