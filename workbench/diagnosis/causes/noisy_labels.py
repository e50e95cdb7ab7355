"""Labels of the target are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.case import crossed
from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising
from workbench.probes.label_noise import LabelProblems, label_problems

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case

SUREST = 0.2  # share of the answers that counts as the surest
FEWEST = 8  # images of a class: with fewer, a classifier that is held back knows too little
FOLDS = 5  # that a linear head is held back from in turn
HARD = 0.45  # strength at most of what a hard task shows as well


@causes.add("noisy-labels")
class NoisyLabels(Cause):
    """A share of the training labels is wrong, which a net that fits them all learns by heart."""

    means = "labels of the training images are wrong"
    advice = "look at the images whose label is doubted, correct or remove them, and train again"
    source = "Northcutt et al. 2021, arXiv:1911.00068"
    yields_to = ("poor-source", "preprocessing-mismatch", "foreign-batch-norm", "leaked-duplicates")

    def evidence(self, case: Case) -> Evidence:
        """Two witnesses: labels that are worse than the validation images', and sure answers that they contradict.

        A linear head that learns from wrong labels still comes out about right: it agrees with the validation labels,
        and not with training labels that it did not see. Where the validation labels are as wrong, the labels
        contradict even its surest answers; but so they do where a task is hard, and only the experiment can tell.
        """
        if case.counts[case.counts > 0].min() < FEWEST:
            return NOTHING
        learnt, judged = case.features("train")["features"], len(case.images.part("valid"))
        held, valid = crossed(learnt.array, learnt.labels, len(case.images.classes), FOLDS), case.probe()
        error = float(np.sqrt(held * (1 - held) / len(learnt) + valid * (1 - valid) / max(judged, 1)))
        found = self.problems(case)
        words = (
            f"a linear head agrees with {valid:.0%} of the validation labels, and with {held:.0%} of the training "
            f"labels that it did not learn from; {len(found.problems)} of {len(found.frame)} are likely wrong"
        )
        contradicted, doubtful = contradiction(found, float(case.counts.max() / case.counts.sum()))
        strength = max(rising(valid - held - error, 0.1, 0.025), HARD * doubtful)
        numbers = {"validation": valid, "training": held, "contradicted": contradicted, "estimated share": found.rate}
        return Evidence(strength, words, numbers, {"labels": found.problems.head(100)}, fact=True)

    def data_without(self, case: Case) -> Any:
        """The images without the training images whose label is likely wrong; validation images stay as they are."""
        return case.leaving_out(self.problems(case).problems["id"])

    def problems(self, case: Case) -> LabelProblems:
        """Confident learning on the training images; made once."""
        if "labels" not in case.kept:
            case.kept["labels"] = label_problems(case.features("train")["features"], classes=case.images.classes)
        return case.kept["labels"]


def contradiction(found: LabelProblems, chance: float) -> tuple[float, float]:
    """How often labels contradict a classifier's surest answers, and how doubtful that makes them, each 0 to 1.

    A hard task has easy images, on which the surest answers are right; wrong labels fall on easy images too. It says
    nothing where the features tell no class apart.
    """
    frame = found.frame
    agrees = frame["margin"] > 0
    sure = np.maximum(frame["confidence"], frame["confidence"] - frame["margin"])
    right, surest = float(agrees.mean()), float(agrees[sure >= np.quantile(sure, 1 - SUREST)].mean())
    doubtful = rising(1 - surest, 0.29, 0.06) * rising(right / max(surest, 0.01), 0.55, 0.08)
    return 1 - surest, doubtful * rising(right - chance, 0.15, 0.05)
