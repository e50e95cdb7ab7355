"""A figure in a page: its own picture, with regions that can be clicked."""

from __future__ import annotations

import numpy as np

from workbench.figures import confusion_matrix
from workbench.figures.rendering.inline_html import inline_svg
from workbench.widgets.components.figure_view import FigureView

FIGURE = confusion_matrix(np.array([[3, 1], [0, 2]]), ["coat", "shirt"])


def test_the_picture_is_the_figure_s_own():
    view = FigureView()
    view.show(FIGURE, "Click a cell.")
    assert view.svg == inline_svg(FIGURE) and view.hint == "Click a cell."
    assert 'data-row="coat" data-column="shirt"' in view.svg
    view.show(FIGURE)
    assert view.hint == ""


def test_a_click_reaches_python_and_another_figure_forgets_it():
    view, heard = FigureView(), []
    view.show(FIGURE, "Click a cell.")
    view.observe(lambda change: heard.append(change.new), "selected")
    view.set_state({"selected": {"row": "coat", "column": "shirt"}})  # as the page sets it
    view.show(FIGURE, "Click a cell.")
    assert heard == [{"row": "coat", "column": "shirt"}, {}]
    view.clear()
    assert view.svg == "" and view.selected == {}
