"""Labels that are likely wrong: a classifier that never saw an image disagrees with its label, and so do neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue, printable_text
from workbench.markers import Seed
from workbench.probes.linear import Linear
from workbench.probes.neighbours import nearest
from workbench.probes.samples import folds, table
from workbench.probes.samples import labels as one_label_each

if TYPE_CHECKING:
    import pandas as pd

NEIGHBOURS = 15
FEWEST = 2  # images of a class, so that one can be held back


@dataclass(frozen=True)
class LabelProblems:
    """Images by how likely their label is wrong.

    Attributes:
        frame: a row an image, the likeliest first: id, label, suggested, confidence (what the classifier gives the
            label, 0..1), margin (that less what it gives the suggestion, -1..1), neighbours (share of the 15 nearest
            with the label) and problem (whether confident learning counts it).
        joint: (K, K), the share of images that are labelled by the row and are of the column's class, estimated.
        classes: (K,) what the rows and columns are.
    """

    frame: pd.DataFrame
    joint: np.ndarray
    classes: tuple[str, ...]

    @property
    def rate(self) -> float:
        """The share of labels that are wrong, as estimated, 0..1."""
        return float(1 - np.trace(self.joint))

    @property
    def problems(self) -> pd.DataFrame:
        """The images whose label is likely wrong, the likeliest first."""
        return self.frame[self.frame["problem"]].reset_index(drop=True)

    @printable_text
    def __str__(self) -> str:
        found = len(self.problems)
        if not found:
            return f"no label of {len(self.frame)} images is likely wrong"
        apart = self.joint - np.diag(np.diag(self.joint))
        row, column = np.unravel_index(int(apart.argmax()), apart.shape)
        return (
            f"{found} of {len(self.frame)} labels are likely wrong (about {self.rate:.1%}); most often "
            f"{self.classes[row]} where it is {self.classes[column]}"
        )


@check_arguments
def label_problems(
    features: Any, labels: Any = None, *, classes: Sequence[str] | None = None, seed: Seed = 0
) -> LabelProblems:
    """Which labels are likely wrong, by confident learning on features.

    A linear classifier says of every image what it is, having learnt from the other four fifths. An image is
    confidently of a class if it is given more of it than images labelled so are on average. Counts of these, scaled to
    the number of each label, estimate how labels and classes occur together; as many images as that says count as
    problems, those whose label the classifier doubts most (the paper's "prune by noise rate").

    source: Northcutt et al. 2021, "Confident learning: estimating uncertainty in dataset labels", arXiv:1911.00068.

    Args:
        features: what `wb.features` gives, or an array (N, D).
        labels: (N,) instead of those of the features.
        classes: what the labels are called, where they are codes, such as `images.classes`.
        seed: of the fifths.

    Raises:
        BadValue: not one label an image.
        BadData: fewer than two classes, a class of one image, or features that are not finite.
    """
    import pandas as pd

    x = table(next((getattr(features, n) for n in ("array", "x") if hasattr(features, n)), features), "given")
    given = labels if labels is not None else getattr(features, "labels", getattr(features, "y", None))
    if given is None:
        raise BadValue(f"label problems want one label an image, ({len(x)},); got none: hand them in as labels=")
    y = one_label_each(given, len(x), "given")
    kinds, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    names = tuple(map(str, kinds)) if classes is None else _named(kinds, classes)
    if len(kinds) < 2:
        raise BadData("labels are compared between classes, and there is one class only")
    if counts.min() < FEWEST:
        alone = names[int(counts.argmin())]
        raise BadData(f"the class {alone!r} has a single image: nothing else tells what it looks like; leave it out")
    p = held_back(x, codes, seed)
    joint, problem, suggested = confident(p, codes)
    own = p[np.arange(len(x)), codes]
    rows = nearest(x, min(NEIGHBOURS, len(x) - 1), seed)[0]
    frame = pd.DataFrame(
        {
            "id": np.asarray(getattr(features, "ids", np.arange(len(x)))),
            "label": np.array(names, object)[codes],
            "suggested": np.array(names, object)[suggested],
            "confidence": own,
            "margin": own - p[np.arange(len(x)), suggested],
            "neighbours": (codes[rows] == codes[:, None]).mean(1),
            "problem": problem,
        }
    )
    order = np.lexsort((frame["neighbours"], frame["margin"], ~problem))
    return LabelProblems(frame.iloc[order].reset_index(drop=True), joint, names)


def _named(kinds: np.ndarray, classes: Sequence[str]) -> tuple[str, ...]:
    if kinds.dtype.kind not in "iu":
        raise BadValue(f"classes= names labels that are codes; these are {kinds.dtype}: leave it out")
    if kinds.min() < 0 or kinds.max() >= len(classes):
        raise BadValue(f"{len(classes)} classes are named, and the labels go from {kinds.min()} to {kinds.max()}")
    return tuple(str(classes[k]) for k in kinds)


def held_back(x: np.ndarray, codes: np.ndarray, seed: int) -> np.ndarray:
    """Probabilities (N, K) of every image by a classifier that did not learn from it."""
    count = int(codes.max()) + 1
    fold = folds(codes, min(5, int(np.bincount(codes).min())), seed)
    p, strength = np.zeros((len(x), count)), None
    for at in range(fold.max() + 1):
        model = Linear(x[fold != at], codes[fold != at], seed=seed, strength=strength)
        strength = model.strength  # chosen once: it hardly differs between folds
        p[fold == at] = model.probabilities(x[fold == at], count)
    return p


def confident(p: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The joint of labels and classes (K, K), which labels are problems (N,), and the likeliest other class (N,).

    Args:
        p: probabilities (N, K) by a classifier that has not seen the image.
        codes: labels (N,).
    """
    n, count = p.shape
    limits = np.array([p[codes == k, k].mean() for k in range(count)])  # the paper's t_j
    enough = p >= limits - 1e-12
    taken = np.where(enough, p, -1.0).argmax(1)
    counted = enough.any(1)
    joint = np.zeros((count, count))
    np.add.at(joint, (codes[counted], taken[counted]), 1)
    labelled = np.bincount(codes, minlength=count)
    # a label that nothing is confidently of keeps its images
    joint[np.arange(count), np.arange(count)] += joint.sum(1) == 0
    joint *= (labelled / joint.sum(1))[:, None] / n
    others = p.copy()
    others[np.arange(n), codes] = -1
    problem = np.zeros(n, bool)
    for label, truth in zip(*np.nonzero(np.round(n * joint * (1 - np.eye(count)))), strict=True):
        rows = np.flatnonzero(codes == label)
        doubt = p[rows, truth] - p[rows, label]
        worst = np.argsort(-doubt, kind="stable")[: int(np.round(n * joint[label, truth]))]
        problem[rows[worst[doubt[worst] > 0]]] = True
    return joint, problem, others.argmax(1)
