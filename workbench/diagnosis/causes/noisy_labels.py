"""Labels of the target are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising
from workbench.probes.label_noise import LabelProblems, label_problems

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case

FEWEST = 5  # images of a class: with fewer, a classifier that is held back knows too little


@causes.add("noisy-labels")
class NoisyLabels(Cause):
    """A share of the training labels is wrong, which a net that fits them all learns by heart."""

    means = "labels of the training images are wrong"
    advice = "look at the images whose label is doubted, correct or remove them, and train again"
    source = "Northcutt et al. 2021, arXiv:1911.00068"
    yields_to = ("poor-source", "preprocessing-mismatch", "foreign-batch-norm")

    def evidence(self, case: Case) -> Evidence:
        """The share of wrong labels by confident learning on the better of pretrained and untrained features.

        Classes that look alike are confused in both directions and at the border; wrong labels are confidently of
        another class. So what counts is the share of images whose neighbours nearly all bear another label.
        """
        if case.counts.min() < FEWEST:
            return NOTHING
        found = self.problems(case)
        frame = found.problems
        lonely = float((frame["neighbours"] < 0.2).sum() / len(found.frame)) if len(frame) else 0.0
        words = (
            f"{len(frame)} of {len(found.frame)} training labels are likely wrong ({found.rate:.0%}); "
            f"{lonely:.0%} stand alone among images of other classes"
        )
        numbers = {"estimated share": found.rate, "stand alone": lonely}
        return Evidence(rising(lonely, 0.1, 0.05), words, numbers) if lonely > 0.02 else NOTHING

    def data_without(self, case: Case) -> Any:
        """The images without the training images whose label is likely wrong; validation images stay as they are."""
        wrong = self.problems(case).problems["id"]
        return case.data.part(rows=~case.data.frame["id"].isin(wrong).to_numpy())

    def problems(self, case: Case) -> LabelProblems:
        """Confident learning on the training images."""
        better = case.probe() >= case.probe(pretrained=False)
        return label_problems(case.features("train", pretrained=better)["features"], classes=case.images.classes)
