"""Covariate, label or concept shift, or none: what changed between two domains, with a confidence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.probes.gap import checked_level, domain_classifier
from workbench.probes.linear import Linear
from workbench.probes.samples import coded, halves, held_back, labels, pair
from workbench.probes.two_sample import Finding, areas, either, shares, weighted_areas

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("none", "covariate", "label", "concept")
IMAGES, LABELS, INSIDE, BEYOND = (
    "do the images differ?",
    "do the class shares differ?",
    "do the images of a class differ?",
    "do the images differ beyond what class shares explain?",
)
MEANING = {
    "none": "no shift was found",
    "covariate": "the images differ, beyond what other class shares would explain",
    "label": "the classes come in other shares, and their images look the same",
    "concept": "the images are the same, and their labels mean something else",
}


@dataclass(frozen=True)
class ShiftKind:
    """What changed between two domains.

    Attributes:
        kind: none, covariate (p(x) changed), label (p(y) changed, p(x|y) did not) or concept (p(y|x) changed).
        confidence: of this kind, 0..1, with even odds on every question before looking.
        probabilities: of every kind; concept is NaN where the target has no labels, since nothing can tell it then.
        evidence: a row a question that decided: question, statistic, p_value, evidence (a Bayes factor).
        classes: a row a class: its share in the source, and in the target as labelled, or else as estimated.
        level: the chance of a false alarm where nothing shifted.
    """

    kind: str
    confidence: float
    probabilities: dict[str, float]
    evidence: pd.DataFrame
    classes: pd.DataFrame
    level: float

    def __str__(self) -> str:
        blind = "" if np.isfinite(self.probabilities["concept"]) else "; a concept shift cannot be seen without labels"
        return f"{self.kind}: {MEANING[self.kind]} (confidence {self.confidence:.0%}){blind}"


def shift_kind(
    source: Any, source_labels: Any, target: Any, target_labels: Any = None, *, level: float = 0.02, seed: int = 0
) -> ShiftKind:
    """Which kind of shift lies between two domains, in the features of one stage.

    Every question is put to images that the answering classifier has not learnt from. Do the images differ: a
    domain classifier's scores on the held-back halves are compared by ranks, and so are the classes that a source
    classifier predicts. Is it the class shares alone: they are estimated from the target's images (expectation
    maximisation on the source classifier's probabilities), the source is weighed to them, and a new domain
    classifier tries again. With labels: do the images of one class differ, in a domain classifier's scores or in the
    source classifier's loss, class by class; where they do and the images as a whole do not, the labels changed
    their meaning.

    Take images that the net has not been trained on: on its own training images it is more certain than on any
    others, which is a difference too. A shift that moves features as well as labels is told as covariate.

    Lopez-Paz & Oquab 2017, arXiv:1610.06545 (classifier two-sample tests); Lipton et al. 2018, arXiv:1802.03916, and
    Saerens et al. 2002 (class shares of an unlabelled target); Rabanser et al. 2019, arXiv:1810.11953.

    Args:
        source: features (N, D).
        source_labels: one class an image (N,).
        target: features (M, D) of the same stage.
        target_labels: one class an image (M,), if there are any.
        level: chance of a false alarm where nothing shifted, over all questions; above 0 and below 1.
        seed: of the halves.

    Raises:
        BadValue: features of different widths, labels of another length, a level out of range.
        BadData: fewer than 10 images, one class only, or features that are not finite.
    """
    s, t = pair(source, target)
    known = target_labels is not None
    # one class for all stands in for labels that are not there: it splits nothing
    blank = labels(source_labels, len(s), "source")[:1].repeat(len(t))
    ys, yt, names = coded(source_labels, target_labels if known else blank, (len(s), len(t)))
    checked_level(level)
    test = _Test(s, ys, t, yt, len(names), seed)
    found = test.labelled() if known else test.unlabelled()
    kind = _with_labels(found, level) if known else _without(found, level)
    probabilities = _probabilities(found)
    after = np.bincount(yt, minlength=len(names)) / len(yt) if known else test.estimated(t)
    before = np.bincount(ys, minlength=len(names)) / len(ys)
    return ShiftKind(kind, probabilities[kind], probabilities, _table(found), _shares(names, before, after), level)


class _Test:
    """The questions, each answered on the second halves of both domains."""

    def __init__(self, s: np.ndarray, ys: np.ndarray, t: np.ndarray, yt: np.ndarray, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        of_s, of_t = halves(ys, seed), halves(yt, seed + 1)
        held_back(of_s, of_t)
        self.s, self.s2, self.y, self.y2 = s[of_s[0]], s[of_s[1]], ys[of_s[0]], ys[of_s[1]]
        self.t, self.t2, self.z, self.z2 = t[of_t[0]], t[of_t[1]], yt[of_t[0]], yt[of_t[1]]
        self.ys, self.yt = ys, yt
        self.teacher = Linear(self.s, self.y, seed=seed)

    def unlabelled(self) -> dict[str, Finding]:
        """Do the images differ, and do they beyond what class shares explain?"""
        return {IMAGES: self.images(), BEYOND: self.beyond()}

    def labelled(self) -> dict[str, Finding]:
        """All questions."""
        shifted = shares(LABELS, self.ys, self.yt, self.count)
        return {**self.unlabelled(), LABELS: shifted, INSIDE: self.inside()}

    def images(self) -> Finding:
        """By the domain classifier's scores, or by the predicted classes."""
        judge = domain_classifier(self.s, self.t, seed=self.seed)
        scored = areas(IMAGES, judge.scores(self.s2), judge.scores(self.t2))
        told = shares(
            IMAGES, self.teacher.predict(self.s2), self.teacher.predict(np.concatenate([self.t, self.t2])), self.count
        )
        return either(IMAGES, scored, told)

    def beyond(self) -> Finding:
        """With the source weighed to the target's estimated class shares, in the learning and in the judging."""
        judge = domain_classifier(self.s, self.t, self.weights(self.y, self.t), self.seed)
        weights = self.weights(self.y2, self.t2)
        return weighted_areas(BEYOND, judge.scores(self.s2), judge.scores(self.t2), weights)

    def inside(self) -> Finding:
        """Class by class: by a domain classifier for which all classes come as often, or by the source's loss."""
        live = np.bincount(self.y, minlength=self.count) > 0
        ratio = _ratio(np.bincount(self.z, minlength=self.count), np.bincount(self.y, minlength=self.count))
        weights = np.where(live, ratio, 0.0)[self.y]
        strata = (self.y2, self.z2)
        judge = domain_classifier(self.s, self.t, weights if weights.sum() else None, self.seed)
        scored = areas(INSIDE, judge.scores(self.s2), judge.scores(self.t2), strata)
        return either(
            INSIDE, scored, areas(INSIDE, self.losses(self.s2, self.y2), self.losses(self.t2, self.z2), strata)
        )

    def losses(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How improbable the source classifier finds the labels: (N, D), (N,) -> (N,)."""
        return -self.teacher.probabilities(x, self.count)[np.arange(len(y)), y]

    def weights(self, y: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Of source rows with labels y (N,), so that their classes come as often as in the target."""
        return _ratio(self.estimated(target) * len(y), np.bincount(y, minlength=self.count))[y]

    def estimated(self, target: np.ndarray) -> np.ndarray:
        """Class shares (K,) of unlabelled images (M, D), by expectation maximisation."""
        told = self.teacher.probabilities(target, self.count)
        before = np.bincount(self.y, minlength=self.count) / len(self.y)
        return expected(told, before)


def expected(told: np.ndarray, before: np.ndarray, rounds: int = 200) -> np.ndarray:
    """Class shares under which a classifier's probabilities are most likely (Saerens et al. 2002).

    Args:
        told: probabilities (M, K) of a classifier that learnt where the shares were `before`.
        before: (K,) sums to 1.
        rounds: of expectation maximisation, at most.

    Returns:
        (K,), sums to 1.
    """
    share = before.copy()
    for _ in range(rounds):
        tilted = told * _ratio(share, before)
        new = (tilted / np.maximum(tilted.sum(1, keepdims=True), 1e-300)).mean(0)
        if np.abs(new - share).max() < 1e-6:
            return new
        share = new
    return share


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.zeros(len(b)), where=np.asarray(b) > 0)


def _without(found: dict[str, Finding], level: float) -> str:
    if found[IMAGES].p_value >= level:
        return "none"
    return "covariate" if found[BEYOND].p_value < level else "label"


def _with_labels(found: dict[str, Finding], level: float) -> str:
    # two questions can raise an alarm where nothing shifted; they share the level
    if found[INSIDE].p_value >= level / 2:
        return "label" if found[LABELS].p_value < level / 2 else "none"
    differ = found[IMAGES].p_value < level and found[BEYOND].p_value < level
    return "covariate" if differ else "concept"


def _probabilities(found: dict[str, Finding]) -> dict[str, float]:
    """Of every kind, from even odds on each question: a tree of answers, so that they sum to 1."""
    yes = {question: finding.evidence / (1 + finding.evidence) for question, finding in found.items()}
    seen = yes[IMAGES] * yes[BEYOND]
    if LABELS not in found:
        return {"none": 1 - yes[IMAGES], "covariate": seen, "label": yes[IMAGES] - seen, "concept": float("nan")}
    inside, label = yes[INSIDE], yes[LABELS]
    return {
        "none": (1 - inside) * (1 - label),
        "covariate": inside * seen,
        "label": (1 - inside) * label,
        "concept": inside * (1 - seen),
    }


def _table(found: dict[str, Finding]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([asdict(finding) for finding in found.values()])


def _shares(names: np.ndarray, before: np.ndarray, after: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"class": names, "source": before, "target": after})
