"""Figure view: the static picture of a figure, whose cells and bars can be clicked."""

from __future__ import annotations

from typing import Any

import traitlets

from workbench.figures.rendering.inline_html import inline_svg
from workbench.widgets.base import Panel, bundle_script


class FigureView(Panel):
    """Static picture of a figure; a click on a cell or a bar selects it, and a second click deselects it.

    Attributes:
        svg: the picture; empty for none.
        hint: effect of a click, shown under the picture; empty if nothing can be clicked.
        selected: names of the selected region, such as `{"row": "coat", "column": "shirt"}` of a cell and
            `{"category": "coat", "series": "recall"}` of a bar; empty for none.
    """

    _esm = bundle_script("figure_view.mjs")

    svg = traitlets.Unicode("").tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)
    selected = traitlets.Dict().tag(sync=True)

    def show(self, figure: Any, hint: str = "") -> None:
        """Show another figure, with nothing selected.

        Args:
            figure: a `Figure`, or an `ImageFigure` of images.
            hint: effect of a click on a cell or a bar; empty if they cannot be clicked.
        """
        svg = inline_svg(figure)
        self.selected = {}
        self.hint, self.svg = hint, svg

    def clear(self) -> None:
        """Show nothing."""
        self.svg, self.hint, self.selected = "", "", {}
