"""What a pair of domains must be before anything is measured, and how it is halved."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BadData, BadValue
from workbench.probes.validation import (
    assign_folds,
    check_holdout,
    encode_labels,
    split_halves,
    to_domain_features,
    to_domain_pair,
)

X = np.arange(40.0).reshape(20, 2)


@pytest.mark.parametrize(
    ("x", "kind", "match"),
    [
        (X[:, 0], BadValue, r"\(N, D\)"),
        (X.astype(str), BadValue, "numbers"),
        (X[:, :0], BadValue, r"\(20, 0\)"),
        (X[:9], BadData, "9 source images are too few"),
        (np.where(X == 4, np.nan, X), BadData, "1 of 20 images are not finite, row 2"),
        (np.where(X > 30, np.inf, X), BadData, "not finite"),
    ],
)
def test_features_that_cannot_be_measured(x, kind, match):
    with pytest.raises(kind, match=match):
        to_domain_features(x, "source")


def test_features_of_any_number_type():
    assert to_domain_features(X.astype(np.float16), "target").dtype == np.float64
    assert to_domain_features(X.astype(np.uint8).tolist(), "target").shape == (20, 2)


def test_both_domains_are_as_wide():
    with pytest.raises(BadValue, match="from the same stage; got 2 and 1 wide"):
        to_domain_pair(X, X[:, :1])


def test_labels_share_one_code():
    s, t, classes = encode_labels(["b", "c", "b"], ["a", "c"], (3, 2))
    assert classes.tolist() == ["a", "b", "c"]
    assert s.tolist() == [1, 2, 1] and t.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("s", "t", "kind", "match"),
    [
        ([0, 1], [0, 1, 0], BadValue, r"\(3,\); got \(2,\)"),
        ([0, 1, 0], ["a", "b", "a"], BadValue, "labels of the same kind"),
        ([0, 0, 0], [0, 1, 0], BadData, "at least two classes"),
        ([0, 1, np.nan], [0, 1, 0], BadData, "not finite"),
    ],
)
def test_labels_that_do_not_fit(s, t, kind, match):
    with pytest.raises(kind, match=match):
        encode_labels(s, t, (3, 3))


def test_halves_are_disjoint_even_in_every_group_and_seeded():
    groups = np.repeat([0, 1, 2], [10, 7, 1])
    first, second = split_halves(groups, 3)
    assert sorted([*first, *second]) == list(range(18))
    assert (groups[first] == 0).sum() == 5 and (groups[first] == 1).sum() in (3, 4) and (groups[first] == 2).sum() == 1
    assert (first == split_halves(groups, 3)[0]).all()
    assert any(
        (first != split_halves(groups, seed)[0]).any()
        for seed in (4, 5)
        if len(split_halves(groups, seed)[0]) == len(first)
    )


def test_folds_hold_every_group_evenly():
    groups = np.repeat([0, 1, 2], [11, 5, 1])
    of = assign_folds(groups, 5, 0)
    assert sorted(np.bincount(of[groups == 0], minlength=5)) == [2, 2, 2, 2, 3]
    assert sorted(of[groups == 1]) == [0, 1, 2, 3, 4]
    assert (of == assign_folds(groups, 5, 0)).all() and (of != assign_folds(groups, 5, 1)).any()


def test_something_must_be_left_to_judge_by():
    with pytest.raises(BadData, match="several per class"):
        check_holdout(split_halves(np.arange(5), 0))
