"""Tables, thumbnails and figures as HTML: right, and never markup from names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.figures import confusion_matrix, image_grid
from workbench.figures.rendering.inline_html import inline_svg
from workbench.metrics import Evaluation
from workbench.widgets.components import html_charts

EVIL = '<img src=x onerror="alert(1)">'


def test_metrics_are_a_table():
    p = np.array([[0.9, 0.1], [0.9, 0.1]])
    drawn = html_charts.render_metrics(Evaluation(np.array(["a", "b"]), np.array([0, 1]), p, ("x", "y")))
    assert "<tr><th>accuracy</th><td>50.0 %</td></tr>" in drawn and "<tr><th>images</th><td>2</td></tr>" in drawn


def test_a_figure_is_its_own_svg():
    figure = confusion_matrix(np.array([[3, 1], [0, 2]]), [EVIL, "b"])
    assert html_charts.render_figure(figure) == f'<div class="wb-drawn">{inline_svg(figure)}</div>'
    assert "<img src=x" not in html_charts.render_figure(figure)
    images = image_grid([np.zeros((8, 8, 3), np.uint8)] * 2, [EVIL, "b"], title="Two images")
    drawn = html_charts.render_figure(images)
    assert 'aria-label="Two images"' in drawn and drawn.count("<image") == 2 and "<img src=x" not in drawn


def test_thumbnails_and_tables_escape_names_too():
    picture = np.zeros((4, 4, 3), np.uint8)
    counts = pd.DataFrame({"train": [1234]}, index=pd.Index([EVIL]))
    for drawn in (html_charts.render_table(counts), html_charts.render_thumbnails([picture], [EVIL])):
        assert "<img src=x" not in drawn
        assert "<b>" not in drawn
    assert "1,234" in html_charts.render_table(counts)
