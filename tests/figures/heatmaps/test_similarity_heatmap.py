"""The heat map of stages."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workbench.figures import stage_similarity


def found(values=(0.99, 0.5), names=("before", "after"), rows=("stem", "layer1"), shared=True):
    frame = pd.DataFrame({"stage": rows, "similarity": values, "drift": [0.0, float("nan")]})
    matrix = np.array([[values[0], 0.2], [-0.05, values[1]]])
    frame = frame if shared else frame[:0]
    return SimpleNamespace(matrix=matrix, rows=rows, columns=rows, method="cka", names=names, n_images=200, frame=frame)


def test_the_title_names_the_stage_that_moved_and_the_bars_stand_on_its_row():
    figure = stage_similarity(found())
    assert "layer1 differs most: 0.50 alike, 1 of 2 stay above 0.9" in figure.layout.title.text.replace("<br>", " ")
    heat = figure.data[0]
    assert heat.zmin == 0 and heat.zmax == 1 and list(heat.z[1]) == [0, 0.5] and heat.text[1][0] == "−0.05"
    bars = figure.layout.shapes
    assert [b.y0 + 0.22 for b in bars] == pytest.approx([0, 1])
    assert bars[0].fillcolor != bars[1].fillcolor
    assert (bars[0].x1 - bars[0].x0) / (bars[1].x1 - bars[1].x0) == pytest.approx(0.99 / 0.5)


def test_other_answers():
    assert "No stage differs much" in stage_similarity(found((0.99, 0.95))).layout.title.text
    alone = found(names=("net", "net"), shared=False)
    assert "largest change is from stem to layer1: 0.20" in stage_similarity(alone).layout.title.text.replace(
        "<br>", " "
    )
    two = stage_similarity(found(shared=False))
    assert "agree most at stem and stem: 0.99" in two.layout.title.text.replace("<br>", " ")
    two_constant = found()
    two_constant.constant_stages = ("before: stem", "after: stem")
    assert any("; stem constant" in note.text for note in stage_similarity(two_constant).layout.annotations)
    assert stage_similarity(found(), title="mine").layout.title.text == "mine"


def test_names_are_text_and_the_still_is_drawn(evil):
    figure = stage_similarity(found(names=evil[:2], rows=evil[1:3]))
    assert "<b>bold" not in figure.layout.xaxis.title.text and "<b>bold" not in figure.layout.yaxis.ticktext[0]
    assert "<svg" in figure.to_svg()


def test_refusals():
    with pytest.raises(ValueError, match="wb.probes.similarity"):
        stage_similarity(np.eye(2))
    wrong = found()
    wrong.rows = ("a",)
    with pytest.raises(ValueError, match="1 rows"):
        stage_similarity(wrong)
