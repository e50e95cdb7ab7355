"""Metrics of predictions: accuracy, calibration, confusion matrix, mistakes. Arrays in, frozen results out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, escape_returned_text

__all__ = ["Evaluation"]


@check_arguments
@dataclass(frozen=True)
class Evaluation:
    """Predictions with their metrics.

    Attributes:
        ids: (N,) names of the images.
        labels: (N,) class indices; (N, K) 0/1 for tags; (N, T) one class index per task.
        probabilities: (N, K).
        classes: names of the K classes.
        kind: `classes`, `tags` or `tasks`.
        tasks: name and number of classes of each task; empty, or one unnamed task, unless `kind` is `tasks`.
        confusion: (K, K) counts, true class by predicted class; (K, 2, 2) for tags.
        accuracy: share of correct predictions, 0 to 1.
        balanced_accuracy: mean recall of the classes that occur, 0 to 1.
        calibration_error: expected calibration error, 0 to 1.
        loss: mean cross-entropy, in nats.

    Raises:
        BadValue: lengths that differ, labels beyond the classes, or probabilities outside 0 to 1.
    """

    ids: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    classes: Sequence[str]
    kind: Literal["classes", "tags", "tasks"] = "classes"
    tasks: tuple[tuple[str, int], ...] = ()
    confusion: np.ndarray = field(init=False)
    accuracy: float = field(init=False)
    balanced_accuracy: float = field(init=False)
    calibration_error: float = field(init=False)
    loss: float = field(init=False)

    def __post_init__(self) -> None:
        check_predictions(self)
        parts = [task_predictions(self, index) for index in range(len(self.tasks) if self.kind == "tasks" else 1)]
        confusions = [confusion_matrix(y, p.argmax(1), p.shape[1]) for y, p in parts] if self.kind != "tags" else []
        values = {
            "confusion": multilabel_confusion_matrix(self.labels, self.probabilities)
            if self.kind == "tags"
            else block_diagonal(confusions),
            "accuracy": mean_or_nan([accuracy_score(y, p, self.kind) for y, p in parts]),
            "balanced_accuracy": mean_or_nan([balanced_accuracy_score(y, p, self.kind) for y, p in parts]),
            "calibration_error": mean_or_nan([expected_calibration_error(y, p, self.kind) for y, p in parts]),
            "loss": mean_or_nan([cross_entropy(y, p, self.kind) for y, p in parts]),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def per_class(self) -> pd.DataFrame:
        """Number of images, precision, recall and F1 of each class, in the order of the classes.

        Precision is NaN for a class that is never predicted, recall and F1 for a class without images (`n` is 0).
        """
        if self.kind == "tags":
            hit, missed, false = self.confusion[:, 1, 1], self.confusion[:, 1, 0], self.confusion[:, 0, 1]
        else:
            hit = np.diag(self.confusion)
            missed, false = self.confusion.sum(1) - hit, self.confusion.sum(0) - hit
        with np.errstate(invalid="ignore", divide="ignore"):
            precision, recall = hit / (hit + false), hit / (hit + missed)
            f1 = np.where(hit + missed > 0, 2 * hit / (2 * hit + false + missed), np.nan)
        columns_ = {"class": self.classes, "n": hit + missed, "precision": precision, "recall": recall, "f1": f1}
        return pd.DataFrame(columns_)

    @property
    def absent_classes(self) -> tuple[str, ...]:
        """Classes, or tags, that no image has."""
        counts = self.confusion[:, 1].sum(1) if self.kind == "tags" else self.confusion.sum(1)
        return tuple(name for name, count in zip(self.classes, counts.tolist(), strict=True) if not count)

    @property
    def mistakes(self) -> pd.DataFrame:
        """Wrong predictions, most confident first: id, row, true, predicted, confidence.

        For tags: images with any wrong tag, sorted by the confidence of the worst one. For tasks: one row per task.
        """
        frames = [self._task_mistakes(index) for index in range(max(len(self.tasks), 1) if self.kind == "tasks" else 1)]
        return pd.concat(frames).sort_values("confidence", ascending=False, kind="stable").reset_index(drop=True)

    @check_arguments
    def summary(self) -> dict[str, float]:
        """Return loss, accuracy, balanced accuracy and calibration error as a mapping."""
        names = ("loss", "accuracy", "balanced_accuracy", "calibration_error")
        return {name: float(getattr(self, name)) for name in names}

    @escape_returned_text
    def __repr__(self) -> str:
        absent = f" ({', '.join(self.absent_classes):.80} without images)" if self.absent_classes else ""
        return (
            f"Evaluation of {len(self.ids):,} images, {len(self.classes)} classes{absent}: "
            f"accuracy {self.accuracy:.1%}, balanced {self.balanced_accuracy:.1%}, "
            f"calibration error {self.calibration_error:.3f}"
        )

    def _task_mistakes(self, index: int) -> pd.DataFrame:
        y, p = task_predictions(self, index)
        names = np.array(self.classes)
        if self.kind == "tags":
            off = np.abs(p - y)
            worst, rows = off.argmax(1), np.flatnonzero((off > 0.5).any(1))
            predicted_prefix = np.where(y[rows, worst[rows]] > 0, "no ", "")
            true_prefix = np.where(y[rows, worst[rows]] > 0, "", "no ")
            tag = names[worst[rows]]
            return mistakes_frame(
                self.ids,
                rows,
                np.char.add(true_prefix, tag),
                np.char.add(predicted_prefix, tag),
                off[rows, worst[rows]],
            )
        if self.kind == "tasks":
            start = sum(size for _, size in self.tasks[:index])
            names = names[start : start + p.shape[1]]
        predicted = p.argmax(1)
        rows = np.flatnonzero(predicted != y)
        return mistakes_frame(self.ids, rows, names[y[rows]], names[predicted[rows]], p[rows, predicted[rows]])


def check_predictions(evaluation: Evaluation) -> None:
    """Check that metrics can be computed from labels and probabilities.

    Raises:
        BadValue: they cannot, with the reason.
    """
    n, k, y, p = len(evaluation.ids), len(evaluation.classes), evaluation.labels, evaluation.probabilities
    if p.shape != (n, k):
        raise BadValue(f"expected probabilities of shape ({n}, {k}), one per image and class; got {p.shape}")
    width = {"classes": (), "tags": (k,), "tasks": (len(evaluation.tasks),)}[evaluation.kind]
    if y.shape != (n, *width):
        raise BadValue(f"expected labels of shape {(n, *width)} for {n} images with {evaluation.kind}; got {y.shape}")
    if evaluation.kind == "tasks" and sum(size for _, size in evaluation.tasks) != k:
        raise BadValue(f"expected task sizes that sum to the {k} classes; got {dict(evaluation.tasks)}")
    if not n:
        return
    for name, values in (("labels", y), ("probabilities", p)):
        if values.dtype.kind not in "fiub" or not np.isfinite(values).all():
            raise BadValue(f"{name} must be finite numbers; some are not: leave those images out")
    # tolerance for half precision
    if p.min() < 0 or p.max() > 1 + 1e-3:
        raise BadValue(
            f"expected probabilities from 0 to 1; got {p.min():.3g} to {p.max():.3g}: apply softmax to logits first"
        )
    for index in range(max(len(evaluation.tasks), 1) if evaluation.kind == "tasks" else 1):
        _check_task(*task_predictions(evaluation, index), evaluation.kind)


def _check_task(y: np.ndarray, p: np.ndarray, kind: str) -> None:
    """Check that labels (N,) or (N, K) are within the classes, and that probabilities (N, K) sum to 1."""
    most = 1 if kind == "tags" else p.shape[1] - 1
    if y.min() < 0 or y.max() > most or (y != np.round(y)).any():
        raise BadValue(f"expected {kind} labels that are integers from 0 to {most}; got {y.min():g} to {y.max():g}")
    if kind != "tags" and np.abs(p.sum(axis=1) - 1).max() > 1e-2:
        raise BadValue("expected probabilities that sum to 1 per image: apply softmax to logits first")


def mistakes_frame(ids: np.ndarray, rows: np.ndarray, true: Any, predicted: Any, confidence: Any) -> pd.DataFrame:
    """Build the frame of mistakes."""
    return pd.DataFrame(
        {"id": ids[rows], "row": rows, "true": true, "predicted": predicted, "confidence": confidence.astype(float)}
    )


def task_predictions(evaluation: Evaluation, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities of one task, or all of them if there is one task."""
    if evaluation.kind != "tasks":
        return evaluation.labels, evaluation.probabilities
    start = sum(size for _, size in evaluation.tasks[:index])
    return evaluation.labels[:, index], evaluation.probabilities[:, start : start + evaluation.tasks[index][1]]


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Count images of class i (row) predicted as class j (column), (K, K)."""
    return np.bincount(labels * n_classes + predicted, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


def multilabel_confusion_matrix(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Compute one confusion matrix per tag, (K, 2, 2): absent or present, by predicted so at threshold 0.5."""
    index = (2 * (labels > 0.5) + (probabilities > 0.5)).astype(int)
    return np.stack([np.bincount(column, minlength=4).reshape(2, 2) for column in index.T])


def block_diagonal(parts: list[np.ndarray]) -> np.ndarray:
    """Build a block-diagonal matrix."""
    size = sum(len(part) for part in parts)
    matrix, start = np.zeros((size, size), dtype=int), 0
    for part in parts:
        matrix[start : start + len(part), start : start + len(part)] = part
        start += len(part)
    return matrix


def accuracy_score(y: np.ndarray, p: np.ndarray, kind: str) -> float:
    """Compute the share of correct predictions; for tags, over all images and tags at threshold 0.5."""
    return mean_or_nan(((p > 0.5) == (y > 0.5)).ravel() if kind == "tags" else p.argmax(1) == y)


def balanced_accuracy_score(y: np.ndarray, p: np.ndarray, kind: str) -> float:
    """Compute the mean recall of the classes that occur; for tags, the mean recall of present and absent over tags."""
    if kind == "tags":
        pairs = np.stack([1 - p, p], axis=2)
        return mean_or_nan(
            [balanced_accuracy_score(y[:, k].astype(int), pairs[:, k], "classes") for k in range(y.shape[1])]
        )
    right = p.argmax(1) == y
    return mean_or_nan([right[y == k].mean() for k in np.unique(y)])


def expected_calibration_error(y: np.ndarray, p: np.ndarray, kind: str = "classes", n_bins: int = 15) -> float:
    """Compute the expected calibration error: mean gap between confidence and accuracy over bins of equal width.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """
    if not len(y):
        return float("nan")
    if kind == "tags":
        confidence, right = np.maximum(p, 1 - p).ravel(), ((p > 0.5) == (y > 0.5)).ravel()
    else:
        confidence, right = p.max(1), p.argmax(1) == y
    bin_index = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bin_index, weights=right - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(confidence))


def cross_entropy(y: np.ndarray, p: np.ndarray, kind: str = "classes") -> float:
    """Compute the mean negative log-likelihood, in nats."""
    p = np.clip(p, 1e-12, 1.0)
    if kind == "tags":
        return mean_or_nan(-(y * np.log(p) + (1 - y) * np.log(np.clip(1 - p, 1e-12, 1.0))).ravel())
    return mean_or_nan(-np.log(p[np.arange(len(y)), y]))


def mean_or_nan(values: Any) -> float:
    """Compute the mean; NaN if there are no values."""
    return float(np.mean(values)) if len(values) else float("nan")
