"""A linear classifier whose regularisation is chosen on rows held back from it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from workbench import threads
from workbench.probes.samples import halves

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # inverse penalties; features are standardised, so these serve any
UNJUDGED = 1e-2  # the penalty where no row can be spared to choose it
ENOUGH = 100  # columns; wider features are turned to their principal directions first


class Linear:
    """Logistic regression on standardised features.

    Args:
        x: features (N, D).
        y: codes of the classes (N,).
        weights: of the rows (N,); all alike if None.
        seed: of the rows held back to choose the penalty.
        strength: the inverse penalty, where it was chosen before.
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray | None = None,
        seed: int = 0,
        strength: float | None = None,
    ) -> None:
        self._middle, self._turn = directions(x)
        held = np.ones(len(x)) if weights is None else weights / weights.mean()
        inside = self._seen(x)
        self.strength = strength or self._chosen(inside, y, held, seed)
        self._model = _fitted(inside, y, held, self.strength)
        self.classes: np.ndarray = self._model.classes_

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Of two classes, the log-odds of the second: x (N, D) -> (N,)."""
        return self._model.decision_function(self._seen(x))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The most probable class: x (N, D) -> (N,)."""
        return self._model.predict(self._seen(x))

    def probabilities(self, x: np.ndarray, count: int) -> np.ndarray:
        """Of each of `count` classes, 0 for those never learnt: x (N, D) -> (N, K)."""
        spread = np.zeros((len(x), count))
        spread[:, self.classes] = self._model.predict_proba(self._seen(x))
        return spread

    def logits(self) -> tuple[np.ndarray, np.ndarray]:
        """The same as a linear layer on the features as they are: weights (D, K) and bias (K,), a column a class."""
        rows, offset = self._model.coef_, self._model.intercept_
        if len(rows) == 1:  # of two classes, only the second's log-odds are kept
            rows, offset = np.concatenate([0 * rows, rows]), np.concatenate([0 * offset, offset])
        weights = self._turn @ rows.T
        return weights, offset - self._middle @ weights

    def _seen(self, x: np.ndarray) -> np.ndarray:
        return (x - self._middle) @ self._turn

    def _chosen(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, seed: int) -> float:
        learn, judge = halves(y, seed, 0.75)
        losses = [self._loss(x, y, weights, learn, judge, c) for c in STRENGTHS if len(judge)]
        return STRENGTHS[int(np.argmin(losses))] if losses else UNJUDGED

    @staticmethod
    def _loss(x: np.ndarray, y: np.ndarray, weights: np.ndarray, learn: Any, judge: Any, strength: float) -> float:
        model = _fitted(x[learn], y[learn], weights[learn], strength)
        columns = np.searchsorted(model.classes_, y[judge])
        told = model.predict_proba(x[judge])[np.arange(len(judge)), columns]
        return float(-np.average(np.log(np.maximum(told, 1e-12)), weights=weights[judge] + 1e-12))


def directions(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean (D,) and the map (D, d) under which x (N, D) has columns of unit variance, at most 100 of them."""
    middle = x.mean(axis=0)
    deviation = x.std(axis=0)
    # a constant feature says nothing, and its rounding errors must not be blown up
    live = deviation > 1e-9 * (np.abs(middle) + 1e-300)
    scale = np.where(live, 1 / np.where(live, deviation, 1.0), 0.0)
    if x.shape[1] <= ENOUGH or not live.any():
        return middle, np.diag(scale) if live.any() else np.zeros((x.shape[1], 1))
    z = (x - middle) * scale
    values, turn = np.linalg.eigh(z.T @ z / len(z))
    kept = np.argsort(values)[::-1][:ENOUGH]
    kept = kept[values[kept] > 1e-9 * max(float(values.max()), 1e-300)]
    # left at their own variance: what varies little is not made loud
    return middle, scale[:, None] * turn[:, kept]


def _fitted(x: np.ndarray, y: np.ndarray, weights: np.ndarray, strength: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings(), threads.one():
        # a fit cut short is a fit a little more regularised
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=strength, max_iter=200, tol=1e-3).fit(x, y, sample_weight=weights)
