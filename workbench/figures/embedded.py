"""Figures and pictures inside a page of HTML that has nothing beside it: no script, no network, no file."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re

import numpy as np

from .figure import Figure, title_of

_ID = re.compile(r'(\bid="|url\(#|href="#)')


def in_page(figure: Figure) -> str:
    """A figure's still as SVG that stands among others: no style that reaches beyond it, no name of another's.

    Its text takes the page's `--jp-content-font-color1`, where there is one. A figure without a still is its title.
    """
    told, text = html.escape(title_of(figure)), figure.still()
    if text is None:
        return f"<p>{told}</p>"
    text = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r' id="(figure|patch|axes|text|line2d|matplotlib\.axis|[xy]tick)_\d+"', "", text)
    mark = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    text = _ID.sub(lambda found: f"{found[1]}f{mark}-", text)
    style = "stroke-linejoin: round; stroke-linecap: butt"
    return text.replace("<svg", f'<svg class="wb-figure" role="img" aria-label="{told}" style="{style}"', 1)


def data_uri(picture: np.ndarray) -> str:
    """A picture, uint8 (H, W, 3) or (H, W), as a PNG in an address."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
