import math
from types import SimpleNamespace

import numpy as np
import pytest

from workbench.figures import lr_heatmap
from workbench.figures.style import theme

NAMES = ["stem", "blocks", "head"]
STAIRS = np.array([[0, 0, 0.01], [0, 0.1, 0.1], [1, 1, 1]])


def cells(figure):
    return next(t for t in figure.data if t.name == "rates")


def test_a_cell_a_stage_and_epoch_the_head_on_top():
    figure = lr_heatmap(STAIRS, NAMES)
    assert len(cells(figure).y) == 9
    low, high = figure.layout.yaxis.range
    assert low < high  # row 2, the head, is the highest


def test_frozen_is_hatched_and_the_rest_is_not():
    marker = cells(lr_heatmap(STAIRS, NAMES)).marker
    assert list(marker.pattern.shape) == ["/", "/", "", "/", "", "", "", "", ""]


def test_brighter_is_faster_on_a_log_scale():
    colours = cells(lr_heatmap(STAIRS, NAMES)).marker.color
    slow, middle, fast = (theme.relative_luminance(colours[i]) for i in (2, 4, 6))
    assert slow < middle < fast
    # the layer painter's ends, 0.01 and 3 times the learning rate: one rate, one colour
    shares = [math.log(multiplier / 0.01) / math.log(3 / 0.01) for multiplier in (0.01, 0.1, 1.0)]
    assert [colours[2], colours[4], colours[6]] == [theme.cividis_color(share) for share in shares]


def test_the_legend_is_in_multiples_of_the_base_rate():
    assert [t.name for t in lr_heatmap(STAIRS, NAMES).data if t.showlegend] == [
        "frozen",
        "0.01×",
        "0.1×",
        "1× learning rate",
    ]


def test_many_rates_have_a_short_legend():
    grid = np.geomspace(1e-3, 1, 12)[:, None]
    assert len([t for t in lr_heatmap(grid, [str(i) for i in range(12)]).data if t.showlegend]) == 5


def test_shares_stand_at_the_left():
    stages = [SimpleNamespace(name=n, parameter_fraction=s) for n, s in zip(NAMES, (0.1, 0.865, 0.035), strict=True)]
    figure = lr_heatmap(STAIRS, stages)
    assert list(figure.layout.yaxis.ticktext) == ["10.0 %", "86.5 %", "3.5 %"]
    assert [n.text for n in figure.layout.annotations] == [*NAMES, "stage", "share"]


@pytest.mark.parametrize(
    ("grid", "title"),
    [
        (STAIRS, "1 of 3 stages trains at first, all in the end"),
        (np.ones((3, 2)), "Every stage trains from the first epoch"),
        (np.array([[0.1] * 2, [0.3] * 2, [1] * 2]), "Every stage trains from the first epoch, at its own rate"),
        (np.array([[0, 0], [0, 0], [1, 1]]), "Only head trains, 3.5 % of the parameters"),
        (np.zeros((3, 2)), "Every stage is frozen; nothing trains"),
        (np.array([[0, 0], [0, 1], [1, 1]]), "2 of 3 stages train, 1 of them at first, 2 at last"),
    ],
)
def test_the_title_tells_the_tuning(grid, title):
    assert lr_heatmap(grid, NAMES, (0.1, 0.865, 0.035)).layout.title.text.replace("<br>", " ") == title


def test_names_are_text(evil):
    assert "<img" not in lr_heatmap(np.ones((5, 2)), evil).to_json()


@pytest.mark.parametrize(
    "grid", [np.ones((2, 2)), np.ones(3), np.ones((3, 0)), -np.ones((3, 1)), np.full((3, 1), np.nan)]
)
def test_what_is_no_grid_is_refused(grid):
    with pytest.raises(ValueError, match="multipliers"):
        lr_heatmap(grid, NAMES)
