"""Softmax regression against scikit-learn's, and folds that are fair."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from workbench.errors import BadData
from workbench.scores.labeled_rows import to_labeled_rows
from workbench.scores.softmax_regression import SoftmaxRegression, assign_folds, cross_val_predict_proba


def test_the_weights_are_scikit_learns(case):
    f, y = case(14).data
    z = (f - f.mean(0)) / f.std(0)
    model = LogisticRegression(C=0.5, tol=1e-12, max_iter=5000).fit(z, y)
    probe = SoftmaxRegression.fit(torch.from_numpy(f), torch.from_numpy(y), 3, 0.5)
    np.testing.assert_allclose(probe.predict_proba(torch.from_numpy(f)), model.predict_proba(z), atol=1e-4, rtol=0)
    np.testing.assert_allclose(probe.weights.T, model.coef_, atol=1e-4)


def test_constant_features_are_left_out(case):
    f, y = (torch.from_numpy(a) for a in case(14).data)
    wide = torch.cat([f, torch.full((len(f), 1), 0.1, dtype=f.dtype)], 1)
    with_constant, without = (SoftmaxRegression.fit(x, y, 3, 1.0).predict_proba(x) for x in (wide, f))
    torch.testing.assert_close(with_constant, without, atol=1e-6, rtol=0)
    with pytest.raises(BadData, match="the same for all"):
        SoftmaxRegression.fit(wide[:, -1:], y, 3, 1.0)


def test_folds_are_even_in_images_and_classes():
    labels = np.repeat([0, 1, 2, 3], [31, 5, 1, 10])
    fold = assign_folds(labels, 5, seed=0)
    assert set(np.bincount(fold)) <= {9, 10}
    for label, count in enumerate([31, 5, 1, 10]):
        assert np.ptp(np.bincount(fold[labels == label], minlength=5)) <= 1, count
    assert not np.array_equal(fold, assign_folds(labels, 5, seed=1))


def test_no_image_is_tested_by_a_probe_that_saw_it():
    # the features are the image's own number: only one who saw it can tell
    y = np.random.default_rng(0).integers(0, 2, 40)
    probability = cross_val_predict_proba(to_labeled_rows(np.eye(40), y), folds=40, strength=1e6, seed=0)
    assert (probability.argmax(1).numpy() == y).mean() < 0.7
    assert probability.sum(1).numpy() == pytest.approx(np.ones(40))


def test_a_class_of_one_image_has_no_probability_when_it_is_held_out():
    y = np.array([0] * 10 + [1] * 10 + [2])
    f = np.random.default_rng(0).standard_normal((21, 2)) + y[:, None]
    assert cross_val_predict_proba(to_labeled_rows(f, y), 5, 1.0, 0)[20, 2] == 0


def test_two_images_are_too_few():
    with pytest.raises(BadData, match="too few"):
        cross_val_predict_proba(to_labeled_rows(np.eye(2), [0, 1]), 2, 1.0, 0)
