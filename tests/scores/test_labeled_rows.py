"""What features and labels may be, and what is said where they are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.errors import BadData, BadValue
from workbench.scores import labeled_rows as module
from workbench.scores.labeled_rows import encode_classes, to_double, to_labeled_rows


@pytest.mark.parametrize(
    "labels",
    [
        ["b", "a", "b"],
        np.array([7.0, -1.0, 7.0]),
        torch.tensor([1, 0, 1], dtype=torch.uint8),
        pd.Series(["y", "x", "y"], dtype="category"),
        np.array([[3], [2], [3]]),
        [True, False, True],
    ],
)
def test_labels_are_classes_in_any_words(labels):
    classes, index = encode_classes(labels)
    assert len(classes) == 2 and index.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("labels", "kind", "said"),
    [
        ([0.5, 1.0, 2.0], BadData, "fractions"),
        ([0.0, float("nan"), 1.0], BadData, "NaN"),
        (["a", None, "b"], BadData, "missing"),
        (np.array(["a", 1, "b"], dtype=object), BadData, "mixed"),
        (np.eye(3), BadValue, r"\(3, 3\)"),
        ([], BadValue, r"\(0,\)"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, kind, said):
    with pytest.raises(kind, match=said):
        encode_classes(labels)


@pytest.mark.parametrize(
    ("values", "labels", "kind", "said"),
    [
        (np.ones(3), [0, 1, 0], BadValue, r"\(3,\)"),
        (np.ones((3, 0)), [0, 1, 0], BadValue, r"\(3, 0\)"),
        (np.ones((3, 2)), [0, 1], BadValue, "got 3 and 2"),
        (np.ones((1, 2)), [0], BadData, "two images"),
        (np.ones((3, 2)), ["a"] * 3, BadData, "all 3 labels are 'a'"),
        (np.array([["a"], ["b"]]), [0, 1], BadData, "real numbers"),
        (torch.ones(2, 2, dtype=torch.complex64), [0, 1], BadData, "real numbers"),
    ],
)
def test_features_that_do_not_fit_are_refused(values, labels, kind, said):
    with pytest.raises(kind, match=said):
        to_labeled_rows(values, labels)


def test_blocks_are_all_the_rows_in_order(small, monkeypatch):
    given = to_labeled_rows(small.features.astype(np.float32), small.labels)
    monkeypatch.setattr(module, "BLOCK", 0)
    parts = list(given.iter_blocks(numbers=35))
    assert [len(x) for x, _ in parts] == [7] * 8 + [4]
    assert torch.equal(torch.cat([x for x, _ in parts]), given.to_tensor())
    assert torch.equal(torch.cat([y for _, y in parts]), given.labels)
    assert torch.equal(given.take(torch.tensor([5, 2])), given.to_tensor()[[5, 2]])


def test_a_block_is_a_copy_of_an_array(small):
    block = to_double(small.features)
    block.zero_()
    assert small.features.any()


def test_the_row_that_is_not_finite_is_named():
    x = np.ones((40, 3), dtype=np.float16)
    x[31, 1] = np.inf
    with pytest.raises(BadData, match="row 31"):
        to_double(x)
    with pytest.raises(BadData, match="row 131"):
        to_double(torch.from_numpy(x), 100)
    with pytest.raises(BadData, match="overflows"):
        to_double(np.full((40, 3), 1e308))
