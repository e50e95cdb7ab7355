"""Label noise: labels that a classifier trained on other images, and the nearest neighbours, contradict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue, escape_returned_text
from workbench.probes.linear_classifier import LinearClassifier
from workbench.probes.nearest_neighbors import find_neighbors
from workbench.probes.validation import assign_folds, to_feature_table
from workbench.probes.validation import to_labels as one_label_each

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LabelIssues", "find_label_issues"]

N_NEIGHBORS = 15
MIN_IMAGES_PER_CLASS = 2  # images per class, so that one can be held out


@dataclass(frozen=True)
class LabelIssues:
    """Images ordered by how likely their label is wrong.

    Attributes:
        frame: one row per image, the most likely first: id, label, suggested, confidence (the classifier's probability
            of the label, 0..1), margin (that less the probability of the suggestion, -1..1), neighbor_agreement (share
            of the 15 nearest images with the label) and problem (True if confident learning counts it as an issue).
        joint: (K, K), estimated share of images with the row's label and the column's true class.
        classes: (K,) names of rows and columns.
    """

    frame: pd.DataFrame
    joint: np.ndarray
    classes: tuple[str, ...]

    @property
    def noise_rate(self) -> float:
        """Estimated share of wrong labels, 0..1."""
        return float(1 - np.trace(self.joint))

    @property
    def issues(self) -> pd.DataFrame:
        """Images whose label is likely wrong, the most likely first."""
        return self.frame[self.frame["problem"]].reset_index(drop=True)

    @escape_returned_text
    def __str__(self) -> str:
        n_issues = len(self.issues)
        if not n_issues:
            return f"no label of {len(self.frame)} images is likely wrong"
        off_diagonal = self.joint - np.diag(np.diag(self.joint))
        row, column = np.unravel_index(int(off_diagonal.argmax()), off_diagonal.shape)
        return (
            f"{n_issues} of {len(self.frame)} labels are likely wrong (about {self.noise_rate:.1%}); most often "
            f"{self.classes[row]} instead of {self.classes[column]}"
        )


@check_arguments
def find_label_issues(
    features: Any, labels: Any = None, *, classes: Sequence[str] | None = None, seed: Seed = 0
) -> LabelIssues:
    """Find labels that are likely wrong, by confident learning on features.

    A linear classifier predicts every image after training on the other four fifths. An image is confidently of a class
    if its probability of that class is at least the mean among the images with that label. Counts of these, scaled to
    the number of each label, estimate the joint distribution of labels and classes. It determines how many images count
    as issues: those whose label the classifier doubts most (the paper's "prune by noise rate").

    Source: Northcutt et al. 2021, "Confident learning: estimating uncertainty in dataset labels", arXiv:1911.00068.

    Args:
        features: result of `wb.extract_features`, or an array (N, D).
        labels: (N,) instead of those of the features.
        classes: class names if the labels are codes, such as `images.classes`.
        seed: of the folds.

    Raises:
        BadValue: not one label per image.
        BadData: fewer than two classes, a class of one image, or features that are not finite.
    """
    import pandas as pd

    x = to_feature_table(
        next((getattr(features, n) for n in ("array", "x") if hasattr(features, n)), features), "given"
    )
    y_given = labels if labels is not None else getattr(features, "labels", getattr(features, "y", None))
    if y_given is None:
        raise BadValue(f"expected one label per image, ({len(x)},); got none: pass them as labels=")
    y = one_label_each(y_given, len(x), "given")
    kinds, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    names = tuple(map(str, kinds)) if classes is None else _name_classes(kinds, classes)
    if len(kinds) < 2:
        raise BadData("expected labels of at least two classes; got one")
    if counts.min() < MIN_IMAGES_PER_CLASS:
        class_name = names[int(counts.argmin())]
        raise BadData(f"the class {class_name!r} has a single image; at least 2 per class are needed: leave it out")
    p = cross_val_probabilities(x, codes, seed)
    joint, problem, suggested = apply_confident_learning(p, codes)
    label_probability = p[np.arange(len(x)), codes]
    rows = find_neighbors(x, min(N_NEIGHBORS, len(x) - 1), seed)[0]
    frame = pd.DataFrame(
        {
            "id": np.asarray(getattr(features, "ids", np.arange(len(x)))),
            "label": np.array(names, object)[codes],
            "suggested": np.array(names, object)[suggested],
            "confidence": label_probability,
            "margin": label_probability - p[np.arange(len(x)), suggested],
            "neighbor_agreement": (codes[rows] == codes[:, None]).mean(1),
            "problem": problem,
        }
    )
    order = np.lexsort((frame["neighbor_agreement"], frame["margin"], ~problem))
    return LabelIssues(frame.iloc[order].reset_index(drop=True), joint, names)


def _name_classes(codes: np.ndarray, classes: Sequence[str]) -> tuple[str, ...]:
    if codes.dtype.kind not in "iu":
        raise BadValue(f"classes= is for integer labels; these are {codes.dtype}: leave it out")
    if codes.min() < 0 or codes.max() >= len(classes):
        raise BadValue(f"{len(classes)} classes are given, and the labels go from {codes.min()} to {codes.max()}")
    return tuple(str(classes[k]) for k in codes)


def cross_val_probabilities(x: np.ndarray, codes: np.ndarray, seed: int) -> np.ndarray:
    """Return probabilities (N, K) of every image by a classifier that was not trained on it."""
    n_classes = int(codes.max()) + 1
    fold = assign_folds(codes, min(5, int(np.bincount(codes).min())), seed)
    p, inverse_penalty = np.zeros((len(x), n_classes)), None
    for fold_index in range(fold.max() + 1):
        model = LinearClassifier(
            x[fold != fold_index], codes[fold != fold_index], seed=seed, inverse_penalty=inverse_penalty
        )
        inverse_penalty = model.inverse_penalty  # chosen in the first fold: it hardly differs between folds
        p[fold == fold_index] = model.predict_proba(x[fold == fold_index], n_classes)
    return p


def apply_confident_learning(p: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the joint of labels and classes (K, K), a mask of label issues (N,), and the most likely other class (N,).

    Args:
        p: probabilities (N, K) by a classifier that was not trained on the image.
        codes: labels (N,).
    """
    n, n_classes = p.shape
    thresholds = np.array([p[codes == k, k].mean() for k in range(n_classes)])  # the paper's t_j
    is_confident = p >= thresholds - 1e-12
    confident_class = np.where(is_confident, p, -1.0).argmax(1)
    has_class = is_confident.any(1)
    joint = np.zeros((n_classes, n_classes))
    np.add.at(joint, (codes[has_class], confident_class[has_class]), 1)
    label_counts = np.bincount(codes, minlength=n_classes)
    # a label without confident images keeps all of its images on the diagonal
    joint[np.arange(n_classes), np.arange(n_classes)] += joint.sum(1) == 0
    joint *= (label_counts / joint.sum(1))[:, None] / n
    others = p.copy()
    others[np.arange(n), codes] = -1
    problem = np.zeros(n, bool)
    for label, truth in zip(*np.nonzero(np.round(n * joint * (1 - np.eye(n_classes)))), strict=True):
        rows = np.flatnonzero(codes == label)
        doubt = p[rows, truth] - p[rows, label]
        worst = np.argsort(-doubt, kind="stable")[: int(np.round(n * joint[label, truth]))]
        problem[rows[worst[doubt[worst] > 0]]] = True
    return joint, problem, others.argmax(1)
