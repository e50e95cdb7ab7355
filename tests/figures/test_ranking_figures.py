"""The figures of a ranking: on numbers whose answer is known."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from workbench.figures import rank_flow, ranking_table, sample_size_curve, score_agreement
from workbench.figures.style import theme

FRAME = pd.DataFrame(
    {
        "backbone": ["a", "b", "c", "broken"],
        "consensus": [0.1, 0.4, 1.0, None],
        "logme": [3.0, 2.0, 1.0, None],
        "knn": [0.8, 0.9, 0.1, None],
        "leep": [-1.0, None, -2.0, None],
        "parameters": [1.0, 2.0, 3.0, None],
        "reason": ["", "", "", "no file"],
    }
)
INTERVALS = pd.DataFrame(
    [
        (name, score, FRAME.set_index("backbone").loc[name, score], low, high)
        for score, low, high in (("logme", 0.5, 3.5), ("consensus", 0.0, 1.0))
        for name in "abc"
    ],
    columns=["backbone", "score", "value", "low", "high"],
)
CURVE = pd.DataFrame(
    [(n, s, t, t - 0.1, 1.0) for n, t in ((50, 0.5), (100, 0.92), (200, 0.98)) for s in ("knn", "consensus")],
    columns=["images", "score", "tau", "low", "high"],
)


def marks(figure):
    return [t for t in figure.data if t.mode == "markers"]


def test_the_better_lies_right_also_where_less_is_better():
    figure = ranking_table(FRAME, INTERVALS, candidates=["a"])
    consensus, logme = marks(figure)[:3], marks(figure)[3:]
    for column, middle in ((consensus, 0), (logme, 1)):
        x = [dot.x[0] for dot in column]
        assert x == sorted(x, reverse=True) and all(abs(v - middle) < 0.5 for v in x)
    # logme of a, 3, in a column from 0.5 to 3.5
    assert logme[0].x[0] == pytest.approx(1 - 0.38 + 0.76 * 2.5 / 3)
    assert [d.marker.color for d in logme] == [theme.CATEGORIES[0], "#ffffff", "#ffffff"]
    assert "broken" not in figure.to_json() and figure.layout.title.text == "a is first by consensus"
    assert figure.to_svg()


def test_of_scores_that_disagree_the_title_names_whom_to_try():
    said = "the scores disagree (logme for a, knn for b): run successive halving among a and b"
    verdict = SimpleNamespace(kind="disagree", contenders=("a", "b"), __str__=lambda: said)
    figure = ranking_table(SimpleNamespace(frame=FRAME, intervals=INTERVALS, verdict=verdict))
    title = figure.layout.title.text.replace("<br>", " ")
    assert title == "The scores disagree: run successive halving among a and b"


def test_crossings_are_quarrels_and_baselines_stand_apart():
    figure = rank_flow(FRAME, ["logme", "leep", "knn"], ["parameters"])
    lines = {t.name: list(t.y) for t in figure.data}
    assert [t.replace(" ", "_") for t in figure.layout.xaxis.ticktext] == [
        "consensus", "logme", "knn", "leep", "parameters",
    ]  # fmt: skip
    assert lines == {"a": [1, 1, 2, 1, 3], "b": [2, 2, 1, None, 2], "c": [3, 3, 3, 2, 1]}
    said = figure.layout.title.text.replace("<br>", " ")
    assert said == "a is first by 2 of 3 scores; parameters would choose a different backbone"
    assert 3.5 in [shape.x0 for shape in figure.layout.shapes] and figure.to_svg()


def test_agreement_names_the_worst_pair():
    table = pd.DataFrame([[1, 1, -0.5], [1, 1, 0.1], [-0.5, 0.1, 1]], index=list("abc"), columns=list("abc"))
    figure = score_agreement(table)
    assert figure.layout.title.text.replace("<br>", " ").endswith("0.20 on average; least: c and a, −0.50")
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-1, 1) and figure.data[0].text[0][2] == "−0.50"
    assert (
        score_agreement(-table).layout.title.text.replace("<br>", " ").startswith("Scores agree with weighted τ −0.20")
    )
    with pytest.raises(ValueError, match="square"):
        score_agreement(table.iloc[:2])


def test_how_many_images_it_takes():
    figure = sample_size_curve(CURVE)
    assert figure.layout.title.text.startswith("From 100 images on, the consensus keeps its order")
    assert figure.layout.xaxis.type == "log" and figure.to_svg()
    shaky = sample_size_curve(CURVE.assign(tau=CURVE["tau"] - 0.3, low=0.0))
    assert shaky.layout.title.text.replace("<br>", " ").startswith("Even 200 images")
    assert sample_size_curve(CURVE.iloc[:0]).layout.title.text == "Too few images to sample from"


def test_names_are_text(evil):
    frame = pd.DataFrame({"backbone": evil, "consensus": [0, 0.2, 0.4, 0.6, 1], "knn": range(5), "reason": ""})
    spans = frame.assign(score="knn", value=frame["knn"], low=0, high=5)
    table = pd.DataFrame([[1.0] * 5] * 5, index=evil, columns=evil)
    curve = CURVE[CURVE["score"] == "knn"].assign(score=evil[0])
    for figure in (
        ranking_table(frame, spans),
        rank_flow(frame, ["knn"]),
        score_agreement(table),
        sample_size_curve(curve),
    ):
        assert "<img" not in figure.to_json()
