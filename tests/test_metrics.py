"""Metrics against hand-computed values and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support

from workbench.metrics import Evaluation, expected_calibration_error


def evaluation(labels, probabilities, kind="classes", classes=None, tasks=()):
    p = np.asarray(probabilities, dtype=float)
    names = classes or tuple("abcdefgh"[: p.shape[1]])
    return Evaluation(np.array([f"i{n}" for n in range(len(p))]), np.asarray(labels), p, names, kind, tasks)


@pytest.fixture
def random_answers():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4), 200)
    return rng.integers(0, 4, 200), p


def test_by_hand():
    result = evaluation([0, 0, 1], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    assert result.confusion.tolist() == [[1, 1], [0, 1]]
    assert result.accuracy == pytest.approx(2 / 3) and result.balanced_accuracy == pytest.approx(0.75)
    assert result.loss == pytest.approx(-(np.log(0.9) + np.log(0.2) + np.log(0.6)) / 3)
    assert result.mistakes.to_dict("records") == [
        {"id": "i1", "row": 1, "true": "a", "predicted": "b", "confidence": 0.8}
    ]


def test_against_scikit_learn(random_answers):
    y, p = random_answers
    result = evaluation(y, p)
    said = p.argmax(1)
    assert (result.confusion == confusion_matrix(y, said)).all()
    assert result.balanced_accuracy == pytest.approx(balanced_accuracy_score(y, said))
    assert result.loss == pytest.approx(log_loss(y, p))
    precision, recall, f1, n = precision_recall_fscore_support(y, said)
    frame = result.per_class
    for column, expected in (("precision", precision), ("recall", recall), ("f1", f1), ("n", n)):
        assert np.allclose(frame[column], expected)


def test_calibration_error_by_hand():
    # two bins of 15: 0.95 twice (one right) and 0.55 once (right)
    p = np.array([[0.95, 0.05], [0.95, 0.05], [0.55, 0.45]])
    y = np.array([0, 1, 0])
    assert expected_calibration_error(y, p) == pytest.approx((abs(1 - 1.9) + abs(1 - 0.55)) / 3)


def test_calibration_of_a_perfect_forecaster_is_small():
    rng = np.random.default_rng(1)
    p = rng.uniform(0.5, 1, 40_000)
    y = (rng.uniform(size=p.size) > p).astype(int)
    assert expected_calibration_error(y, np.stack([p, 1 - p], 1)) < 0.01


def test_tags():
    result = evaluation([[1, 0], [0, 1]], [[0.9, 0.2], [0.7, 0.4]], kind="tags", classes=("cat", "dog"))
    assert result.accuracy == pytest.approx(0.5)
    assert result.confusion.tolist() == [[[0, 1], [0, 1]], [[1, 0], [1, 0]]]
    assert result.per_class.recall.tolist() == [1.0, 0.0]
    assert result.mistakes.true.tolist() == ["no cat"] and result.mistakes.predicted.tolist() == ["cat"]


def test_tasks_average_over_tasks():
    p = [[0.9, 0.1, 0.2, 0.8], [0.3, 0.7, 0.6, 0.4]]
    tasks = (("shape", 2), ("hue", 2))
    result = evaluation([[0, 0], [1, 0]], p, kind="tasks", classes=("s: a", "s: b", "h: a", "h: b"), tasks=tasks)
    assert result.accuracy == pytest.approx((1.0 + 0.5) / 2)
    assert result.confusion.shape == (4, 4) and result.confusion[:2, 2:].sum() == 0
    assert result.mistakes[["true", "predicted"]].to_numpy().tolist() == [["h: a", "h: b"]]


def test_a_class_that_never_occurs_does_not_count_towards_balance():
    assert evaluation([0, 0], [[0.9, 0.1], [0.8, 0.2]]).balanced_accuracy == 1.0


def test_mistakes_come_worst_first():
    p = [[0.4, 0.6], [0.01, 0.99], [0.3, 0.7]]
    assert evaluation([0, 0, 0], p).mistakes.confidence.tolist() == [0.99, 0.7, 0.6]
