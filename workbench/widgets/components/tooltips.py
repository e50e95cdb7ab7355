"""Labels with tooltips for the settings that are plain ipywidgets.

ipywidgets 8 passes the tooltip of a text field, a dropdown or a checkbox to the page only if it has no description.
Here the label carries the tooltip itself, as the title of an HTML element; a test in the browser checks this.
"""

from __future__ import annotations

import html
from typing import Any


def label_with_tooltip(label: str, tooltip: str) -> dict[str, Any]:
    """Build the arguments of an ipywidget that label it, with a tooltip that reaches the page.

    Args:
        label: text beside or above the control.
        tooltip: description of the setting, with its unit.
    """
    return {
        "description": render_label(label, tooltip),
        "description_allow_html": True,
        "tooltip": tooltip,
        "style": {"description_width": "auto"},
    }


def render_label(label: str, tooltip: str) -> str:
    """Render a label as HTML whose title is the tooltip."""
    return f'<span title="{html.escape(tooltip)}">{html.escape(label)}</span>'
