"""Figures and images inlined in a self-contained HTML page: no script, no network, no other file."""

from __future__ import annotations

import hashlib
import html
import re
from typing import Any

from workbench.figures.rendering.figure import Figure, alt_text

_ID = re.compile(r'(\bid="|url\(#|href="#)')


def inline_svg(figure: Any) -> str:
    """Return a figure as SVG that can be inlined beside others: no global style, no id shared with another figure.

    Its text takes the page's `--jp-content-font-color1`, if defined. A figure that has no SVG is replaced by its title.

    Args:
        figure: a `Figure`, or an `ImageFigure` of images.
    """
    title = alt_text(figure) if isinstance(figure, Figure) else figure.texts[0].get_text() if figure.texts else "images"
    label, text = html.escape(title), figure.to_svg()
    if text is None:
        return f"<p>{label}</p>"
    text = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r' id="(figure|patch|axes|text|line2d|matplotlib\.axis|[xy]tick)_\d+"', "", text)
    mark = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    text = _ID.sub(lambda match: f"{match[1]}f{mark}-", text)
    style = "stroke-linejoin: round; stroke-linecap: butt"
    return text.replace("<svg", f'<svg class="wb-figure" role="img" aria-label="{label}" style="{style}"', 1)
