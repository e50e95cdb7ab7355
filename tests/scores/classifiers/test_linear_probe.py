"""The linear probe against scikit-learn on the same folds."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from workbench.errors import BadValue
from workbench.scores import scores
from workbench.scores.softmax_regression import assign_folds

linear_probe = scores["linear_probe"]


def test_it_is_scikit_learns_accuracy_on_the_same_folds(case):
    f, y = case(14).data
    fold, right = assign_folds(y, 4, seed=2), 0
    for number in range(4):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, tol=1e-10, max_iter=5000))
        model.fit(f[fold != number], y[fold != number])
        right += (model.predict(f[fold == number]) == y[fold == number]).sum()
    assert linear_probe(f, y, folds=4, strength=0.3, seed=2) == pytest.approx(right / len(y), abs=1e-12)


def test_classes_that_a_line_parts_are_all_told():
    y = np.arange(40) % 2
    f = np.random.default_rng(0).standard_normal((40, 3)) + y[:, None] * [20, 0, 0]
    assert linear_probe(f, y) == 1


def test_labels_without_a_cause_are_guessed(case):
    given = case(10)
    assert linear_probe(given.features, np.random.default_rng(0).permutation(given.labels)) < 0.35


def test_options_out_of_range_are_refused(small):
    with pytest.raises(BadValue, match="folds from 2 to 60"):
        linear_probe(*small.data, folds=1)
    with pytest.raises(BadValue, match="strength"):
        linear_probe(*small.data, strength=0)
