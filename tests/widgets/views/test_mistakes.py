"""A mistake is clicked: where the net looked for what it said, and for the truth, appears beside it."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.widgets.views.mistakes import Mistakes

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def wrong(tiny, toy):
    """The panel over four images that the net is made wrong about, and the net."""
    net = tiny("test_resnet", size=64)
    part = toy.subset(rows=range(12))
    ids = part.frame["id"].to_numpy()[:4]
    rows = pd.DataFrame({"id": ids, "true": "left", "predicted": "right", "confidence": [0.9, 0.8, 0.7, 0.6]})
    panel = Mistakes()
    panel.show(rows, [part.pixels(k, 32) for k in range(4)], part, lambda: net, clickable=True)
    return panel, net, part


def test_a_click_shows_where_it_looked_for_what_it_said_and_for_the_truth(wrong):
    panel, net, part = wrong
    panel.opened = 2
    panel.wait(60)
    assert panel.error == "" and panel.busy == ""
    direct = [wb.probes.saliency(net, part.subset(rows=[2]), target=k).maps[0] for k in ("right", "left")]
    assert np.allclose(panel.result.maps, direct, atol=1e-6)
    assert [cell["words"][0] for cell in panel.detail["cells"]][1:] == ["saliency for right", "saliency for left"]
    assert all(cell["picture"].startswith("data:image/png;base64,") for cell in panel.detail["cells"])
    panel.opened = -1
    assert panel.detail == {} and panel.result is None


def test_it_takes_less_than_two_seconds_on_a_built_in_net():
    data = wb.load_images("world", n=40, label="shape")
    net = wb.load_net("wb/residual-shape", classes=data.classes)
    ids, (one, other) = data.frame["id"].to_numpy()[:1], data.classes[:2]
    panel = Mistakes()
    rows = pd.DataFrame({"id": ids, "true": one, "predicted": other, "confidence": 0.9})
    panel.show(rows, [data.pixels(0, 112)], data, lambda: net, clickable=True)
    began = time.process_time()
    panel.opened = 0
    panel.wait(60)
    assert panel.detail["cells"] and time.process_time() - began < 2


def test_only_the_last_click_is_shown_and_other_results_forget_it(wrong):
    panel, _, part = wrong
    panel.opened = 0
    panel.opened = 3
    for _ in range(3):
        panel.wait(60)
    assert str(part.frame["id"].iloc[3]) in panel.detail["cells"][0]["words"][0]
    panel.clear()
    assert (panel.cards, panel.title, panel.opened, panel.detail) == ([], "", -1, {})


def test_what_goes_wrong_is_told_and_names_stay_names(wrong, tiny):
    _, _, part = wrong
    panel = Mistakes()
    rows = pd.DataFrame({"id": [EVIL], "true": [EVIL], "predicted": ["🐈"], "confidence": [0.9]})
    panel.show(rows, [part.pixels(0, 32)], part, lambda: tiny(), clickable=True)
    assert panel.cards[0]["true"] == EVIL  # the page sets it as text
    panel.opened = 0
    panel.wait(60)
    assert panel.error and panel.busy == ""
    panel.show(rows.head(0), [], part, lambda: tiny(), clickable=True)
    assert panel.title == "No mistakes" and panel.error == ""


def test_answers_that_are_no_classes_are_not_clicked(wrong):
    panel, _, part = wrong
    panel.show(pd.DataFrame({"id": ["a"], "true": "x", "predicted": "no x", "confidence": 0.9}), [part.pixels(0, 32)],
               part, lambda: None, clickable=False)  # fmt: skip
    panel.opened = 0
    panel.wait(10)
    assert panel.detail == {} and "click" not in panel.title
