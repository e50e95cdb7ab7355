"""Leave-one-out neighbours against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from workbench.errors import BadData, BadValue
from workbench.scores import scores
from workbench.scores.classifiers import _knn as module

knn = scores["knn"]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_one_neighbour_is_scikit_learns(small, metric):
    model = KNeighborsClassifier(1, metric=metric)
    expected = cross_val_score(model, *small.data, cv=LeaveOneOut()).mean()
    assert knn(*small.data, k=1, metric=metric) == pytest.approx(expected, abs=1e-12)


def test_two_of_three_votes_win(small):
    # of two classes three votes are never equal
    y = small.labels > 0
    expected = cross_val_score(KNeighborsClassifier(3), small.features, y, cv=LeaveOneOut()).mean()
    assert knn(small.features, y, k=3) == pytest.approx(expected, abs=1e-12)


def test_of_equal_votes_the_nearest_wins():
    f = np.array([[0.0], [1.0], [-2.0], [10.0], [10.5]])
    # the first image's two nearest are of either class, and the nearest is of its own; so on along the line
    assert knn(f, ["a", "a", "b", "b", "b"], k=2) == pytest.approx(4 / 5)


def test_no_image_is_its_own_neighbour(case):
    given = case(14)
    shuffled = np.random.default_rng(0).permutation(given.labels)
    assert knn(given.features, shuffled, k=1) < 0.5


def test_the_blocks_meet(small, monkeypatch):
    whole = knn(*small.data, k=4)
    monkeypatch.setattr(module, "BLOCK", 60 * 7)
    assert knn(*small.data, k=4) == whole


def test_far_from_zero_neighbours_are_still_told_apart(small):
    assert knn(small.features + 1e7, small.labels) == knn(*small.data)


def test_a_vector_of_zeros_has_no_cosine(small):
    f = small.features.copy()
    f[17] = 0
    with pytest.raises(BadData, match="image 17"):
        knn(f, small.labels, metric="cosine")


def test_options_out_of_range_are_refused(small):
    for options in ({"k": 0}, {"k": 60}):
        with pytest.raises(BadValue, match="k from 1 to 59"):
            knn(*small.data, **options)
    with pytest.raises(BadValue, match="one of euclidean, cosine"):
        knn(*small.data, metric="manhattan")
