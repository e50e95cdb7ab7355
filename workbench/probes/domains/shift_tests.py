"""Classification of the shift between two domains as none, covariate, label or concept shift, with a confidence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.errors import escape_returned_text
from workbench.probes.domains._domain_gap import check_level, fit_domain_classifier
from workbench.probes.domains.two_sample import (
    TwoSampleResult,
    class_share_test,
    combine_bonferroni,
    hotelling_test,
    stratified_rank_test,
    weighted_rank_test,
)
from workbench.probes.linear_classifier import LinearClassifier
from workbench.probes.validation import (
    assign_folds,
    check_holdout,
    encode_labels,
    split_halves,
    to_domain_pair,
    to_labels,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ShiftKind", "classify_shift"]

N_FOLDS = 5  # number of source classifiers
SHIFT_KINDS = ("none", "covariate", "label", "concept")
IMAGES_DIFFER, LABELS_DIFFER, CLASS_IMAGES_DIFFER, IMAGES_DIFFER_BEYOND_LABELS = (
    "do the images differ?",
    "do the class shares differ?",
    "do the images of a class differ?",
    "do the images differ beyond what class shares explain?",
)
KIND_DESCRIPTIONS = {
    "none": "no shift was found",
    "covariate": "the images differ, more than the class shares explain",
    "label": "the class shares differ, and the images of each class are alike",
    "concept": "the images are the same, and their labels mean something else",
}


@dataclass(frozen=True)
class ShiftKind:
    """Shift between two domains.

    Attributes:
        kind: none, covariate (p(x) changed), label (p(y) changed, p(x|y) did not) or concept (p(y|x) changed).
        confidence: probability of this kind, 0..1, with even prior odds on every question.
        probabilities: of every kind; concept is NaN if the target has no labels, since it cannot be tested then.
        tests: one row per test used: question, statistic, p_value, bayes_factor.
        class_shares: one row per class: its share in the source, and in the target as labelled, or else as estimated.
        significance_level: probability of a false alarm without a shift.
    """

    kind: str
    confidence: float
    probabilities: dict[str, float]
    tests: pd.DataFrame
    class_shares: pd.DataFrame
    significance_level: float

    @escape_returned_text
    def __str__(self) -> str:
        note = (
            "" if np.isfinite(self.probabilities["concept"]) else "; a concept shift cannot be detected without labels"
        )
        return f"{self.kind}: {KIND_DESCRIPTIONS[self.kind]} (confidence {self.confidence:.0%}){note}"


@check_arguments
def classify_shift(
    source: Any,
    source_labels: Any,
    target: Any,
    target_labels: Any = None,
    *,
    significance_level: float = 0.02,
    seed: Seed = 0,
) -> ShiftKind:
    """Classify the shift between two domains, in the features of one stage.

    Each question is tested on images that the classifier used was not trained on. Do the images differ: the scores of a
    domain classifier on the held-out halves are compared by ranks, and the mean class probabilities by source
    classifiers are compared too. Is it only the class shares: they are estimated from the target's images (expectation
    maximisation on those probabilities), the source is weighted to match them, and a new domain classifier is tested.
    With labels: do the images of one class differ, in a domain classifier's scores or in the source classifiers' loss,
    class by class; if they do and the images as a whole do not, the meaning of the labels changed.

    Use images that the net was not trained on: it is more confident on its own training images than on any others,
    which is a difference too. A shift of features as well as labels is classified as covariate.

    Source: Lopez-Paz & Oquab 2017, arXiv:1610.06545 (classifier two-sample tests); Lipton et al. 2018,
    arXiv:1802.03916, and Saerens et al. 2002 (class shares of an unlabelled target); Rabanser et al. 2019,
    arXiv:1810.11953.

    Args:
        source: features (N, D).
        source_labels: one class per image (N,).
        target: features (M, D) of the same stage.
        target_labels: one class per image (M,), if there are any.
        significance_level: probability of a false alarm without a shift, over all tests; above 0 and below 1.
        seed: of the halves.

    Raises:
        BadValue: features of different widths, labels of another length, or a level out of range.
        BadData: fewer than 10 images, one class only, or features that are not finite.
    """
    s, t = to_domain_pair(source, target)
    has_labels = target_labels is not None
    # missing labels are replaced by one class for all, so that rows are split without groups
    placeholder = to_labels(source_labels, len(s), "source")[:1].repeat(len(t))
    ys, yt, names = encode_labels(source_labels, target_labels if has_labels else placeholder, (len(s), len(t)))
    check_level(significance_level)
    tests = _ShiftTests(s, ys, t, yt, len(names), seed)
    results = tests.test_with_labels() if has_labels else tests.test_without_labels()
    kind = (
        _decide_with_labels(results, significance_level)
        if has_labels
        else _decide_without_labels(results, significance_level)
    )
    probabilities = _kind_probabilities(results)
    target_shares = (
        np.bincount(yt, minlength=len(names)) / len(yt)
        if has_labels
        else tests.estimate_class_shares(np.arange(len(t)))
    )
    source_shares = np.bincount(ys, minlength=len(names)) / len(ys)
    return ShiftKind(
        kind,
        probabilities[kind],
        probabilities,
        _tests_frame(results),
        _class_shares_frame(names, source_shares, target_shares),
        significance_level,
    )


class _ShiftTests:
    """Tests for each kind of shift, on images that the classifiers used were not trained on.

    Domain classifiers are trained on the first halves and evaluated on the second. Source classifiers, one per fold,
    are trained on the source outside the fold and predict both domains inside it, so that every image is used.
    """

    def __init__(self, s: np.ndarray, ys: np.ndarray, t: np.ndarray, yt: np.ndarray, n_classes: int, seed: int) -> None:
        self.s, self.t, self.ys, self.yt, self.n_classes, self.seed = s, t, ys, yt, n_classes, seed
        (self.s1, self.s2), (self.t1, self.t2) = split_halves(ys, seed), split_halves(yt, seed + 1)
        check_holdout((self.s1, self.s2), (self.t1, self.t2))
        self.fold_s, self.fold_t = assign_folds(ys, N_FOLDS, seed), assign_folds(yt, N_FOLDS, seed + 1)
        self.proba_s, self.proba_t = self.predict_probabilities()

    def predict_probabilities(self) -> tuple[np.ndarray, np.ndarray]:
        """Return class probabilities by source classifiers, (N, K) and (M, K)."""
        outputs = np.zeros((len(self.s), self.n_classes)), np.zeros((len(self.t), self.n_classes))
        inverse_penalty = None
        for fold in range(N_FOLDS):
            is_train = self.fold_s != fold
            classifier = LinearClassifier(
                self.s[is_train], self.ys[is_train], seed=self.seed, inverse_penalty=inverse_penalty
            )
            inverse_penalty = classifier.inverse_penalty
            for probabilities, x, folds in zip(outputs, (self.s, self.t), (self.fold_s, self.fold_t), strict=True):
                if (folds == fold).any():
                    probabilities[folds == fold] = classifier.predict_proba(x[folds == fold], self.n_classes)
        return outputs

    def test_without_labels(self) -> dict[str, TwoSampleResult]:
        """Test whether the images differ, and whether they differ beyond the effect of class shares."""
        return {IMAGES_DIFFER: self.test_images(), IMAGES_DIFFER_BEYOND_LABELS: self.test_beyond_class_shares()}

    def test_with_labels(self) -> dict[str, TwoSampleResult]:
        """Run all tests."""
        label_test = class_share_test(LABELS_DIFFER, self.ys, self.yt, self.n_classes)
        return {
            **self.test_without_labels(),
            LABELS_DIFFER: label_test,
            CLASS_IMAGES_DIFFER: self.test_within_classes(),
        }

    def test_images(self) -> TwoSampleResult:
        """Test whether the images differ, by a domain classifier's scores or by the mean class probabilities."""
        classifier = fit_domain_classifier(self.s[self.s1], self.t[self.t1], seed=self.seed)
        scored = stratified_rank_test(
            IMAGES_DIFFER, classifier.decision_function(self.s[self.s2]), classifier.decision_function(self.t[self.t2])
        )
        return combine_bonferroni(IMAGES_DIFFER, scored, hotelling_test(IMAGES_DIFFER, self.proba_s, self.proba_t))

    def test_beyond_class_shares(self) -> TwoSampleResult:
        """Test with the source weighted to the target's estimated class shares, in training and in evaluation."""
        weights = self.source_weights(self.s1, self.t1)
        classifier = fit_domain_classifier(self.s[self.s1], self.t[self.t1], weights, self.seed)
        scores = classifier.decision_function(self.s[self.s2]), classifier.decision_function(self.t[self.t2])
        return weighted_rank_test(IMAGES_DIFFER_BEYOND_LABELS, *scores, self.source_weights(self.s2, self.t2))

    def test_within_classes(self) -> TwoSampleResult:
        """Test class by class, by a domain classifier with equal class shares, or by the source classifiers' loss."""
        s1, s2, t1, t2 = self.s1, self.s2, self.t1, self.t2
        counts = [np.bincount(y, minlength=self.n_classes) for y in (self.yt[t1], self.ys[s1])]
        weights = _safe_ratio(*counts)[self.ys[s1]]
        classifier = fit_domain_classifier(self.s[s1], self.t[t1], weights if weights.sum() else None, self.seed)
        scores = classifier.decision_function(self.s[s2]), classifier.decision_function(self.t[t2])
        scored = stratified_rank_test(CLASS_IMAGES_DIFFER, *scores, (self.ys[s2], self.yt[t2]))
        losses = [
            -probabilities[np.arange(len(y)), y]
            for probabilities, y in ((self.proba_s, self.ys), (self.proba_t, self.yt))
        ]
        # each fold has its own classifier, so that losses are compared within folds
        strata = self.fold_s * self.n_classes + self.ys, self.fold_t * self.n_classes + self.yt
        return combine_bonferroni(
            CLASS_IMAGES_DIFFER, scored, stratified_rank_test(CLASS_IMAGES_DIFFER, losses[0], losses[1], strata)
        )

    def source_weights(self, s_rows: np.ndarray, t_rows: np.ndarray) -> np.ndarray:
        """Return weights of some source rows that give the class shares estimated in some target rows."""
        y = self.ys[s_rows]
        return _safe_ratio(self.estimate_class_shares(t_rows) * len(y), np.bincount(y, minlength=self.n_classes))[y]

    def estimate_class_shares(self, t_rows: np.ndarray) -> np.ndarray:
        """Estimate class shares (K,) of some target rows by expectation maximisation."""
        return estimate_class_priors(
            self.proba_t[t_rows], np.bincount(self.ys, minlength=self.n_classes) / len(self.ys)
        )


def estimate_class_priors(probabilities: np.ndarray, priors: np.ndarray, max_iter: int = 200) -> np.ndarray:
    """Estimate class shares that maximise the likelihood of a classifier's probabilities (Saerens et al. 2002).

    Args:
        probabilities: (M, K), of a classifier trained on data with the class shares `priors`.
        priors: (K,), sums to 1.
        max_iter: of expectation maximisation.

    Returns:
        (K,), sums to 1.
    """
    share = priors.copy()
    for _ in range(max_iter):
        tilted = probabilities * _safe_ratio(share, priors)
        new = (tilted / np.maximum(tilted.sum(1, keepdims=True), 1e-300)).mean(0)
        if np.abs(new - share).max() < 1e-6:
            return new
        share = new
    return share


def _safe_ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.zeros(len(b)), where=np.asarray(b) > 0)


def _decide_without_labels(results: dict[str, TwoSampleResult], significance_level: float) -> str:
    if results[IMAGES_DIFFER].p_value >= significance_level:
        return "none"
    return "covariate" if results[IMAGES_DIFFER_BEYOND_LABELS].p_value < significance_level else "label"


def _decide_with_labels(results: dict[str, TwoSampleResult], significance_level: float) -> str:
    # two tests can give a false alarm, so that each gets half of the level
    if results[CLASS_IMAGES_DIFFER].p_value >= significance_level / 2:
        return "label" if results[LABELS_DIFFER].p_value < significance_level / 2 else "none"
    images_differ = (
        results[IMAGES_DIFFER].p_value < significance_level
        and results[IMAGES_DIFFER_BEYOND_LABELS].p_value < significance_level
    )
    return "covariate" if images_differ else "concept"


def _kind_probabilities(results: dict[str, TwoSampleResult]) -> dict[str, float]:
    """Return the probability of every kind, from even odds on each question; the questions form a tree (sum 1)."""
    yes = {question: finding.bayes_factor / (1 + finding.bayes_factor) for question, finding in results.items()}
    seen = yes[IMAGES_DIFFER] * yes[IMAGES_DIFFER_BEYOND_LABELS]
    if LABELS_DIFFER not in results:
        return {
            "none": 1 - yes[IMAGES_DIFFER],
            "covariate": seen,
            "label": yes[IMAGES_DIFFER] - seen,
            "concept": float("nan"),
        }
    inside, label = yes[CLASS_IMAGES_DIFFER], yes[LABELS_DIFFER]
    return {
        "none": (1 - inside) * (1 - label),
        "covariate": inside * seen,
        "label": (1 - inside) * label,
        "concept": inside * (1 - seen),
    }


def _tests_frame(results: dict[str, TwoSampleResult]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([asdict(finding) for finding in results.values()])


def _class_shares_frame(classes: np.ndarray, source_shares: np.ndarray, target_shares: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"class": classes, "source": source_shares, "target": target_shares})
