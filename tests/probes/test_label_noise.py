"""Likely wrong labels: the paper's counts by hand, planted mistakes found, clean labels left alone."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BadData, BadValue
from workbench.probes import find_label_issues
from workbench.probes.label_noise import apply_confident_learning, cross_val_probabilities


def groups(n=300, k=3, wrong=0.08, apart=3.0, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    x = rng.normal(size=(n, 10)) + apart * np.eye(10)[truth]
    y, planted = truth.copy(), rng.permutation(n)[: int(wrong * n)]
    y[planted] = (truth[planted] + 1) % k
    return x, y, truth, planted


def test_the_counts_are_those_of_the_paper():
    p = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7], [0.55, 0.45]])
    y = np.array([0, 0, 0, 1, 1, 1])
    # thresholds: class 0 at (0.9 + 0.7 + 0.2) / 3 = 0.6, class 1 at (0.9 + 0.7 + 0.45) / 3 = 0.683
    joint, problem, suggested = apply_confident_learning(p, y)
    # counted: rows 0, 1 as 0; row 2 as 1; rows 3, 4 as 1; row 5 as nothing. Row of label 1 is scaled from 2 to 3 images
    assert np.allclose(joint, np.array([[2, 1], [0, 3]]) / 6)
    assert problem.tolist() == [False, False, True, False, False, False]
    assert suggested.tolist() == [1, 1, 1, 0, 0, 0]


def test_planted_mistakes_are_found_and_named():
    x, y, truth, planted = groups()
    found = find_label_issues(x, y, classes=["a", "b", "c"])
    hit = found.issues
    caught = len(set(hit["id"]) & set(planted)) / len(planted)
    assert caught >= 0.7 and len(set(hit["id"]) & set(planted)) / len(hit) > 0.7
    first = found.frame.head(len(planted) // 2)
    assert set(first["id"]) <= set(planted), "the likeliest are right"
    assert (first["suggested"] == np.array(["a", "b", "c"], object)[truth[first["id"]]]).all()
    assert abs(found.noise_rate - 0.08) < 0.04 and found.joint.sum() == pytest.approx(1)
    assert (first["neighbor_agreement"] < 0.5).all() and (np.diff(hit["margin"]) >= 0).all()
    assert "likely wrong" in str(found) and found.classes == ("a", "b", "c")


def test_clean_labels_are_left_alone():
    x, _, truth, _ = groups(apart=6.0)
    found = find_label_issues(x, truth)
    assert len(found.issues) == 0 and found.noise_rate == 0 and "no label" in str(found)


def test_no_image_is_judged_by_what_learnt_from_it():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 60)), np.arange(80) % 2
    p = cross_val_probabilities(x, y, 0)
    # fitted on itself, eighty rows in sixty dimensions would be told apart without a mistake
    assert 0.3 < (p.argmax(1) == y).mean() < 0.7 and np.allclose(p.sum(1), 1)


def test_refusals():
    x, y, _, _ = groups(30)
    with pytest.raises(BadValue, match="one label per image"):
        find_label_issues(x)
    with pytest.raises(BadData, match="at least two classes"):
        find_label_issues(x, np.zeros(30))
    with pytest.raises(BadData, match="'9' has a single image"):
        find_label_issues(x, np.where(np.arange(30) == 4, 9, y))
    with pytest.raises(BadData, match="not finite"):
        find_label_issues(x * np.nan, y)
