from types import SimpleNamespace

import numpy as np
import pytest

from workbench.figures import confusion_matrix

MATRIX = np.array([[9, 0, 1, 0], [0, 10, 0, 0], [4, 0, 6, 0], [0, 0, 0, 10]])
NAMES = ["coat", "bag", "shirt", "boot"]


def test_rows_are_true_and_columns_predicted_as_shares_of_the_row():
    heat = confusion_matrix(MATRIX, NAMES, cluster_classes=False).data[0]
    assert np.asarray(heat.z)[2].tolist() == [0.4, 0, 0.6, 0]
    assert heat.hovertext[2][0] == "<b>shirt</b> taken for coat<br>4 of 10 images, 40.0 %"
    assert list(heat.text[2]) == ["4", "", "6", ""]


def test_the_first_row_is_on_top():
    low, high = confusion_matrix(MATRIX, NAMES).layout.yaxis.range
    assert low > high


def test_the_title_answers():
    text = confusion_matrix(MATRIX, NAMES).layout.title.text.replace("<br>", " ")
    assert text == "3 of 4 classes above 80 % recall; shirt is most often taken for coat"


def test_ordered_puts_confused_classes_side_by_side():
    names = list(confusion_matrix(MATRIX, NAMES).layout.yaxis.ticktext)
    assert abs(names.index("coat") - names.index("shirt")) == 1
    assert list(confusion_matrix(MATRIX, NAMES, cluster_classes=False).layout.yaxis.ticktext) == NAMES


def test_numbers_only_up_to_twelve_classes():
    assert confusion_matrix(np.eye(12, dtype=int)).data[0].texttemplate
    assert confusion_matrix(np.eye(13, dtype=int)).data[0].texttemplate is None


def test_many_classes_still_fit():
    figure = confusion_matrix(np.eye(200, dtype=int), [f"class {i}" for i in range(200)])
    assert figure.layout.width <= 900 and len(figure.layout.xaxis.ticktext) < 100 and figure.to_svg()


def test_an_evaluation_is_taken_for_its_matrix():
    figure = confusion_matrix(SimpleNamespace(confusion=MATRIX, classes=tuple(NAMES)))
    assert set(figure.layout.xaxis.ticktext) == set(NAMES)


def test_names_are_text(evil):
    figure = confusion_matrix(np.eye(5, dtype=int) + np.eye(5, k=1, dtype=int), evil)
    html = figure.to_json()
    assert "<img" not in html and "<a " not in html and "&lt;img" in html


def test_a_perfect_and_an_empty_matrix():
    assert confusion_matrix(np.eye(3, dtype=int)).layout.title.text.endswith("without a mistake")
    assert confusion_matrix(np.zeros((3, 3), int)).to_svg()


@pytest.mark.parametrize(("matrix", "names"), [(np.zeros((2, 3)), None), (np.eye(2), ["a"]), (np.zeros((0, 0)), None)])
def test_what_does_not_match_is_refused(matrix, names):
    with pytest.raises(ValueError, match="matri"):
        confusion_matrix(matrix, names)
