"""What predictions are worth: accuracy, calibration, confusion, mistakes. Arrays in, frozen results out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue, printable_text


@check_arguments
@dataclass(frozen=True)
class Evaluation:
    """Predictions and what they are worth.

    Attributes:
        ids: (N,) the images' names.
        labels: (N,) class indices; (N, K) 0/1 for tags; (N, T) one class index a task.
        probabilities: (N, K).
        classes: the K names.
        kind: `classes`, `tags` or `tasks`.
        tasks: the sizes of the tasks, by name; one nameless task unless `kind` is `tasks`.
        loss: mean cross-entropy, in nats.

    Raises:
        BadValue: lengths that differ, labels that are no classes, or probabilities outside 0 to 1.
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
        parts = [columns(self, index) for index in range(len(self.tasks) if self.kind == "tasks" else 1)]
        confusions = [confusion(y, p.argmax(1), p.shape[1]) for y, p in parts] if self.kind != "tags" else []
        values = {
            "confusion": tag_confusion(self.labels, self.probabilities) if self.kind == "tags" else blocks(confusions),
            "accuracy": mean([accuracy(y, p, self.kind) for y, p in parts]),
            "balanced_accuracy": mean([balanced(y, p, self.kind) for y, p in parts]),
            "calibration_error": mean([calibration_error(y, p, self.kind) for y, p in parts]),
            "loss": mean([cross_entropy(y, p, self.kind) for y, p in parts]),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def per_class(self) -> pd.DataFrame:
        """Images, precision, recall and F1 of each class, in the order of the classes.

        Precision is NaN where a class is never predicted; recall and F1 are where it has no images (`n` is 0).
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
    def absent(self) -> tuple[str, ...]:
        """The classes, or tags, that no image has."""
        held = self.confusion[:, 1].sum(1) if self.kind == "tags" else self.confusion.sum(1)
        return tuple(name for name, count in zip(self.classes, held.tolist(), strict=True) if not count)

    @property
    def mistakes(self) -> pd.DataFrame:
        """Wrong answers, the most confident first: id, row, true, predicted, confidence.

        Of tags, the images with any tag wrong, by the confidence in the worst one; of tasks, one row a task.
        """
        frames = [self._mistakes(index) for index in range(max(len(self.tasks), 1) if self.kind == "tasks" else 1)]
        return pd.concat(frames).sort_values("confidence", ascending=False, kind="stable").reset_index(drop=True)

    @check_arguments
    def summary(self) -> dict[str, float]:
        """The figures in a mapping: loss, accuracy, balanced accuracy, calibration error."""
        names = ("loss", "accuracy", "balanced_accuracy", "calibration_error")
        return {name: float(getattr(self, name)) for name in names}

    @printable_text
    def __repr__(self) -> str:
        absent = f" ({', '.join(self.absent):.80} not among them)" if self.absent else ""
        return (
            f"Evaluation of {len(self.ids):,} images, {len(self.classes)} classes{absent}: "
            f"accuracy {self.accuracy:.1%}, balanced {self.balanced_accuracy:.1%}, "
            f"calibration error {self.calibration_error:.3f}"
        )

    def _mistakes(self, index: int) -> pd.DataFrame:
        y, p = columns(self, index)
        names = np.array(self.classes)
        if self.kind == "tags":
            off = np.abs(p - y)
            worst, rows = off.argmax(1), np.flatnonzero((off > 0.5).any(1))
            said = np.where(y[rows, worst[rows]] > 0, "no ", "")
            true = np.where(y[rows, worst[rows]] > 0, "", "no ")
            word = names[worst[rows]]
            return frame(self.ids, rows, np.char.add(true, word), np.char.add(said, word), off[rows, worst[rows]])
        if self.kind == "tasks":
            start = sum(size for _, size in self.tasks[:index])
            names = names[start : start + p.shape[1]]
        predicted = p.argmax(1)
        rows = np.flatnonzero(predicted != y)
        return frame(self.ids, rows, names[y[rows]], names[predicted[rows]], p[rows, predicted[rows]])


def check_predictions(evaluation: Evaluation) -> None:
    """Refuses labels and probabilities of which no metric can be computed.

    Raises:
        BadValue: the reason.
    """
    n, k, y, p = len(evaluation.ids), len(evaluation.classes), evaluation.labels, evaluation.probabilities
    if p.shape != (n, k):
        raise BadValue(f"probabilities are one a class for each image, ({n}, {k}); got {p.shape}")
    width = {"classes": (), "tags": (k,), "tasks": (len(evaluation.tasks),)}[evaluation.kind]
    if y.shape != (n, *width):
        raise BadValue(f"labels of {evaluation.kind} for {n} images have the shape {(n, *width)}; got {y.shape}")
    if evaluation.kind == "tasks" and sum(size for _, size in evaluation.tasks) != k:
        raise BadValue(f"the tasks' sizes add up to the {k} classes; got {dict(evaluation.tasks)}")
    if not n:
        return
    for name, values in (("labels", y), ("probabilities", p)):
        if values.dtype.kind not in "fiub" or not np.isfinite(values).all():
            raise BadValue(f"{name} are finite numbers; some are not: leave those images out")
    # rounding of half precision
    if p.min() < 0 or p.max() > 1 + 1e-3:
        raise BadValue(
            f"probabilities lie within 0 and 1; got {p.min():.3g} to {p.max():.3g}: logits need a softmax first"
        )
    for index in range(max(len(evaluation.tasks), 1) if evaluation.kind == "tasks" else 1):
        _check_part(*columns(evaluation, index), evaluation.kind)


def _check_part(y: np.ndarray, p: np.ndarray, kind: str) -> None:
    """Refuses labels (N,) or (N, K) beyond the classes, and probabilities (N, K) that do not add up."""
    most = 1 if kind == "tags" else p.shape[1] - 1
    if y.min() < 0 or y.max() > most or (y != np.round(y)).any():
        raise BadValue(f"labels of {kind} are whole numbers from 0 to {most}; got {y.min():g} to {y.max():g}")
    if kind != "tags" and np.abs(p.sum(axis=1) - 1).max() > 1e-2:
        raise BadValue("the probabilities of an image add up to 1; logits need a softmax first")


def frame(ids: np.ndarray, rows: np.ndarray, true: Any, predicted: Any, confidence: Any) -> pd.DataFrame:
    """Mistakes as a frame."""
    return pd.DataFrame(
        {"id": ids[rows], "row": rows, "true": true, "predicted": predicted, "confidence": confidence.astype(float)}
    )


def columns(evaluation: Evaluation, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of one task; everything where there is one."""
    if evaluation.kind != "tasks":
        return evaluation.labels, evaluation.probabilities
    start = sum(size for _, size in evaluation.tasks[:index])
    return evaluation.labels[:, index], evaluation.probabilities[:, start : start + evaluation.tasks[index][1]]


def confusion(labels: np.ndarray, predicted: np.ndarray, k: int) -> np.ndarray:
    """How often class i (row) was called class j (column), (K, K)."""
    return np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k)


def tag_confusion(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """A two-by-two table a tag, (K, 2, 2): absent or present by called absent or present, at one half."""
    index = (2 * (labels > 0.5) + (probabilities > 0.5)).astype(int)
    return np.stack([np.bincount(column, minlength=4).reshape(2, 2) for column in index.T])


def blocks(parts: list[np.ndarray]) -> np.ndarray:
    """Square tables along one diagonal."""
    size = sum(len(part) for part in parts)
    whole, at = np.zeros((size, size), dtype=int), 0
    for part in parts:
        whole[at : at + len(part), at : at + len(part)] = part
        at += len(part)
    return whole


def accuracy(y: np.ndarray, p: np.ndarray, kind: str) -> float:
    """Share of right answers; of tags, over all images and tags, at one half."""
    return mean(((p > 0.5) == (y > 0.5)).ravel() if kind == "tags" else p.argmax(1) == y)


def balanced(y: np.ndarray, p: np.ndarray, kind: str) -> float:
    """Mean recall of the classes that occur; of tags, mean over tags of the recalls of present and absent."""
    if kind == "tags":
        pairs = np.stack([1 - p, p], axis=2)
        return mean([balanced(y[:, k].astype(int), pairs[:, k], "classes") for k in range(y.shape[1])])
    right = p.argmax(1) == y
    return mean([right[y == k].mean() for k in np.unique(y)])


def calibration_error(y: np.ndarray, p: np.ndarray, kind: str = "classes", bins: int = 15) -> float:
    """Expected calibration error: mean gap between confidence and accuracy over equal-width bins.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """
    if not len(y):
        return float("nan")
    if kind == "tags":
        confidence, right = np.maximum(p, 1 - p).ravel(), ((p > 0.5) == (y > 0.5)).ravel()
    else:
        confidence, right = p.max(1), p.argmax(1) == y
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def cross_entropy(y: np.ndarray, p: np.ndarray, kind: str = "classes") -> float:
    """Mean negative log-likelihood, in nats."""
    p = np.clip(p, 1e-12, 1.0)
    if kind == "tags":
        return mean(-(y * np.log(p) + (1 - y) * np.log(np.clip(1 - p, 1e-12, 1.0))).ravel())
    return mean(-np.log(p[np.arange(len(y)), y]))


def mean(values: Any) -> float:
    """The mean, or NaN of nothing."""
    return float(np.mean(values)) if len(values) else float("nan")
