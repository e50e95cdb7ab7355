"""Which source task helps which target task: frozen features of each source, a linear head for each target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue
from workbench.probes.stage_features import features_at
from workbench.threads import spare

if TYPE_CHECKING:
    from workbench.images import Images
    from workbench.nets import Net

PENALTIES = 10.0 ** np.arange(-3, 5)  # of the ridge, times the number of images


@dataclass(frozen=True)
class Affinity:
    """What each source's features say about each target.

    Attributes:
        frame: source, target, accuracy and chance (0..1), a row a pair.
    """

    frame: pd.DataFrame

    @property
    def matrix(self) -> pd.DataFrame:
        """Accuracies (sources, targets), in the order given."""
        order = {column: self.frame[column].drop_duplicates() for column in ("source", "target")}
        return self.frame.pivot(index="source", columns="target", values="accuracy").loc[*order.values()]

    @property
    def best(self) -> pd.Series:
        """The best source of each target."""
        return self.matrix.idxmax(axis=0).rename("source")


@check_arguments
@spare()
def affinity(sources: Mapping[str, Net], images: Images) -> Affinity:
    """How well each source's frozen features answer each target task, as in Taskonomy's first-order matrix.

    A linear head (ridge regression to the classes, its penalty chosen by leave-one-out) is fitted on the training
    images of each task and judged on the validation images. All targets share one forward pass a source.

    source: Zamir et al. 2018, arXiv:1804.08328.

    Args:
        sources: nets by the names that their tasks are to bear.
        images: labelled by one task or several; each is a target.

    Raises:
        BadValue: no sources.
        BadData: tags, or no validation images.
    """
    if not sources:
        raise BadValue('affinity wants at least one source, such as {"shape": wb.load("wb/residual-shape")}')
    if images.kind == "tags":
        raise BadData("affinity reads classes, one task or several; these images hold tags")
    parts = [images.part(split) for split in ("train", "valid")]
    if not len(parts[1]):
        raise BadData(f"{images.name} has no validation images to judge by: open it with valid=0.2")
    rows = []
    for name, net in sources.items():
        train, valid = (features_at(net, part) for part in parts)
        for place, (task, classes) in enumerate(images.tasks.items()):
            y, held = (f.y[:, place] if images.kind == "tasks" else f.y for f in (train, valid))
            accuracy = linear_accuracy(train.x, y, valid.x, held, len(classes))
            chance = float(np.bincount(held, minlength=len(classes)).max() / len(held))
            rows.append((name, task or images.name, accuracy, chance))
    return Affinity(pd.DataFrame(rows, columns=["source", "target", "accuracy", "chance"]))


def linear_accuracy(x: np.ndarray, y: np.ndarray, held: np.ndarray, truth: np.ndarray, classes: int) -> float:
    """Accuracy of a linear head fitted to `x (N, D)`, `y (N,)` on `held (M, D)`, `truth (M,)`.

    The head is a ridge regression to the classes; of the penalties, the one whose leave-one-out answers are right
    most often is taken. Leaving image i out changes its residual by the factor 1 / (1 - h_ii), so that one
    decomposition serves every penalty and every image.
    """
    middle, spread = x.mean(0), x.std(0) + 1e-6
    x, held = (x - middle) / spread, (held - middle) / spread
    u, square = _directions(x.astype(np.float64))
    wanted = np.eye(classes)[y]
    offset = wanted.mean(0)
    projected = u.T @ (wanted - offset)
    best, weights = -1.0, np.zeros((x.shape[1], classes))
    for penalty in PENALTIES * len(x):
        shrink = square / (square + penalty)
        leverage = (u**2 @ shrink + 1 / len(x)).clip(max=1 - 1e-6)
        residual = wanted - offset - u @ (shrink[:, None] * projected)
        left_out = wanted - residual / (1 - leverage)[:, None]
        right = float((left_out.argmax(1) == y).mean())
        if right > best:
            best, weights = right, x.T @ (u @ (projected / (square + penalty)[:, None]))
    return float(((held @ weights + offset).argmax(1) == truth).mean())


def _directions(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left singular vectors of `x (N, D)` in columns, and the squares of its singular values."""
    if len(x) < x.shape[1]:
        # fewer images than features: the products of the images hold all, in a third of the time or less
        square, u = np.linalg.eigh(x @ x.T)
        return u, square.clip(0)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    return u, s**2
