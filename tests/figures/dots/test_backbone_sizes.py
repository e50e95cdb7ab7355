import pandas as pd
import pytest

from workbench.figures import accuracy_vs_size

FRAME = pd.DataFrame(
    {
        "name": ["tiny", "small", "worse", "big", "unknown", "no size"],
        "parameters": [1e6, 1e7, 2e7, 1e8, 5e6, 0],
        "top1": [70.0, 80.0, 75.0, 82.0, None, 90.0],
        "pretrained_on": ["a", "a", "b", "b", "b", "b"],
    }
)


def test_the_front_is_what_nothing_smaller_beats():
    figure = accuracy_vs_size(FRAME)
    front = next(t for t in figure.data if t.name == "front")
    assert list(front.y) == [70, 80, 82]
    assert {"tiny", "small", "big"} <= {n.text for n in figure.layout.annotations}
    assert "worse" not in {n.text for n in figure.layout.annotations}


def test_the_title_and_what_was_left_out():
    figure = accuracy_vs_size(FRAME)
    assert figure.layout.title.text == "small is within 3 points of the best with 10× fewer parameters"
    assert "2 without a published score left out" in figure.layout.annotations[0].text


def test_pretraining_data_differ_in_colour_and_shape():
    dots = [t for t in accuracy_vs_size(FRAME).data if t.mode == "markers"]
    assert len({t.marker.color for t in dots}) == len({t.marker.symbol for t in dots}) == 2
    assert all(t.showlegend for t in dots)


def test_shares_are_read_as_percent():
    share = FRAME.assign(top1=FRAME["top1"] / 100)
    assert list(accuracy_vs_size(share).data[-1].y) == pytest.approx([70, 80, 82])


def test_the_size_axis_is_logarithmic_in_parameters():
    axis = accuracy_vs_size(FRAME).layout.xaxis
    assert axis.type == "log" and "10 M" in axis.ticktext


def test_labels_do_not_cover_each_other():
    crowd = pd.DataFrame({"name": [f"net_{i}" for i in range(50)], "parameters": range(1000, 1050), "top1": range(50)})
    assert len([n for n in accuracy_vs_size(crowd).layout.annotations if n.name != "subtitle"]) <= 12


def test_nothing_known_is_said():
    assert accuracy_vs_size(FRAME.iloc[4:5]).layout.title.text == "No backbone has both a size and a score"


def test_names_are_text(evil):
    frame = pd.DataFrame({"name": evil, "parameters": [1e6] * 5, "top1": range(1, 6), "pretrained_on": evil})
    assert "<img" not in accuracy_vs_size(frame).to_json()
