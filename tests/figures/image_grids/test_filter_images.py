"""Filters, top activations, activation maps and filter drift, drawn."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workbench.figures import activation_maps, convolution_filters, filter_drift, top_activations
from workbench.figures.style.markup import strip_markup


def found(n=20, channels=3):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"norm": [1.0] * n, "hue": 10.0, "frequency": 0.1, "dead": [True] + [False] * (n - 1)})
    frame["twin"] = -1
    frame.loc[4, "twin"] = 2
    made = {"kernels": random.standard_normal((n, channels, 3, 3)), "images": random.random((n, 3, 3, 3))}
    return SimpleNamespace(**made, frame=frame, stage="stem", order=lambda by: np.arange(n))


def words(sheet):
    return [text.get_text() for text in sheet.texts]


def test_first_filters_with_their_faults():
    sheet = convolution_filters(found())
    assert words(sheet)[0] == "20 filters of stem, by hue: 1 dead, 1 duplicate"
    assert "dead" in words(sheet) and "= 2" in words(sheet) and len(sheet.axes) == 20
    assert len(convolution_filters(found(), n_filters=5).axes) == 5


def test_deeper_filters_as_slices():
    sheet = convolution_filters(found(channels=16), "norm")
    assert len(sheet.axes) == 8 * 12 and any("←" in text for text in words(sheet))


def crops(names):
    frame = pd.DataFrame({"id": ["a", "b"], "true": names, "value": [2.0, 1.5]})
    return SimpleNamespace(crops=[np.zeros((4, 6, 3), np.uint8)] * 2, frame=frame, channel=7, stage="layer2")


def test_exciting_crops_of_one_net_and_of_two(evil):
    sheet = top_activations(crops(list(evil[:2])))
    assert words(sheet)[0] == "Top activations of channel 7 of layer2" and len(sheet.axes) == 2
    both = top_activations({"before": crops(["x", "y"]), "after": crops(["x", "y"])})
    assert len(both.axes) == 4 and "before" in words(both) and "after" in words(both)


def test_activation_maps_show_the_liveliest():
    maps = np.zeros((1, 30, 4, 4))
    maps[0, 17, 1, 1], maps[0, 3, 2, 2] = 5, 9
    sheet = activation_maps(
        SimpleNamespace(maps=maps, images=np.zeros((1, 8, 8, 3), np.uint8), stage="layer1"), n_channels=2
    )
    assert words(sheet)[1:] == ["image", "channel 3", "channel 17"]


def test_moves_say_which_stage_moved_most():
    stage = ["stem"] * 3 + ["layer4 🐈"] * 3
    frame = pd.DataFrame({"stage": stage, "filter": [0, 1, 2] * 2, "relative_change": [0.0] * 3 + [0.1, 0.2, np.inf]})
    frame = frame.assign(module="conv", angle=4.0)
    stages = pd.DataFrame(
        {"stage": ["stem", "layer4 🐈"], "relative_change": [0.0, 0.2], "angle": [0.0, 4.0], "filters": 3}
    )
    figure = filter_drift(SimpleNamespace(frame=frame, stages=stages))
    answer = strip_markup(figure.layout.title.text).replace("\n", " ")
    assert answer == "Filters of layer4 🐈 changed most: 20.0 % of their norm; 1 of 2 stages did not change"
    still = filter_drift(SimpleNamespace(frame=frame.head(3), stages=stages.head(1)))
    assert strip_markup(still.layout.title.text) == "No filter changed"
    with pytest.raises(ValueError, match="angle"):
        filter_drift(SimpleNamespace(frame=frame.drop(columns="angle"), stages=stages))
