"""Curves of deletion, insertion and the sanity check."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from workbench.figures import faithfulness_curves, sanity_check_curves
from workbench.figures.style.markup import strip_markup


def curves(method="grad-cam", gain=0.3):
    rows = []
    for order, up in ((method, gain), ("chance", 0.0)):
        for game, sign in (("deletion", -1), ("insertion", 1)):
            rows += [(s, game, order, 0.5 + sign * up * s * (1 - s)) for s in (0.0, 0.5, 1.0)]
    return SimpleNamespace(curves=pd.DataFrame(rows, columns=["share", "game", "order", "probability"]))


def answer(figure):
    return strip_markup(figure.layout.title.text).replace("\n", " ")


def test_one_map_against_chance():
    figure = faithfulness_curves(curves())
    assert answer(figure).startswith("grad-cam finds the pixels that the net uses")
    assert len(figure.data) >= 4
    assert "does not find" in answer(faithfulness_curves(curves(gain=0.0)))


def test_several_maps():
    figure = faithfulness_curves([curves(), curves("lrp", 0.6)])
    assert answer(figure) == "Of 2 maps, lrp is the most faithful"


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="probability"):
        faithfulness_curves(curves().curves.drop(columns="probability"))


def test_sanity_of_two_methods():
    def one(method, last):
        frame = pd.DataFrame({"stage": ["", "head", "stem"], "shuffled": [0, 0.1, 1.0], "agreement": [1.0, 0.5, last]})
        return SimpleNamespace(method=method, frame=frame)

    figure = sanity_check_curves([one("grad-cam", 0.1), one("guided-backprop", 0.8)])
    assert "guided-backprop agrees to 0.80" in answer(figure)
    assert list(figure.layout.xaxis.ticktext) == ["none", "head", "stem"]
    assert answer(sanity_check_curves(one("lrp", 0.2))).startswith("With all weights randomized, lrp agrees to 0.20")
