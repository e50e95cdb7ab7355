from types import SimpleNamespace

import pandas as pd
import pytest

from workbench.figures import stage_parameters

STAGES = [
    SimpleNamespace(name="stem", n_parameters=100, parameter_fraction=0.1, shape=(16, 8, 8)),
    SimpleNamespace(name="blocks", n_parameters=850, parameter_fraction=0.85, shape=None),
    SimpleNamespace(name="head", n_parameters=50, parameter_fraction=0.05, shape=(10,)),
]


def test_a_net_a_list_and_a_frame_say_the_same():
    net = SimpleNamespace(stages=STAGES)
    frame = pd.DataFrame([vars(s) for s in STAGES])
    assert stage_parameters(net).to_json() == stage_parameters(STAGES).to_json() == stage_parameters(frame).to_json()


def test_the_biggest_stage_is_the_title():
    assert stage_parameters(STAGES).layout.title.text == "blocks holds 85 % of 1 k parameters"


def test_bars_in_order_with_shares_and_shapes():
    figure = stage_parameters(STAGES)
    assert list(figure.data[0].x) == [0.1, 0.85, 0.05] and figure.data[0].text[1] == "85.0 %"
    assert "16 × 8 × 8" in [n.text for n in figure.layout.annotations]


def test_no_shapes_no_column():
    assert not stage_parameters(
        [SimpleNamespace(name="a", n_parameters=1, parameter_fraction=1.0, shape=None)]
    ).layout.annotations


def test_nothing_is_refused():
    with pytest.raises(ValueError, match="no stages"):
        stage_parameters([])
