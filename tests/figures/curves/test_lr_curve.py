import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workbench.figures import lr_finder

LR = np.geomspace(1e-5, 1, 50)
FRAME = pd.DataFrame({"lr": LR, "loss": np.where(LR > 0.3, 1e6, 2 - LR), "smooth": np.where(LR > 0.3, 1e6, 2 - LR)})


def test_the_suggestion_is_marked_and_told():
    figure = lr_finder(FRAME, 0.003)
    assert figure.layout.title.text == "Start from a learning rate near 0.003"
    assert list(next(t for t in figure.data if t.name == "suggestion").x) == [0.003]


def test_the_axis_is_logarithmic_over_what_was_tried():
    axis = lr_finder(FRAME, 0.003).layout.xaxis
    assert axis.type == "log" and list(axis.range) == pytest.approx([-5, 0])


def test_a_blow_up_does_not_flatten_the_rest():
    assert lr_finder(FRAME, 0.003).layout.yaxis.range[1] < 5


def test_the_smoothed_loss_is_the_bold_one():
    figure = lr_finder(FRAME)
    widths = {t.name: t.line.width for t in figure.data}
    assert widths["smoothed"] > widths["loss per batch"]
    assert figure.layout.title.text == "No learning rate to suggest"


def test_a_finding_is_taken_for_its_frame_and_suggestion():
    figure = lr_finder(SimpleNamespace(frame=FRAME, suggestion=0.01))
    assert math.isclose(figure.data[-1].x[0], 0.01)
