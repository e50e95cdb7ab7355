import xml.etree.ElementTree as ET

import numpy as np
import plotly.graph_objects as go
import pytest

from workbench.figures.figure import Figure, page
from workbench.figures.words import plain

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]


def test_size_and_text_are_those_of_the_figure():
    figure = page("The answer", inner=200, width=600, subtitle="below")
    figure.add_scatter(x=[0, 10], y=[0, 5], mode="lines+markers", name="a")
    figure.update_xaxes(title_text="epoch")
    root = ET.fromstring(figure.still())
    assert (root.get("width"), root.get("height")) == (str(figure.layout.width), str(figure.layout.height))
    assert {"The answer", "below", "epoch", "10"} <= set(texts(figure.still()))


def test_hostile_names_are_text(evil):
    figure = page("title", inner=200)
    figure.add_bar(x=[1] * len(evil), y=list(range(len(evil))), orientation="h", text=[plain(n) for n in evil])
    figure.data[0].textposition = "outside"
    figure.update_yaxes(tickvals=list(range(len(evil))), ticktext=[plain(n) for n in evil])
    svg = figure.still()
    assert texts(svg).count(evil[0]) == 2 and texts(svg).count(evil[3]) == 2
    assert "<img" not in svg and "<a" not in svg and "<script" not in svg


def test_the_same_figure_gives_the_same_still():
    made = [page("t", inner=120).add_bar(x=[1, 2], y=[3, 4], marker_pattern_shape="/").still() for _ in range(2)]
    assert made[0] == made[1]


def test_packed_arrays_and_large_maps_are_drawn_small():
    figure = Figure(go.Heatmap(z=np.random.default_rng(0).random((60, 60))))
    svg = figure.still()
    assert svg is not None and "<image" in svg and len(svg) < 200_000


def test_a_logarithmic_axis_and_its_annotation():
    figure = page("t", inner=200)
    figure.add_scatter(x=[1, 1000], y=[0, 1], mode="markers")
    figure.add_annotation(x=2, y=0.5, text="hundred", showarrow=False)
    figure.update_xaxes(type="log", range=[0, 3], tickvals=[1, 1000], ticktext=["one", "thousand"])
    root = ET.fromstring(figure.still())
    places = {"".join(t.itertext()): t for t in root.iter(f"{SVG}text")}
    across = {name: float(places[name].get("x")) for name in places if name}
    assert across["one"] < across["hundred"] < across["thousand"]


@pytest.mark.parametrize(
    "trace", [go.Pie(values=[1, 2]), go.Scatter(x=["monday", "tuesday"], y=[1, 2]), go.Histogram(x=[1, 2])]
)
def test_what_it_cannot_draw_has_no_still_and_no_exception(trace):
    assert Figure(trace).still() is None


def test_text_takes_the_pages_colour():
    assert "var(--jp-content-font-color1" in page("t", inner=100).still()
