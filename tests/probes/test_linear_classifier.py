"""The linear classifier under every probe: against scikit-learn, and on features that are awkward."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import ThreadpoolController

from workbench.probes.linear_classifier import INVERSE_PENALTIES, LinearClassifier, fit_standardization


def clouds(n=200, d=5, k=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    return rng.normal(size=(n, d)) + 3 * np.eye(k, d)[y], y


def test_it_is_a_logistic_regression_on_standardised_features():
    x, y = clouds()
    z = (x - x.mean(0)) / x.std(0)
    mine = LinearClassifier(x * 1000 + 7, y).predict_proba(x * 1000 + 7, 3)
    near = [np.abs(LogisticRegression(C=c).fit(z, y).predict_proba(z) - mine).max() for c in INVERSE_PENALTIES]
    assert min(near) < 0.01


@pytest.mark.parametrize("k", [2, 3])
def test_its_logits_give_its_probabilities(k):
    x, y = clouds(k=k, d=7)
    probe = LinearClassifier(x, y)
    weights, bias = probe.weight_and_bias()
    powers = np.exp(x @ weights + bias)
    assert weights.shape == (7, k)
    assert powers / powers.sum(1, keepdims=True) == pytest.approx(probe.predict_proba(x, k), abs=1e-9)


def test_weights_move_the_border():
    x, y = clouds(k=2, d=2)
    far = LinearClassifier(x, y, np.where(y == 0, 50.0, 1.0))
    assert (far.predict(x) == 0).mean() > (LinearClassifier(x, y).predict(x) == 0).mean()


def test_noise_is_regularised_away():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(100, 80)), np.arange(100) % 2
    assert LinearClassifier(x, y).predict_proba(rng.normal(size=(500, 80)), 2).max() < 0.8


def test_wide_features_are_turned_not_lost():
    x, y = clouds()
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(300, 5)))[0].T
    middle, onto = fit_standardization(x @ turn)
    assert middle.shape == (300,) and onto.shape[1] == 5
    assert (LinearClassifier(x @ turn, y).predict(x @ turn) == y).mean() > 0.9


@pytest.mark.parametrize("width", [3, 150])
def test_constant_and_equal_features_say_nothing_and_break_nothing(width):
    x, y = clouds()
    x = np.concatenate([np.full((200, width), 0.1), x, x], axis=1)
    assert (LinearClassifier(x, y).predict(x) == y).mean() > 0.9
    dead = LinearClassifier(np.full((20, width), 0.1), np.arange(20) % 2)
    assert np.allclose(dead.decision_function(np.full((4, width), 0.1)), 0, atol=1e-6)


def test_a_class_of_one_and_one_never_learnt():
    x, y = clouds(n=30)
    y[0] = 4
    told = LinearClassifier(x, y).predict_proba(x, 6)
    assert told.shape == (30, 6) and (told[:, [3, 5]] == 0).all() and np.allclose(told.sum(1), 1)
    assert set(LinearClassifier(x[:2], np.array([0, 1])).predict(x)) <= {0, 1}


def test_its_small_products_run_on_one_thread(monkeypatch):
    seen = []
    fit = LogisticRegression.fit

    def watched(self, *args, **kwargs):
        seen.append([pool["num_threads"] for pool in ThreadpoolController().info() if pool["user_api"] == "blas"])
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(LogisticRegression, "fit", watched)
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        LinearClassifier(*clouds(), inverse_penalty=1e-2)
    assert seen and all(count == 1 for counts in seen for count in counts)
