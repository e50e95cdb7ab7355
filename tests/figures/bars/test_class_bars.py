import numpy as np
import pandas as pd
import pytest

from workbench.figures import precision_recall_bars


def test_sorted_by_recall_with_both_measures(per_class_frame):
    figure = precision_recall_bars(per_class_frame)
    assert list(figure.layout.yaxis.ticktext) == ["shirt", "coat", "bag"]
    assert [t.name for t in figure.data] == ["recall", "precision"]
    assert list(figure.data[0].x) == [0.4, 0.8, 0.9]
    assert figure.data[0].text[0] == "40 %"


def test_the_title_names_the_ends(per_class_frame):
    assert precision_recall_bars(per_class_frame).layout.title.text == "Recall ranges from 40 % (shirt) to 90 % (bag)"


def test_the_weakest_are_kept_when_there_are_too_many():
    many = pd.DataFrame({"class": range(100), "precision": 0.5, "recall": np.linspace(0, 1, 100)})
    figure = precision_recall_bars(many)
    assert len(figure.data[0].x) == 40 and max(figure.data[0].x) < 0.5
    assert "60 better classes not shown" in figure.layout.annotations[0].text


def test_a_class_without_predictions_says_none(per_class_frame):
    per_class_frame.loc[1, "precision"] = np.nan
    assert precision_recall_bars(per_class_frame).data[1].text[0] == "none"


def test_names_are_text(per_class_frame, evil):
    per_class_frame["class"] = evil[:3]
    assert "<img" not in precision_recall_bars(per_class_frame).to_json()


def test_a_missing_column_is_refused():
    with pytest.raises(ValueError, match="missing: recall"):
        precision_recall_bars(pd.DataFrame({"class": ["a"], "precision": [1.0]}))
