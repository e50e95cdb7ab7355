"""Points of an embedding."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from workbench.figures import embedding_scatter


def found(n=40, d=2, layer="layer4", seed=0, labels=True):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 10 if labels else None
    preservation = SimpleNamespace(recall=0.531, k=15, trustworthiness=0.974)
    shares = (
        {"label_agreement": 0.73, "chance_agreement": 0.1}
        if labels
        else {"label_agreement": None, "chance_agreement": None}
    )
    ids = np.array([f"{i}.png" for i in range(n)])
    points = rng.normal(size=(n, d)).astype(np.float32)
    return SimpleNamespace(
        points=points, labels=y, ids=ids, layer=layer, method="tsne", preservation=preservation, **shares
    )


def notes(figure):
    return [note.text for note in figure.layout.annotations]


def test_the_title_says_how_classes_lie_and_the_subtitle_what_is_kept():
    figure = embedding_scatter(found(), names=[f"class {k}" for k in range(10)])
    assert "73 % share the class (10 % by chance)" in figure.layout.title.text.replace("<br>", " ")
    assert notes(figure)[0] == "t-SNE of layer4 keeps 53 % of the 15 nearest neighbours; trustworthiness 0.97"
    assert len(figure.data) == 10 and figure.data[3].x.tolist() == pytest.approx(
        found().points[3::10, 0].tolist(), abs=1e-3
    )
    # the ninth class has the first one's color and another shape
    assert figure.data[8].marker.color == figure.data[0].marker.color
    assert figure.data[8].marker.symbol != figure.data[0].marker.symbol
    assert "3.png" in figure.data[3].hovertext[0] and "class 3" in figure.data[3].hovertext[0]
    assert "<svg" in figure.to_svg()


def test_a_slider_leads_through_stages():
    figure = embedding_scatter({"stem": found(layer="stem"), "head": found(layer="head", seed=1)})
    assert [f.name for f in figure.frames] == ["stem", "head"]
    assert figure.frames[1].data[0].x.tolist() == pytest.approx(found(seed=1).points[::10, 0].tolist(), abs=1e-3)
    assert "head keeps" in figure.frames[1].layout.annotations[0].text
    assert len(figure.layout.sliders[0].steps) == 2
    low, high = figure.layout.xaxis.range
    every = np.concatenate([found().points[:, 0], found(seed=1).points[:, 0]])
    assert low < every.min() and high > every.max(), "no picture leaves the frame"


def test_other_colours_space_and_many_points():
    domains = np.array(["source", "target"] * 20)
    assert [t.name for t in embedding_scatter(found(), domains).data] == ["source", "target"]
    assert [t.marker.color for t in embedding_scatter(found(), domains).data] == ["#0072B2", "#D55E00"]
    ramp = embedding_scatter(found(), np.linspace(0, 1, 40))
    assert len(ramp.data) == 1 and ramp.data[0].marker.showscale
    assert embedding_scatter(found(d=3)).data[0].type == "scatter3d"
    many = embedding_scatter(found(50_000, labels=False))
    assert many.data[0].type == "scattergl" and len(many.data[0].x) == 20_000
    assert "50,000 images in the features of layer4" in many.layout.title.text


def test_names_are_text_and_equal_points_are_drawn(evil):
    figure = embedding_scatter(found(n=5), np.array(evil), hover=list(evil))
    assert not any("<b>bold" in note or "<img" in note for note in notes(figure))
    assert not any("<img" in t for trace in figure.data for t in trace.hovertext)
    same = found()
    same.points, same.preservation = np.zeros((40, 2)), None
    assert "constant for all images" in notes(embedding_scatter(same))[0]


def test_refusals():
    with pytest.raises(ValueError, match="nothing to draw"):
        embedding_scatter({})
    with pytest.raises(ValueError, match="2 colors do not match 40"):
        embedding_scatter(found(), ["a", "b"])
    with pytest.raises(ValueError, match="same images"):
        embedding_scatter({"a": found(), "b": found(30)})
