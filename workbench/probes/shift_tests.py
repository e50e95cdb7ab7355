"""Covariate, label or concept shift, or none: what changed between two domains, with a confidence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import printable_text
from workbench.markers import Seed
from workbench.probes.gap import checked_level, domain_classifier
from workbench.probes.linear import Linear
from workbench.probes.samples import coded, folds, halves, held_back, labels, pair
from workbench.probes.two_sample import Finding, areas, either, means, shares, weighted_areas

if TYPE_CHECKING:
    import pandas as pd

FOLDS = 5  # source classifiers
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

    @printable_text
    def __str__(self) -> str:
        blind = "" if np.isfinite(self.probabilities["concept"]) else "; a concept shift cannot be seen without labels"
        return f"{self.kind}: {MEANING[self.kind]} (confidence {self.confidence:.0%}){blind}"


@check_arguments
def shift_kind(
    source: Any, source_labels: Any, target: Any, target_labels: Any = None, *, level: float = 0.02, seed: Seed = 0
) -> ShiftKind:
    """Which kind of shift lies between two domains, in the features of one stage.

    Every question is put to images that the answering classifier has not learnt from. Do the images differ: a
    domain classifier's scores on the held-back halves are compared by ranks, and the mean probabilities that source
    classifiers give the classes are compared too. Is it the class shares alone: they are estimated from the target's
    images (expectation maximisation on those probabilities), the source is weighed to them, and a new domain
    classifier tries again. With labels: do the images of one class differ, in a domain classifier's scores or in the
    source classifiers' loss, class by class; where they do and the images as a whole do not, the labels changed
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
    after = np.bincount(yt, minlength=len(names)) / len(yt) if known else test.estimated(np.arange(len(t)))
    before = np.bincount(ys, minlength=len(names)) / len(ys)
    return ShiftKind(kind, probabilities[kind], probabilities, _table(found), _shares(names, before, after), level)


class _Test:
    """The questions, each answered on images that the classifier which answers has not learnt from.

    Domain classifiers learn from the first halves and are judged on the second. Source classifiers, one a fold, have
    each learnt from the source outside it and are asked about both domains inside it, so that every image counts.
    """

    def __init__(self, s: np.ndarray, ys: np.ndarray, t: np.ndarray, yt: np.ndarray, count: int, seed: int) -> None:
        self.s, self.t, self.ys, self.yt, self.count, self.seed = s, t, ys, yt, count, seed
        (self.s1, self.s2), (self.t1, self.t2) = halves(ys, seed), halves(yt, seed + 1)
        held_back((self.s1, self.s2), (self.t1, self.t2))
        self.of_s, self.of_t = folds(ys, FOLDS, seed), folds(yt, FOLDS, seed + 1)
        self.told_s, self.told_t = self.told()

    def told(self) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of the classes, (N, K) and (M, K), by source classifiers."""
        out = np.zeros((len(self.s), self.count)), np.zeros((len(self.t), self.count))
        strength = None
        for fold in range(FOLDS):
            learn = self.of_s != fold
            teacher = Linear(self.s[learn], self.ys[learn], seed=self.seed, strength=strength)
            strength = teacher.strength
            for told, x, of in zip(out, (self.s, self.t), (self.of_s, self.of_t), strict=True):
                if (of == fold).any():
                    told[of == fold] = teacher.probabilities(x[of == fold], self.count)
        return out

    def unlabelled(self) -> dict[str, Finding]:
        """Do the images differ, and do they beyond what class shares explain?"""
        return {IMAGES: self.images(), BEYOND: self.beyond()}

    def labelled(self) -> dict[str, Finding]:
        """All questions."""
        shifted = shares(LABELS, self.ys, self.yt, self.count)
        return {**self.unlabelled(), LABELS: shifted, INSIDE: self.inside()}

    def images(self) -> Finding:
        """By the domain classifier's scores, or by how probable each class is on the whole."""
        judge = domain_classifier(self.s[self.s1], self.t[self.t1], seed=self.seed)
        scored = areas(IMAGES, judge.scores(self.s[self.s2]), judge.scores(self.t[self.t2]))
        return either(IMAGES, scored, means(IMAGES, self.told_s, self.told_t))

    def beyond(self) -> Finding:
        """With the source weighed to the target's estimated class shares, in the learning and in the judging."""
        weights = self.weights(self.s1, self.t1)
        judge = domain_classifier(self.s[self.s1], self.t[self.t1], weights, self.seed)
        scores = judge.scores(self.s[self.s2]), judge.scores(self.t[self.t2])
        return weighted_areas(BEYOND, *scores, self.weights(self.s2, self.t2))

    def inside(self) -> Finding:
        """Class by class: by a domain classifier for which all classes come as often, or by the source's loss."""
        s1, s2, t1, t2 = self.s1, self.s2, self.t1, self.t2
        counts = [np.bincount(y, minlength=self.count) for y in (self.yt[t1], self.ys[s1])]
        weights = _ratio(*counts)[self.ys[s1]]
        judge = domain_classifier(self.s[s1], self.t[t1], weights if weights.sum() else None, self.seed)
        scores = judge.scores(self.s[s2]), judge.scores(self.t[t2])
        scored = areas(INSIDE, *scores, (self.ys[s2], self.yt[t2]))
        losses = [-told[np.arange(len(y)), y] for told, y in ((self.told_s, self.ys), (self.told_t, self.yt))]
        # each fold has a classifier of its own: compared within it
        strata = self.of_s * self.count + self.ys, self.of_t * self.count + self.yt
        return either(INSIDE, scored, areas(INSIDE, losses[0], losses[1], strata))

    def weights(self, of_s: np.ndarray, of_t: np.ndarray) -> np.ndarray:
        """Of some source rows, so that their classes come as often as estimated in some target rows."""
        y = self.ys[of_s]
        return _ratio(self.estimated(of_t) * len(y), np.bincount(y, minlength=self.count))[y]

    def estimated(self, of_t: np.ndarray) -> np.ndarray:
        """Class shares (K,) of some target rows, by expectation maximisation."""
        return expected(self.told_t[of_t], np.bincount(self.ys, minlength=self.count) / len(self.ys))


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
