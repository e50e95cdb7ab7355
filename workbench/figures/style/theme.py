"""Theme of all figures: colors by meaning, one plotly template, one matplotlib style.

The background is transparent, so that a figure fits JupyterLab's light (#fff) and dark (#111) pages. No single gray has
a contrast of 4.5 on both: the best is 4.35 on either. Therefore text is NEUTRAL, 4.54 on white and 4.16 on #111, and
`figure.Figure` replaces it by the page's own text color wherever a page defines one.
"""

from __future__ import annotations

import itertools
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# colors of categories (classes, methods): Okabe–Ito, in this order
CATEGORIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "star")

SOURCE, TARGET = "#0072B2", "#D55E00"
PRETRAINED, FINE_TUNED, FROM_SCRATCH = "#56B4E9", "#0072B2", "#999999"
GAIN, LOSS = "#009E73", "#D55E00"
TRAINING, VALIDATION = "#56B4E9", "#0072B2"
ATTENTION, FAILURE = "#E69F00", "#D32F2F"

NEUTRAL = "#767676"  # text and axes: contrast 4.54 on #fff, 4.16 on #111
REFERENCE_COLOR = "rgba(128,128,128,0.55)"  # zero lines, reference lines
GRIDLINE_COLOR = "rgba(128,128,128,0.22)"  # grid lines
FROZEN, FROZEN_HATCH = "rgba(128,128,128,0.16)", "#8c8c8c"
BAND_OPACITY = 0.25  # opacity of an uncertainty band

FONT = "-apple-system, 'Segoe UI', 'Helvetica Neue', Helvetica, Arial, sans-serif"
TEXT, SMALL, HEADING = 12, 11, 15
WIDTH, WIDEST = 760, 900
TITLE_MARGIN = 10  # pixels from the figure's left edge to its title and first column
CATEGORY_AXIS = {"ticks": "outside", "ticklen": 6, "tickcolor": "rgba(0,0,0,0)", "showline": False}  # axis of names
HATCH = {"fgcolor": FROZEN_HATCH, "bgcolor": FROZEN, "fillmode": "replace", "size": 6, "solidity": 0.2}

_STOPS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"]
CIVIDIS = tuple((i / 9, color) for i, color in enumerate(_STOPS))
DIVERGING = ((0.0, "#0072B2"), (0.25, "#7fb8d8"), (0.5, "#f7f7f7"), (0.75, "#f0b27f"), (1.0, "#D55E00"))


def category_color(index: int) -> str:
    """Return the color of the category at `index`; colors repeat after the eighth, so marker and label must differ."""
    return CATEGORIES[index % len(CATEGORIES)]


def with_opacity(color: str, opacity: float = BAND_OPACITY) -> str:
    """Return `color` ("#rrggbb") at an opacity within 0..1, for bands and fills."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def cividis_color(fraction: float) -> str:
    """Return the color of cividis at `fraction` within 0..1, as "#rrggbb"; dark for low, bright for high."""
    fraction = min(max(float(fraction), 0.0), 1.0)
    for (low, dark), (high, bright) in itertools.pairwise(CIVIDIS):
        if fraction <= high:
            return _interpolate_hex(dark, bright, (fraction - low) / (high - low))
    return CIVIDIS[-1][1]


def _interpolate_hex(a: str, b: str, fraction: float) -> str:
    pairs = ((int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(x + (y - x) * fraction):02x}" for x, y in pairs)


def relative_luminance(color: str) -> float:
    """Compute the relative luminance of "#rrggbb", 0 (black) .. 1 (white), as WCAG defines it."""
    parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_ratio(a: str, b: str) -> float:
    """Compute the WCAG contrast ratio of two colors "#rrggbb", 1..21."""
    low, high = sorted((relative_luminance(a), relative_luminance(b)))
    return (high + 0.05) / (low + 0.05)


def text_color_on(color: str) -> str:
    """Return black or white, whichever has the higher contrast on `color`."""
    return "#ffffff" if contrast_ratio("#ffffff", color) >= contrast_ratio("#111111", color) else "#111111"


def register_template() -> str:
    """Register the plotly template once and return its name."""
    from workbench.figures.style.plotly_import import go, pio

    if "workbench" not in pio.templates:
        pio.templates["workbench"] = go.layout.Template(layout=_template_layout())
    return "workbench"


def _template_layout() -> dict[str, Any]:
    axis = {
        "showgrid": False,
        "gridcolor": GRIDLINE_COLOR,
        "zeroline": False,
        "linecolor": REFERENCE_COLOR,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": REFERENCE_COLOR,
        "tickfont": {"size": TEXT},
        "title": {"font": {"size": TEXT}, "standoff": 8},
        "automargin": False,
    }
    return {
        "font": {"family": FONT, "size": TEXT, "color": NEUTRAL},
        "title": {
            "font": {"size": HEADING, "weight": 600},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 10, "l": TITLE_MARGIN},
        },
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": list(CATEGORIES),
        "colorscale": {"sequential": list(CIVIDIS), "diverging": list(DIVERGING)},
        "xaxis": axis,
        "yaxis": axis,
        "annotationdefaults": {"borderpad": 0, "borderwidth": 0},
        "hoverlabel": {
            "bgcolor": "#333333",
            "bordercolor": "#333333",
            "font": {"family": FONT, "size": TEXT, "color": "#ffffff"},
            "align": "left",
            "namelength": -1,
        },
        "hovermode": "closest",
        "showlegend": False,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "font": {"size": TEXT}},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": REFERENCE_COLOR, "activecolor": NEUTRAL},
    }


# text.parse_math: a class named "$x$" is text, not a formula
MATPLOTLIB_RC: dict[Any, Any] = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"],
    "font.size": 9.0,
    "text.color": NEUTRAL,
    "text.parse_math": False,
    "axes.labelcolor": NEUTRAL,
    "axes.edgecolor": (0.5, 0.5, 0.5, 0.55),
    "xtick.color": NEUTRAL,
    "ytick.color": NEUTRAL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "workbench",
}


_STYLE_LOCK = threading.RLock()  # settings are global: two threads that draw would restore each other's


@contextmanager
def matplotlib_style() -> Iterator[None]:
    """Apply the matplotlib style inside a `with` block, in one thread at a time; the user's settings are restored."""
    import matplotlib

    with _STYLE_LOCK, matplotlib.rc_context(MATPLOTLIB_RC), warnings.catch_warnings():
        # a name may contain glyphs that the font lacks: a box replaces them, and no warning is needed
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield
