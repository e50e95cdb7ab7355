"""Tables, thumbnails, headings and figures as HTML for a page; all names are escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from workbench.figures.rendering.inline_html import inline_svg
from workbench.formatting import format_percent, to_data_uri
from workbench.metrics import Evaluation


def render_metrics(evaluation: Evaluation) -> str:
    """Render accuracy, balanced accuracy, calibration error and loss as a table."""
    rows = [
        ("images", f"{len(evaluation.ids):,}"),
        ("accuracy", format_percent(evaluation.accuracy)),
        ("balanced accuracy", format_percent(evaluation.balanced_accuracy)),
        ("calibration error", f"{evaluation.calibration_error:.3f}"),
        ("loss", f"{evaluation.loss:.3f}"),
    ]
    cells = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
    return f'<table class="wb-table wb-metrics">{cells}</table>'


def render_figure(figure: Any) -> str:
    """Render a figure as its static SVG.

    Args:
        figure: a `Figure`, or an `ImageFigure` of images.
    """
    return f'<div class="wb-drawn">{inline_svg(figure)}</div>'


def render_thumbnails(pictures: Iterable[np.ndarray], captions: Iterable[str]) -> str:
    """Render images of one size, each with its caption."""
    cells = (
        _render_thumbnail(picture, html.escape(text), text) for picture, text in zip(pictures, captions, strict=True)
    )
    return f'<div class="wb-thumbs">{"".join(cells)}</div>'


def render_table(frame: Any) -> str:
    """Render a frame of words and whole numbers as a table, with its index as first column."""
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in ["", *frame.columns])
    rows = "".join(
        _render_table_row(index, row) for index, row in zip(frame.index, frame.itertuples(index=False), strict=True)
    )
    return f'<table class="wb-table wb-counts"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def render_heading(text: str) -> str:
    """Render a heading that states the result."""
    return f'<h4 class="wb-answer">{html.escape(text)}</h4>'


def _render_thumbnail(picture: np.ndarray, caption: str, tooltip: str) -> str:
    image = f'<img src="{to_data_uri(picture)}" alt="{html.escape(tooltip)}" title="{html.escape(tooltip)}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _render_table_row(index: Any, row: Sequence[Any]) -> str:
    name = " · ".join(map(str, index)) if isinstance(index, tuple) else str(index)
    cells = "".join(
        f"<td>{html.escape(f'{value:,}' if isinstance(value, (int, np.integer)) else str(value))}</td>" for value in row
    )
    return f"<tr><th>{html.escape(name)}</th>{cells}</tr>"
