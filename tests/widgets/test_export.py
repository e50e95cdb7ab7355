"""Every view inside, exported to one HTML page: its figure is there without a kernel, a network or a script."""

from __future__ import annotations

import re

import nbformat
import plotly.io as pio
import pytest
from nbconvert import HTMLExporter

import workbench as wb
from tests.widgets.conftest import without_error as settled
from workbench.widgets import EmbeddingExplorer, FilterViewer, SaliencyViewer, SimilarityMap


@pytest.fixture
def nets(tiny):
    kinds = ["<b>left</b>", "middle 🐈", "right"]
    return {"before": tiny("test_resnet", kinds, 64), "after": tiny("test_resnet", kinds, 64, seed=1)}


def exported(figure):
    """The page that a notebook with this figure becomes."""
    bundle = figure._repr_mimebundle_() if hasattr(figure, "_repr_mimebundle_") else None
    data = bundle if isinstance(bundle, dict) else {"image/png": as_text(figure._repr_png_())}
    output = nbformat.v4.new_output("display_data", data=data)
    cell = nbformat.v4.new_code_cell("view.figure()", outputs=[output])
    return HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))[0]


def as_text(png):
    import base64

    return base64.b64encode(png).decode()


def drawn(page):
    """The pictures of the page's one output, and how much there is of them."""
    output = page[page.index("jp-RenderedHTMLCommon" if "jp-RenderedImage" not in page else "jp-RenderedImage") :]
    png = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    svg = re.findall(r"<svg.*?</svg>|data:image/svg\+xml;base64,[^\"]+", output, flags=re.S)
    return [*png, *svg]


def test_every_view_s_figure_is_in_the_page(nets, toy, monkeypatch):
    monkeypatch.setattr(pio.renderers, "default", "plotly_mimetype")
    names = ["<b>left</b>", "middle 🐈", "right"]
    labelled = wb.load_images(([toy.pixels(k, 16) for k in range(24)], [names[k % 3] for k in range(24)]))
    views = {
        "saliency": SaliencyViewer(nets["before"], labelled, split=None),
        "filters": FilterViewer(nets, labelled, split=None),
        "similarity": SimilarityMap(nets, labelled, split=None),
        "embedding": EmbeddingExplorer(nets["before"], labelled),
        "embedding in space": EmbeddingExplorer(nets["before"], labelled, dimensions=3),
    }
    for name, view in views.items():
        page = exported(settled(view).figure())
        pictures = drawn(page)
        assert pictures and max(map(len, pictures)) > 3000, f"{name} shows nothing in the page"
        assert "<b>left</b>" not in "".join(p for p in pictures if p.startswith("<svg")), name
    views["filters"].view.value = "filter drift"
    views["saliency"].method.value = "eigen-cam"
    for name in ("filters", "saliency"):
        assert drawn(exported(settled(views[name]).figure()))


def test_points_in_space_are_seen_as_plotly_sees_them():
    import numpy as np

    from workbench.figures.rendering.project_3d import project_traces

    corner = {"type": "scatter3d", "x": [1, 0, 0], "y": [0, 1, 0], "z": [0, 0, 1]}
    (seen,), layout = project_traces([corner], {"width": 680, "height": 560})
    x, y = np.array(seen["x"]), np.array(seen["y"])
    assert x[0] < 0 < x[1] and x[2] == pytest.approx(0), "x points to the left, y to the right, z up"
    assert y[0] == pytest.approx(y[1]) and y[2] > 0 > y[0]
    assert seen["type"] == "scatter" and "z" not in seen
    wide, tall = (np.ptp(layout[f"{a}axis"]["range"]) for a in "xy")
    assert wide / tall == pytest.approx((680 - 160) / (560 - 180)), "alike in scale"
