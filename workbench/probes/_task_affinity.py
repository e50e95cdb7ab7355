"""Task affinity: accuracy of linear heads for each target task on the frozen features of each source task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench._threads import limit_to_free_cores
from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue
from workbench.probes.stage_features import extract_stage_features

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.nets.net import Net

__all__ = ["TaskAffinity", "task_affinity"]

PENALTIES = 10.0 ** np.arange(-3, 5)  # of the ridge regression, times the number of images


@dataclass(frozen=True)
class TaskAffinity:
    """Accuracy of each source's features for each target task.

    Attributes:
        frame: one row per pair: source, target, accuracy and chance (0..1).
    """

    frame: pd.DataFrame

    @property
    def matrix(self) -> pd.DataFrame:
        """Accuracies (sources, targets), in the given order."""
        order = {column: self.frame[column].drop_duplicates() for column in ("source", "target")}
        return self.frame.pivot(index="source", columns="target", values="accuracy").loc[*order.values()]

    @property
    def best_sources(self) -> pd.Series:
        """Best source of each target."""
        return self.matrix.idxmax(axis=0).rename("source")


@check_arguments
@limit_to_free_cores()
def task_affinity(sources: Mapping[str, Net], images: Images) -> TaskAffinity:
    """Measure how well each source's frozen features predict each target task, as in Taskonomy's first-order matrix.

    A linear head (ridge regression to the classes, its penalty chosen by leave-one-out) is trained on the training
    images of each task and evaluated on the validation images. All targets share one forward pass per source.

    Source: Zamir et al. 2018, arXiv:1804.08328.

    Args:
        sources: nets by the names of their tasks.
        images: labelled for one task or several; each is a target.

    Raises:
        BadValue: no sources.
        BadData: tags, or no validation images.
    """
    if not sources:
        raise BadValue('expected at least one source, such as {"shape": wb.load_net("wb/residual-shape")}')
    if images.kind == "tags":
        raise BadData("task affinity needs classes, of one task or several; these images have tags")
    parts = [images.subset(split) for split in ("train", "valid")]
    if not len(parts[1]):
        raise BadData(f"{images.name} has no validation images: load it with valid=0.2")
    rows = []
    for name, net in sources.items():
        train, valid = (extract_stage_features(net, part) for part in parts)
        for index, (task, classes) in enumerate(images.tasks.items()):
            y, y_valid = (f.y[:, index] if images.kind == "tasks" else f.y for f in (train, valid))
            accuracy = linear_accuracy(train.x, y, valid.x, y_valid, len(classes))
            chance = float(np.bincount(y_valid, minlength=len(classes)).max() / len(y_valid))
            rows.append((name, task or images.name, accuracy, chance))
    return TaskAffinity(pd.DataFrame(rows, columns=["source", "target", "accuracy", "chance"]))


def linear_accuracy(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, n_classes: int) -> float:
    """Compute the accuracy of a linear head, trained on `x (N, D)`, `y (N,)`, on `x_test (M, D)`, `y_test (M,)`.

    The head is a ridge regression to the classes, with the penalty of the best leave-one-out accuracy. Leaving image i
    out scales its residual by 1 / (1 - h_ii), so that one decomposition serves every penalty and every image.
    """
    middle, spread = x.mean(0), x.std(0) + 1e-6
    x, x_test = (x - middle) / spread, (x_test - middle) / spread
    u, square = _left_singular_vectors(x.astype(np.float64))
    one_hot = np.eye(n_classes)[y]
    offset = one_hot.mean(0)
    projected = u.T @ (one_hot - offset)
    best_accuracy, weights = -1.0, np.zeros((x.shape[1], n_classes))
    for penalty in PENALTIES * len(x):
        shrink = square / (square + penalty)
        leverage = (u**2 @ shrink + 1 / len(x)).clip(max=1 - 1e-6)
        residual = one_hot - offset - u @ (shrink[:, None] * projected)
        left_out = one_hot - residual / (1 - leverage)[:, None]
        accuracy = float((left_out.argmax(1) == y).mean())
        if accuracy > best_accuracy:
            best_accuracy, weights = accuracy, x.T @ (u @ (projected / (square + penalty)[:, None]))
    return float(((x_test @ weights + offset).argmax(1) == y_test).mean())


def _left_singular_vectors(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return left singular vectors of `x (N, D)` in columns, and the squares of its singular values."""
    if len(x) < x.shape[1]:
        # fewer images than features: the Gram matrix is enough, in a third of the time or less
        square, u = np.linalg.eigh(x @ x.T)
        return u, square.clip(0)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    return u, s**2
