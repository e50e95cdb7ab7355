"""Figures of a diagnosis: each says its answer, aligns with its neighbors, and takes names as text."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workbench.figures import class_gaps, control_comparison, evidence_chart, lr_heatmap, remedy_gains, stage_panel
from workbench.figures.style import theme

NONE = float("nan")
CONTROLS = pd.DataFrame(
    {
        "name": ["your plan", "from scratch", "frozen features"],
        "accuracy": [0.6, 0.8, 0.55],
        "gap": [NONE, -0.2, 0.05],
        "low": [NONE, -0.3, -0.02],
        "high": [NONE, -0.1, 0.12],
    }
)
CLASSES = pd.DataFrame(
    {
        "class": ["a", "b", "c"],
        "n": [10, 12, 14],
        "gap": [0.3, -0.5, 0.0],
        "low": [0.1, -0.7, -0.1],
        "high": [0.5, -0.3, 0.1],
    }
)
STAGES = pd.DataFrame(
    {
        "stage": ["stem", "blocks.0", "blocks.1"],
        "rate": [0.0, 0.01, 1.0],
        "probe": [0.5, 0.7, 0.9],
        "untrained": [0.5, 0.5, 0.4],
        "rank": [NONE] * 3,
        "drift": [0.0, 0.02, 0.4],
        "cka": [1.0, 0.9, 0.3],
        "gap": [NONE] * 3,
        "transplant": [NONE] * 3,
    }
)


def texts(figure):
    return [note.text for note in figure.layout.annotations]


def test_the_gap_to_scratch_is_the_title_and_every_control_has_its_accuracy():
    figure = control_comparison(SimpleNamespace(frame=CONTROLS, level=0.9))
    assert figure.layout.title.text == "Your plan is 20.0 points behind training from scratch (−30.0 to −10.0)"
    assert list(figure.layout.yaxis.ticktext) == ["frozen features", "from scratch", "your plan"]
    assert {"60.0 %", "80.0 %", "55.0 %", "−20.0", "+5.0"} <= set(texts(figure)) and "+0.0" not in texts(figure)
    assert "90 % interval" in texts(figure)[0] and figure.to_svg()
    marks = {t.name: t for t in figure.data if t.mode == "markers"}
    assert marks["from scratch"].y == (1.0,) and marks["from scratch"].marker.color == theme.LOSS
    assert marks["frozen features"].marker.color == "#ffffff", "its interval holds zero"


def test_a_gap_that_holds_zero_is_said_to_hold_it():
    unclear = CONTROLS.assign(high=[NONE, 0.1, 0.12])
    assert "does not differ clearly from training from scratch" in control_comparison(unclear).layout.title.text
    assert "not compared with" in control_comparison(CONTROLS.head(1)).layout.title.text


def test_classes_from_the_most_harmed_down_with_their_sign_as_colour():
    figure = class_gaps(SimpleNamespace(per_class=CLASSES, level=0.95))
    assert figure.layout.title.text == "The transfer harms 1 of 3 classes, and helps 1; b most, −50 points"
    assert list(figure.layout.yaxis.ticktext) == ["a", "c", "b"], "upwards, so that b is on top"
    assert list(figure.data[0].x) == [30.0, 0.0, -50.0]
    assert list(figure.data[0].marker.color) == [theme.GAIN, theme.FROM_SCRATCH, theme.LOSS]
    whiskers = [(t.x, t.y) for t in figure.data[1:]]
    assert whiskers[2] == ((-70.0, -30.0), (2, 2)) and figure.to_svg()


def test_many_classes_are_cut_to_the_most_harmed_and_it_says_so():
    many = pd.DataFrame(
        {"class": [f"k{i}" for i in range(40)], "gap": np.linspace(-1, 1, 40), "low": -1.0, "high": 1.0}
    )
    figure = class_gaps(many)
    assert len(figure.data[0].x) == 30 and figure.data[0].x[-1] == -100.0
    assert "10 better classes not shown" in texts(figure)[0]
    assert figure.layout.title.text == "No clear difference in any of 40 classes"


def test_the_strip_has_a_column_for_what_was_measured_in_the_painters_order_and_colours():
    figure = stage_panel(SimpleNamespace(stages=STAGES))
    assert {t.name for t in figure.data} == {"rate", "probe", "untrained", "drift", "cka"}
    assert list(figure.layout.yaxis.ticktext) == ["stem", "blocks.0", "blocks.1"], "upwards: the last stage on top"
    painted = lr_heatmap([[0.0], [0.01], [1.0]], list(STAGES["stage"])).data[0].marker
    rate = next(t for t in figure.data if t.name == "rate").marker
    assert list(rate.color) == list(painted.color) and list(rate.pattern.shape) == list(painted.pattern.shape)
    title = "Pretraining helps most at blocks.1, +50 points; training changed blocks.1 most, by 40 % of its norm"
    assert figure.layout.title.text.replace("<br>", " ") == title
    domains = [figure.layout[f"xaxis{n}"].domain for n in ("", 2, 3, 4)]
    assert all(a[1] < b[0] for a, b in itertools.pairwise(domains)), "columns do not overlap"
    assert figure.to_svg() and figure.layout.width <= theme.WIDEST


def test_the_strip_with_transplants_and_with_nothing():
    found = stage_panel(STAGES.assign(transplant=[0.4, 0.8, 0.6]), ["transplant"])
    assert {t.name for t in found.data} == {"rate", "transplant"}
    assert found.layout.title.text.replace("<br>", " ").startswith(
        "Best with the stages up to blocks.0 transferred, 80 %"
    )
    both = stage_panel(STAGES.assign(transplant=[0.4, 0.8, 0.6], tuned=[0.5, 0.9, 0.8]), ["transplant"])
    hollow = next(trace for trace in both.data if trace.name == "tuned")
    assert list(hollow.x) == [0.5, 0.9, 0.8] and hollow.marker.color == "#ffffff"
    inside = stage_panel(STAGES.assign(gradient=[0.1, 0.2, 0.3], mmd=[-0.001, 0.2, 0.4]), ["gradient", "mmd"])
    assert {t.name for t in inside.data} == {"rate", "gradient", "mmd"}
    bars = next(trace for trace in inside.data if trace.name == "mmd")
    assert list(bars.x) == [0.0, 0.2, 0.4] and "0.001" in bars.text[0], "no bar reaches into the names"
    opened = stage_panel(STAGES.assign(probe=None, untrained=None))  # as a table of JSON has them
    assert {t.name for t in opened.data} == {"rate", "drift", "cka"}
    with pytest.raises(ValueError, match="nothing was measured"):
        stage_panel(STAGES[["stage", "gap"]])
    with pytest.raises(ValueError, match="missing"):
        stage_panel(STAGES.drop(columns="stage"))


def test_gains_of_what_was_tried_only():
    frame = pd.DataFrame(
        {
            "cause": ["rate", "noise", "small"],
            "gain": [0.2, 0.01, NONE],
            "low": [0.1, -0.02, NONE],
            "high": [0.3, 0.04, NONE],
        }
    )
    figure = remedy_gains(SimpleNamespace(cause_table=frame))
    assert figure.layout.title.text == "rate removed gains +20.0 points; 1 of 2 remedies have no clear gain"
    assert list(figure.layout.yaxis.ticktext) == ["noise", "rate"]
    assert remedy_gains(frame.tail(1)).layout.title.text == "No remedy was measured"


def test_evidence_takes_the_form_that_suits_the_frame():
    bars = evidence_chart(pd.DataFrame({"class": ["x", "y"], "train": [0.3, 0.7], "target": [0.6, 0.4]}), "shares")
    assert [t.type for t in bars.data] == ["bar", "bar"] and list(bars.data[0].x) == [0.7, 0.3]
    assert bars.data[0].offset > bars.data[1].offset, "the first column stands above the second"
    assert "shares" in bars.layout.title.text and bars.to_svg()
    drawn = evidence_chart(pd.DataFrame({"epoch": [1, 2], "loss": [2.0, 1.0]}), "loss")
    assert drawn.data[0].mode == "lines+markers" and drawn.layout.xaxis.title.text == "epoch"
    dots = evidence_chart(pd.DataFrame({"layer": ["a"], "value": [0.5], "low": [0.4], "high": [0.6]}), "layers")
    assert [t.mode for t in dots.data] == ["lines", "markers"]
    with pytest.raises(ValueError, match="no numeric column"):
        evidence_chart(pd.DataFrame({"class": ["x"]}), "names")


def test_names_are_text(evil):
    count = len(evil)
    frames = [
        control_comparison(pd.DataFrame({"name": evil, "accuracy": 0.5, "gap": 0.1, "low": 0.0, "high": 0.2})),
        class_gaps(pd.DataFrame({"class": evil, "gap": 0.1, "low": 0.0, "high": 0.2})),
        stage_panel(pd.DataFrame({"stage": evil, "rate": 1.0, "drift": np.arange(count) + 1.0})),
        remedy_gains(pd.DataFrame({"cause": evil, "gain": 0.1, "low": 0.05, "high": 0.2})),
        evidence_chart(pd.DataFrame({evil[0]: evil, evil[1]: np.arange(count)}), evil[0]),
    ]
    assert not [f for f in frames if "<img" in f.to_json() or "<a " in f.to_json()]
