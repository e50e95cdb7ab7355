"""Tooltips of the settings: every one reaches the page."""

from __future__ import annotations

import html
import re

import ipywidgets
import pytest

import workbench as wb
from workbench.widgets import DiagnosisView, FilterViewer, Launcher, Results, SaliencyViewer, SimilarityMap, WorldDials
from workbench.widgets.components.tooltips import label_with_tooltip

SHOWN = (ipywidgets.HTML, ipywidgets.FloatProgress)  # values that nobody enters


def settings_of(widget):
    """All widgets inside that take an entry."""
    if isinstance(widget, ipywidgets.ValueWidget) and not isinstance(widget, SHOWN):
        yield widget
    for child in getattr(widget, "children", ()):
        yield from settings_of(child)


def tooltip_on_page(widget):
    """The title that the page shows: of the label, of the buttons, or of a control without a label."""
    if isinstance(widget, ipywidgets.ToggleButtons):
        return " ".join(widget.tooltips) if len(widget.tooltips) == len(widget.options) else ""
    title = re.search(r'title="([^"]+)"', widget.description)
    if title:
        return html.unescape(title[1]) if widget.description_allow_html else ""
    return widget.tooltip if not widget.description or isinstance(widget, ipywidgets.ToggleButton) else ""


def test_a_label_escapes_its_texts():
    made = ipywidgets.Text(**label_with_tooltip("<b>share</b>", 'in "percent" & more'))
    assert "<b>" not in made.description and made.tooltip == tooltip_on_page(made) == 'in "percent" & more'


@pytest.mark.parametrize(
    "make", [DiagnosisView, FilterViewer, Launcher, Results, SaliencyViewer, SimilarityMap, lambda: WorldDials(64)]
)
def test_every_setting_of_a_view_has_a_tooltip(make):
    view = make()
    found = list(settings_of(view))
    assert found and [w.description for w in found if not tooltip_on_page(w)] == []


def test_every_setting_of_the_workbench_has_a_tooltip():
    bench = wb.Workbench()
    for tab in bench.tabs.values():
        bench.show_tab(tab.title)
        tab.wait(60)
    found = list(settings_of(bench))
    assert len(found) > 20 and [w.description for w in found if not tooltip_on_page(w)] == []
    buttons = [w for tab in bench.tabs.values() for w in walk(tab.box) if isinstance(w, ipywidgets.Button)]
    assert buttons and [b.description for b in buttons if not b.tooltip] == []


def walk(widget):
    """A widget and all widgets inside."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)
