from types import SimpleNamespace

import pandas as pd
import pytest

from workbench.figures import training_curves
from workbench.figures.style import theme


def trace(figure, name, number=0):
    return [t for t in figure.data if t.name == name][number]


def test_training_is_thin_validation_bold_and_the_target_in_its_colour(points):
    figure = training_curves(points)
    assert trace(figure, "training").line.width < trace(figure, "validation").line.width
    assert trace(figure, "target").line.color == theme.TARGET
    assert len({trace(figure, n).line.dash for n in ("validation", "target")}) == 2


def test_the_best_epoch_is_marked_in_both_panels_and_told_in_the_title(points):
    figure = training_curves(points)
    assert [list(t.x) for t in figure.data if t.name == "best"] == [[4.0], [4.0]]
    assert figure.layout.title.text == "Validation accuracy reaches 72.0 % in epoch 4 and ends at 69.0 %"


def test_a_best_epoch_that_is_given_is_taken(points):
    assert list(trace(training_curves(points, best_epoch=2), "best").x) == [2.0]


def test_every_line_is_named_at_its_end_with_its_value(points):
    texts = [note.text for note in training_curves(points).layout.annotations]
    assert "validation 69.0 %" in texts and "target 0.53" in texts


def test_axes_have_units(points):
    layout = training_curves(points).layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("epoch", "loss, nats")
    assert all(t.endswith(" %") for t in layout.yaxis2.ticktext)


def test_one_measure_makes_one_panel(points):
    figure = training_curves(points.drop(columns="accuracy"))
    assert "yaxis2" not in figure.to_dict()["layout"]
    assert figure.layout.title.text == "Validation loss is lowest, 0.433, in epoch 6"


def test_a_run_is_taken_for_its_points(points):
    assert len(training_curves(SimpleNamespace(points=points)).data) == 8


def test_nothing_yet_is_a_sentence_not_an_exception():
    figure = training_curves(pd.DataFrame({"epoch": [], "split": [], "loss": []}))
    assert "No validation results yet" in figure.layout.title.text and figure.to_svg()


def test_training_alone(points):
    assert training_curves(points[points.split == "train"]).layout.title.text == "No validation results yet"


def test_a_frame_without_epochs_is_refused():
    with pytest.raises(ValueError, match="missing: split, epoch"):
        training_curves(pd.DataFrame({"loss": [1.0]}))
