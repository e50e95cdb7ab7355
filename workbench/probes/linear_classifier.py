"""Linear classifier whose regularisation is chosen on held-out rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from workbench import _threads
from workbench.probes.validation import split_halves

INVERSE_PENALTIES = (
    1e-4,
    1e-3,
    1e-2,
    1e-1,
    1.0,
)  # inverse penalties; they suit any features, since these are standardised
DEFAULT_INVERSE_PENALTY = 1e-2  # if no row can be held out to choose it
MAX_COMPONENTS = 100  # columns; wider features are projected on their principal directions first


class LinearClassifier:
    """Logistic regression on standardised features.

    Args:
        x: features (N, D).
        y: codes of the classes (N,).
        weights: of the rows (N,); all equal if None.
        seed: of the rows held out to choose the penalty.
        inverse_penalty: scikit-learn's C, if it was chosen before.
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray | None = None,
        seed: int = 0,
        inverse_penalty: float | None = None,
    ) -> None:
        self._mean, self._projection = fit_standardization(x)
        row_weights = np.ones(len(x)) if weights is None else weights / weights.mean()
        z = self._transform(x)
        self.inverse_penalty = inverse_penalty or self._choose_inverse_penalty(z, y, row_weights, seed)
        self._model = _fit_logistic_regression(z, y, row_weights, self.inverse_penalty)
        self.classes: np.ndarray = self._model.classes_

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        """Return the log-odds of the second of two classes: x (N, D) -> (N,)."""
        return self._model.decision_function(self._transform(x))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Predict the most probable class: x (N, D) -> (N,)."""
        return self._model.predict(self._transform(x))

    def predict_proba(self, x: np.ndarray, n_classes: int) -> np.ndarray:
        """Return probabilities of `n_classes` classes, 0 for those without training rows: x (N, D) -> (N, K)."""
        probabilities = np.zeros((len(x), n_classes))
        probabilities[:, self.classes] = self._model.predict_proba(self._transform(x))
        return probabilities

    def weight_and_bias(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the classifier as a linear layer on unscaled features: weights (D, K) and bias (K,)."""
        rows, offset = self._model.coef_, self._model.intercept_
        if len(rows) == 1:  # of two classes, scikit-learn stores only the second's log-odds
            rows, offset = np.concatenate([0 * rows, rows]), np.concatenate([0 * offset, offset])
        weights = self._projection @ rows.T
        return weights, offset - self._mean @ weights

    def _transform(self, x: np.ndarray) -> np.ndarray:
        return (x - self._mean) @ self._projection

    def _choose_inverse_penalty(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray, seed: int) -> float:
        train_rows, test_rows = split_halves(y, seed, 0.75)
        losses = [
            self._validation_loss(x, y, weights, train_rows, test_rows, c) for c in INVERSE_PENALTIES if len(test_rows)
        ]
        return INVERSE_PENALTIES[int(np.argmin(losses))] if losses else DEFAULT_INVERSE_PENALTY

    @staticmethod
    def _validation_loss(
        x: np.ndarray, y: np.ndarray, weights: np.ndarray, train_rows: Any, test_rows: Any, inverse_penalty: float
    ) -> float:
        model = _fit_logistic_regression(x[train_rows], y[train_rows], weights[train_rows], inverse_penalty)
        columns = np.searchsorted(model.classes_, y[test_rows])
        probabilities = model.predict_proba(x[test_rows])[np.arange(len(test_rows)), columns]
        return float(-np.average(np.log(np.maximum(probabilities, 1e-12)), weights=weights[test_rows] + 1e-12))


def fit_standardization(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (D,) and the map (D, d) that standardise x (N, D), with at most 100 columns."""
    middle = x.mean(axis=0)
    deviation = x.std(axis=0)
    # a constant feature has no information, and its rounding errors must not be scaled up
    is_varying = deviation > 1e-9 * (np.abs(middle) + 1e-300)
    scale = np.where(is_varying, 1 / np.where(is_varying, deviation, 1.0), 0.0)
    if x.shape[1] <= MAX_COMPONENTS or not is_varying.any():
        return middle, np.diag(scale) if is_varying.any() else np.zeros((x.shape[1], 1))
    z = (x - middle) * scale
    values, directions = np.linalg.eigh(z.T @ z / len(z))
    order = np.argsort(values)[::-1][:MAX_COMPONENTS]
    order = order[values[order] > 1e-9 * max(float(values.max()), 1e-300)]
    # principal components keep their own variance: components of small variance are not scaled up
    return middle, scale[:, None] * directions[:, order]


def _fit_logistic_regression(x: np.ndarray, y: np.ndarray, weights: np.ndarray, inverse_penalty: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings(), _threads.limit_to_one_thread():
        # a fit that stops early acts as a little more regularisation
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=inverse_penalty, max_iter=200, tol=1e-3).fit(x, y, sample_weight=weights)
