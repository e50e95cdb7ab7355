"""Labels of the target are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising
from workbench.probes.label_noise import LabelProblems, label_problems

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case

SUREST = 0.2  # share of the answers that counts as the surest
FEWEST = 5  # images of a class: with fewer, a classifier that is held back knows too little


@causes.add("noisy-labels")
class NoisyLabels(Cause):
    """A share of the training labels is wrong, which a net that fits them all learns by heart."""

    means = "labels of the training images are wrong"
    advice = "look at the images whose label is doubted, correct or remove them, and train again"
    shown = True
    source = "Northcutt et al. 2021, arXiv:1911.00068"
    yields_to = ("poor-source", "preprocessing-mismatch", "foreign-batch-norm")

    def evidence(self, case: Case) -> Evidence:
        """How often labels contradict even what a linear head is surest of, having learnt from other images.

        A hard task has easy images, on which the surest answers are right; wrong labels fall on easy images too. So
        the surest fifth is nearly always right but where labels are wrong, and there about as often as all others. It
        says nothing where the features tell no class apart.
        """
        if case.counts[case.counts > 0].min() < FEWEST:
            return NOTHING
        found = self.problems(case)
        right, surest = surely(found)
        chance = float(case.counts.max() / case.counts.sum())
        words = (
            f"even of the fifth of its answers that a linear head is surest of, having learnt from other images, the "
            f"labels contradict {1 - surest:.0%}; {len(found.problems)} of {len(found.frame)} are likely wrong"
        )
        strength = rising(1 - surest, 0.29, 0.06) * rising(right / max(surest, 0.01), 0.55, 0.08)
        strength *= rising(right - chance, 0.15, 0.05)
        numbers = {"contradicted": 1 - surest, "right": right, "estimated share": found.rate}
        return Evidence(strength, words, numbers, {"labels": found.problems.head(100)})

    def data_without(self, case: Case) -> Any:
        """The images without the training images whose label is likely wrong; validation images stay as they are."""
        return case.leaving_out(self.problems(case).problems["id"])

    def problems(self, case: Case) -> LabelProblems:
        """Confident learning on the training images; made once."""
        if "labels" not in case.kept:
            case.kept["labels"] = label_problems(case.features("train")["features"], classes=case.images.classes)
        return case.kept["labels"]


def surely(found: LabelProblems) -> tuple[float, float]:
    """How often a classifier that never saw an image agrees with its label: over all, and where it is surest."""
    frame = found.frame
    agrees = frame["margin"] > 0
    sure = np.maximum(frame["confidence"], frame["confidence"] - frame["margin"])
    surest = sure >= np.quantile(sure, 1 - SUREST)
    return float(agrees.mean()), float(agrees[surest].mean())
