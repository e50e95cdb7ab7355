"""Saliency maps over images: captions, drawing, names that are markup."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workbench.figures import saliency_comparison, saliency_maps
from workbench.figures.image_grids.heatmap_overlay import normalize_maps, overlay_heatmap


def shown(n=3, names=("a", "b", "c"), signed=False):
    random = np.random.default_rng(0)
    maps = random.random((n, 8, 8)).astype(np.float32)
    maps[-1] = 0
    frame = pd.DataFrame({"id": [f"{i} 🐈" for i in range(n)], "true": [names[0]] * n, "predicted": [names[1]] * n})
    frame = frame.assign(confidence=0.7, target=names[1], probability=0.7)
    images = random.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    return SimpleNamespace(maps=maps, images=images, frame=frame, method="grad-cam", layer="layer4", signed=signed)


def words(sheet):
    return [text.get_text() for text in sheet.texts]


def test_two_pictures_for_each_and_the_answer_above():
    sheet = saliency_maps(shown())
    assert len(sheet.axes) == 2 * 3 + 1  # and the scale bar
    said = words(sheet)
    assert said[0] == "Saliency of 3 images, 3 of them misclassified: grad-cam at layer4"
    assert "→ b, 70 %" in said and "class: b (empty map)" in said and "maximum of the image" in said


def test_names_are_text(evil):
    said = words(saliency_maps(shown(names=evil[:3]), 1, image_size=300))
    assert any("<img" in text for text in said)
    saliency_maps(shown(names=evil[2:5]), title="$x_1$ <b>").canvas.draw()


def test_one_picture_and_no_labels():
    one = shown(1)
    one.frame = one.frame.drop(columns="true")
    assert words(saliency_maps(one))[0].startswith("Saliency of 1 image: grad-cam")


def test_maps_that_are_not_the_pictures_are_refused():
    with pytest.raises(ValueError, match="do not match images"):
        saliency_maps(SimpleNamespace(**{**vars(shown()), "maps": np.zeros((2, 4, 4))}))


def test_the_overlay_dims_the_picture_and_lights_the_map():
    picture = np.full((2, 3, 3), 200, np.uint8)
    drawn = overlay_heatmap(picture, np.array([[0, 0.5, 1.0], [-1.0, np.nan, 0]]))
    assert drawn[0, 0].tolist() == [110, 110, 110] == drawn[1, 0].tolist() == drawn[1, 1].tolist()
    assert drawn[0, 2, 0] > drawn[0, 1, 0] and drawn[0, 2, 0] > drawn[0, 2, 2]
    against = overlay_heatmap(picture, np.array([[0, 0, 0], [-1.0, 0, 0]]), signed=True)
    assert against[1, 0, 2] > against[1, 0, 0]
    lightness = overlay_heatmap(np.zeros((1, 11, 3), np.uint8), np.linspace(0, 1, 11)[None]).astype(float) @ (
        0.3,
        0.59,
        0.11,
    )
    assert (np.diff(lightness[0]) > 0).all()  # reads in grey


def test_each_map_by_its_own_most():
    maps = normalize_maps(np.array([[[0.0, 2.0]], [[-4.0, 1.0]], [[0.0, 0.0]]]))
    assert maps.tolist() == [[[0, 1]], [[-1, 0.25]], [[0, 0]]]


def test_a_comparison_shows_what_moved_most_first():
    nets = {"pretrained": shown(4), "fine-tuned": shown(4)}
    frame = pd.DataFrame({"row": [2, 0, 1, 3], "agreement": [-0.5, 0.1, 0.9, np.nan], "true": list("abcd")})
    sheet = saliency_comparison(SimpleNamespace(saliencies=nets, frame=frame, agreement=0.17), 4)
    said = words(sheet)
    assert said[0] == "The maps of pretrained and fine-tuned agree to 0.17, least similar first"
    assert said.index("agreement −0.50") < said.index("agreement 0.10") and "empty map" in said
    assert len(sheet.axes) == 4 * 3 + 1
