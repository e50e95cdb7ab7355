"""One look: the colours of meaning, one plotly template, one matplotlib style.

The ground is transparent, so a figure stands on JupyterLab's light (#fff) and dark (#111) page alike. No single
grey reaches a contrast of 4.5 on both: the best is 4.35 on either. So text is NEUTRAL, 4.54 on white and 4.16 on
#111, and `figure.Figure` lets the page's own text colour replace it wherever a page offers one.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# categories (classes, methods): Okabe–Ito, in this order
CATEGORIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "star")

SOURCE, TARGET = "#0072B2", "#D55E00"
PRETRAINED, FINE_TUNED, FROM_SCRATCH = "#56B4E9", "#0072B2", "#999999"
GAIN, LOSS = "#009E73", "#D55E00"
TRAINING, VALIDATION = "#56B4E9", "#0072B2"
ATTENTION, FAILURE = "#E69F00", "#D32F2F"

NEUTRAL = "#767676"  # text and axes: contrast 4.54 on #fff, 4.16 on #111
RULE = "rgba(128,128,128,0.55)"  # zero lines, references
GRID = "rgba(128,128,128,0.22)"  # light grid
FROZEN, FROZEN_HATCH = "rgba(128,128,128,0.16)", "#8c8c8c"
BAND = 0.25  # opacity of an uncertainty band

FONT = "-apple-system, 'Segoe UI', 'Helvetica Neue', Helvetica, Arial, sans-serif"
TEXT, SMALL, HEADING = 12, 11, 15
WIDTH, WIDEST = 760, 900
EDGE = 10  # pixels from the figure's left edge to its title and first column
NAMES = {"ticks": "outside", "ticklen": 6, "tickcolor": "rgba(0,0,0,0)", "showline": False}  # an axis of names
HATCH = {"fgcolor": FROZEN_HATCH, "bgcolor": FROZEN, "fillmode": "replace", "size": 6, "solidity": 0.2}

_STOPS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"]
CIVIDIS = tuple((i / 9, colour) for i, colour in enumerate(_STOPS))
SIGNED = ((0.0, "#0072B2"), (0.25, "#7fb8d8"), (0.5, "#f7f7f7"), (0.75, "#f0b27f"), (1.0, "#D55E00"))


def category(index: int) -> str:
    """The colour of the category at `index`; past the eighth they repeat, and shape and label must tell."""
    return CATEGORIES[index % len(CATEGORIES)]


def faint(colour: str, opacity: float = BAND) -> str:
    """`colour` ("#rrggbb") at an opacity within 0..1, for bands and fills."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def ramp(share: float) -> str:
    """Cividis at `share` within 0..1, as "#rrggbb"; dark is little, bright is much."""
    share = min(max(float(share), 0.0), 1.0)
    for (low, dark), (high, bright) in itertools.pairwise(CIVIDIS):
        if share <= high:
            return _between(dark, bright, (share - low) / (high - low))
    return CIVIDIS[-1][1]


def _between(a: str, b: str, share: float) -> str:
    pairs = ((int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in pairs)


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb", 0 (black) .. 1 (white), as WCAG defines it."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    """WCAG contrast of two colours "#rrggbb", 1..21."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def on(colour: str) -> str:
    """Black or white, whichever reads better on `colour`."""
    return "#ffffff" if contrast("#ffffff", colour) >= contrast("#111111", colour) else "#111111"


def template() -> str:
    """Registers the plotly template once and gives its name."""
    from .plotly_import import go, pio

    if "workbench" not in pio.templates:
        pio.templates["workbench"] = go.layout.Template(layout=_layout())
    return "workbench"


def _layout() -> dict[str, Any]:
    axis = {
        "showgrid": False,
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": RULE,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": RULE,
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
            "pad": {"t": 10, "l": EDGE},
        },
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": list(CATEGORIES),
        "colorscale": {"sequential": list(CIVIDIS), "diverging": list(SIGNED)},
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
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": RULE, "activecolor": NEUTRAL},
    }


# text.parse_math: a class called "$x$" is text, not a formula
RC: dict[Any, Any] = {
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


@contextmanager
def matplotlib_style() -> Iterator[None]:
    """The matplotlib style, for as long as the block lasts; the person's own settings come back after it."""
    import matplotlib

    with matplotlib.rc_context(RC), warnings.catch_warnings():
        # a name may hold what the font lacks: a box stands for it, and there is nothing that a person should do
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield
