"""Labels of any form as numbers with names: one rule for every source."""

from __future__ import annotations

import itertools
import random
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.data.labels.label_encoding import encode_classes, encode_labels
from workbench.errors import BadData

EYE = np.eye(3)[[0, 2, 1, 2]]


def words(given, **options) -> list[str]:
    labels = encode_labels(given, **options)
    return [labels.names[k] for k in labels.values]


@pytest.mark.parametrize("given", list(itertools.permutations([1, 1.0, "1", "1.0"], 2)))
def test_a_whole_number_is_one_class_however_it_is_written(given):
    assert words([*given, 2]) == ["1", "1", "2"]


@pytest.mark.parametrize(
    "given",
    [
        np.array([3, 0, 3]),
        np.array([3.0, 0.0, 3.0], np.float16),
        np.array([[3], [0], [3]]),
        np.array(["3", "0", "3"]),
        np.array([b"3.0", b"0", b"3"]),
        torch.tensor([3, 0, 3]),
        torch.tensor([3, 0, 3]).bfloat16(),
        [torch.tensor(3), np.int8(0), Decimal("3.0")],
        pd.Series([3, 0, 3], index=[7, 8, 9]),
        pd.Series([3, 0, 3], dtype="Int64"),
        pd.Series(["3", "0", "3.0"], dtype="category"),
        pd.DataFrame({"y": [3.0, 0.0, 3.0]}),
        (3, 0, 3),
    ],
)
def test_every_form_of_a_column_gives_the_same_classes(given):
    assert words(given) == ["3", "0", "3"]


@pytest.mark.parametrize(
    "given", [[0.5, 1], ["0.5", "1"], ["0,5", "1,25"], [np.float32(0.1), 2], ["a", 1.5], ["1e-05"]]
)
def test_fractions_are_no_classes(given):
    with pytest.raises(BadData, match=r"is a fraction; [^$]* \(pandas\.cut does\)"):
        encode_labels(given)


@pytest.mark.parametrize(
    "empty", [None, float("nan"), np.nan, "", "  ", pd.NA, pd.NaT, -1, -1.0, "-1", "-1.0", np.int64(-3)]
)
def test_an_image_without_a_label_is_refused_at_every_place(empty):
    with pytest.raises(BadData, match="row 1 and 1 more of y has no label"):
        encode_labels(["1", empty, "2", empty])
    with pytest.raises(BadData, match="has no label"):
        encode_labels([["a"], ["a", empty]])
    with pytest.raises(BadData, match="has no label"):
        encode_labels({"u": [1, empty], "v": [1, 0]})


def test_what_numpy_made_of_a_missing_word_is_no_class():
    with pytest.raises(BadData, match="row 1 of y has no label"):
        encode_labels(np.array(["cat", np.nan]))


@pytest.mark.parametrize("odd", [{"a": 1}, object(), 1j, float("inf")])
def test_what_is_neither_a_word_nor_a_number_is_refused(odd):
    with pytest.raises(BadData, match="row 1 of y cannot be a class"):
        encode_labels(["1", odd])


@pytest.mark.parametrize("odd", ["abc", 5, None, {1, 2}, np.zeros((2, 2, 2)), np.float64(3), iter([1, 2])])
def test_what_is_no_column_is_refused(odd):
    with pytest.raises(BadData, match="expected (one label per image|a list with one label per image|y of shape)"):
        encode_labels(odd)


def test_the_order_of_classes_is_total():
    names = ["10", "9", "a", "B", "é", "nan", "inf", "1_000", "007", "7", "-3", "1.5", "Ａ"]
    orders = {tuple(encode_classes(random.Random(i).sample(names, len(names))).names) for i in range(20)}
    assert orders == {("-3", "1.5", "007", "7", "9", "10", "1_000", "B", "a", "inf", "nan", "é", "Ａ")}


def test_one_word_in_two_codings_is_one_class():
    assert encode_labels(["e\u0301", "\u00e9", " x "]).names == ("x", "é")


def test_codes_keep_their_zeros():
    assert encode_labels(["007", "010"]).names == ("007", "010")


def test_yes_and_no_are_words_and_take_names():
    assert words([True, False]) == ["True", "False"]
    assert words(np.array([True, False]), classes=["no", "yes"]) == ["yes", "no"]


def test_whole_numbers_take_the_names_of_classes():
    for given in ([0, 1, 0], ["0", "1", "0"], np.array([0.0, 1.0, 0.0])):
        assert words(given, classes=["cat", "dog"]) == ["cat", "dog", "cat"]
    assert words(["1", "2"], classes=["2", "1"]) == ["1", "2"]
    with pytest.raises(BadData, match="names 2 classes, numbers 0 to 1, but y runs from 4 to 5"):
        encode_labels([4, 5], classes=["u", "v"])


@pytest.mark.parametrize("given", [EYE, EYE.astype(bool), torch.from_numpy(EYE), EYE.tolist(), list(EYE)])
def test_one_hot_rows_are_classes_unless_tags_are_said(given):
    labels = encode_labels(given)
    assert labels.kind == "classes" and labels.values.tolist() == [0, 2, 1, 2] and 'kind="tags"' in labels.note
    assert encode_labels(given, classes=["a", "b", "c"]).names == ("a", "b", "c")
    tags = encode_labels(given, kind="tags")
    assert tags.kind == "tags" and (tags.values == EYE).all() and not tags.note


def test_one_hot_columns_are_classes_by_their_names():
    frame = pd.get_dummies(pd.Series(["dog", "cat", "dog"]))
    assert words(frame) == ["dog", "cat", "dog"]
    assert encode_labels({"u": ["0", "1"], "v": ["True", "False"]}, kind="tags").values.tolist() == [[0, 1], [1, 0]]


def test_rows_with_none_or_several_ones_are_tags():
    labels = encode_labels([[0, 1], [1, 1], [0, 0]])
    assert labels.kind == "tags" and labels.values.dtype == np.float32 and labels.names == ("0", "1")
    with pytest.raises(BadData, match='row 1 of y has 2 ones; kind="classes" needs exactly one'):
        encode_labels([[0, 1], [1, 1]], kind="classes")


def test_other_columns_are_tasks_where_that_is_clear():
    labels = encode_labels({"u": [0, 1], "v": [2, 0]})
    assert labels.kind == "tasks" and labels.names == ("u: 0", "u: 1", "v: 0", "v: 2")
    with pytest.raises(BadData, match='one column per tag.* kind="tasks"'):
        encode_labels(np.array([[0, 3], [1, 2]]))
    assert encode_labels(np.array([[0, 3], [1, 2]]), kind="tasks").tasks == {"0": ("0", "1"), "1": ("2", "3")}
    assert encode_labels({"u": [0, 1], "v": [1, 0]}, kind="tasks").kind == "tasks"


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ([["b"], ["a", "b"], []], {}),
        ([("b",), {"a", "b"}, ()], {}),
        (["b", "a;b", " ; "], {"separator": ";"}),
        (["['b']", '["a", "b"]', "[]"], {}),
        ([np.array(["b"]), np.array(["b", "a"]), []], {}),
    ],
)
def test_lists_and_words_in_one_cell_are_tags(given, options):
    labels = encode_labels(given, **options)
    assert labels.kind == "tags" and labels.names == ("a", "b")
    assert labels.values.tolist() == [[0, 1], [1, 1], [0, 0]]


def test_numbers_in_lists_are_tags_where_their_count_differs():
    assert encode_labels([[0], [0, 1.0], ["1"]]).values.tolist() == [[1, 0], [1, 1], [0, 1]]
    assert encode_labels(["1, 10", "2"], separator=",").names == ("1", "2", "10")


def test_rows_of_as_many_values_are_asked_about():
    with pytest.raises(BadData, match='kind="tags".*kind="tasks"'):
        encode_labels([("a", "x"), ("b", "y")])
    assert encode_labels([("a", "x"), ("b", "y")], kind="tasks").kind == "tasks"
    assert encode_labels([("a", "x"), ("b", "x")], kind="tags").names == ("a", "b", "x")
    with pytest.raises(BadData, match="row 1 of y is 'b' while others are lists"):
        encode_labels([["a"], "b"])


def test_one_label_in_every_list_is_a_class():
    assert (
        encode_labels([["cat"], ["dog"]]).kind == "classes"
        and encode_labels([["cat"], ["dog"]], kind="tags").kind == "tags"
    )


def test_a_class_that_reads_as_several_tags_is_pointed_out():
    assert "separator=' '" in encode_labels(["cat", "dog", "cat dog"]).note
    assert not encode_labels(["cat", "golden retriever"]).note


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (["a", "b"], {"kind": "tasks"}),
        (["a", "b"], {"separator": ",", "kind": "classes"}),
        ([["a"], ["a", "b"]], {"kind": "classes"}),
        ({"u": ["a", "b"], "v": ["c", "d"]}, {"kind": "tags"}),
        ({"u": ["a", "b"], "v": ["c", "d"]}, {"separator": " "}),
    ],
)
def test_a_kind_that_the_labels_are_not_is_refused(given, options):
    with pytest.raises(BadData, match="kind|separator"):
        encode_labels(given, **options)
