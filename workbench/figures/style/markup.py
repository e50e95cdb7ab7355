"""Escaping of text that comes from data in plotly figures, and the visible text of a figure."""

from __future__ import annotations

import html
import re

_TAG = re.compile(r"<[^<>]*>")


def escape_markup(text: object) -> str:
    """Escape `text` so that plotly shows it literally: no tag, link, entity, formula or template takes effect."""
    escaped = html.escape(str(text), quote=False).replace("$", "&#36;").replace("%{", "&#37;{")
    return " ".join(escaped.split())


def strip_markup(text: str) -> str:
    """Return the visible text of a plotly text: tags removed, <br> as line break, entities resolved."""
    return html.unescape(_TAG.sub("", re.sub(r"<br[^<>]*>", "\n", text)))
