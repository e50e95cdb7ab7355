import re
import xml.etree.ElementTree as ET

import numpy as np
import plotly.graph_objects as go
import pytest

from workbench.figures import confusion_matrix, precision_recall_bars
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style.markup import escape_markup

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]


def test_size_and_text_are_those_of_the_figure():
    figure = create_figure("The answer", plot_height=200, width=600, subtitle="below")
    figure.add_scatter(x=[0, 10], y=[0, 5], mode="lines+markers", name="a")
    figure.update_xaxes(title_text="epoch")
    root = ET.fromstring(figure.to_svg())
    assert (root.get("width"), root.get("height")) == (str(figure.layout.width), str(figure.layout.height))
    assert {"The answer", "below", "epoch", "10"} <= set(texts(figure.to_svg()))


def test_hostile_names_are_text(evil):
    figure = create_figure("title", plot_height=200)
    figure.add_bar(x=[1] * len(evil), y=list(range(len(evil))), orientation="h", text=[escape_markup(n) for n in evil])
    figure.data[0].textposition = "outside"
    figure.update_yaxes(tickvals=list(range(len(evil))), ticktext=[escape_markup(n) for n in evil])
    svg = figure.to_svg()
    assert texts(svg).count(evil[0]) == 2 and texts(svg).count(evil[3]) == 2
    assert "<img" not in svg and "<a" not in svg and "<script" not in svg


def test_the_same_figure_gives_the_same_still():
    made = [
        create_figure("t", plot_height=120).add_bar(x=[1, 2], y=[3, 4], marker_pattern_shape="/").to_svg()
        for _ in range(2)
    ]
    assert made[0] == made[1]


def test_packed_arrays_and_large_maps_are_drawn_small():
    figure = Figure(go.Heatmap(z=np.random.default_rng(0).random((60, 60))))
    svg = figure.to_svg()
    assert svg is not None and "<image" in svg and len(svg) < 200_000


def test_a_logarithmic_axis_and_its_annotation():
    figure = create_figure("t", plot_height=200)
    figure.add_scatter(x=[1, 1000], y=[0, 1], mode="markers")
    figure.add_annotation(x=2, y=0.5, text="hundred", showarrow=False)
    figure.update_xaxes(type="log", range=[0, 3], tickvals=[1, 1000], ticktext=["one", "thousand"])
    root = ET.fromstring(figure.to_svg())
    places = {"".join(t.itertext()): t for t in root.iter(f"{SVG}text")}
    across = {name: float(places[name].get("x")) for name in places if name}
    assert across["one"] < across["hundred"] < across["thousand"]


@pytest.mark.parametrize(
    "trace", [go.Pie(values=[1, 2]), go.Scatter(x=["monday", "tuesday"], y=[1, 2]), go.Histogram(x=[1, 2])]
)
def test_what_it_cannot_draw_has_no_still_and_no_exception(trace):
    assert Figure(trace).to_svg() is None


def test_text_takes_the_pages_colour():
    assert "var(--jp-content-font-color1" in create_figure("t", plot_height=100).to_svg()


def test_a_rectangle_beside_the_axes_is_drawn_where_plotly_draws_it():
    figure = create_figure("t", plot_height=100, width=400, left=100, right=200).add_heatmap(z=[[1.0]], showscale=False)
    figure.add_shape(type="rect", xref="paper", x0=1.5, x1=2, y0=-0.5, y1=0.5, fillcolor="#D55E00", line={"width": 0})
    path = next(p for p in ET.fromstring(figure.to_svg()).iter(f"{SVG}path") if "#d55e00" in p.get("style", ""))
    xs = [float(number) for number in re.findall(r"[ML] ([\d.]+) ", path.get("d", ""))]
    assert min(xs) == pytest.approx((100 + 150) * 0.72, abs=0.1) and max(xs) == pytest.approx(300 * 0.72, abs=0.1)
    assert path.get("clip-path") is None


def regions(svg: str) -> list[dict[str, str]]:
    group = ET.fromstring(svg).find(f"{SVG}g[@class='wb-regions']")
    return [] if group is None else [dict(node.attrib, title=node.findtext(f"{SVG}title") or "") for node in group]


def test_every_cell_has_a_region_with_its_names(evil):
    svg = confusion_matrix(np.arange(25).reshape(5, 5), evil, cluster_classes=False).to_svg()
    found = regions(svg)
    assert [(r["data-row"], r["data-column"]) for r in found] == [(a, b) for a in evil for b in evil]
    assert found[1]["title"].startswith(f"{evil[0]} taken for {evil[1]}")
    assert len({(r["width"], r["height"]) for r in found}) == 1
    # in the order of reading: columns to the right, rows downwards
    assert float(found[0]["x"]) < float(found[1]["x"]) and float(found[0]["y"]) < float(found[5]["y"])
    assert "<img" not in svg and "<b>" not in svg


def test_every_bar_has_a_region_even_of_length_0(evil, per_class_frame):
    frame = per_class_frame.assign(**{"class": evil[:3], "recall": [0.8, 0.0, 0.9]})
    found = {(r["data-category"], r["data-series"]): r for r in regions(precision_recall_bars(frame).to_svg())}
    assert set(found) == {(name, series) for name in evil[:3] for series in ("recall", "precision")}
    widths = {name: float(found[name, "recall"]["width"]) for name in evil[:3]}
    assert widths[evil[1]] == pytest.approx(24 * 0.72)
    assert widths[evil[0]] / widths[evil[2]] == pytest.approx(0.8 / 0.9, rel=1e-3)
    assert found[evil[1], "recall"]["title"].endswith("recall 0.0 %")


def test_names_of_regions_are_the_ticks_where_the_trace_has_none():
    figure = Figure(go.Bar(x=[0, 1], y=[2, 3])).update_xaxes(tickvals=[0, 1], ticktext=["a", "&lt;b&gt;"])
    assert [r["data-category"] for r in regions(figure.to_svg())] == ["a", "<b>"]
    numbered = Figure(go.Heatmap(z=[[1, None], [2, 3]]))
    cells = [(r["data-row"], r["data-column"]) for r in regions(numbered.to_svg())]
    assert cells == [("0", "0"), ("1", "0"), ("1", "1")]


def test_a_matrix_of_many_classes_has_regions_of_what_happened_only():
    counts = np.eye(70, dtype=int)
    counts[3, 5] = 2
    assert len(regions(confusion_matrix(counts).to_svg())) == 71
    assert regions(confusion_matrix(np.eye(120, dtype=int)).to_svg()) == []
