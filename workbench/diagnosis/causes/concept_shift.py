"""The same images are called otherwise where the net is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, compared, rising
from workbench.diagnosis.domains import apart, of_both

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case


@causes.add("concept-shift")
class ConceptShift(Cause):
    """The images look alike in both domains and their labels mean something else."""

    means = "the labels mean something else than in training"
    advice = "agree on what the classes mean, and relabel one of the domains"
    source = "Moreno-Torres et al. 2012, doi:10.1016/j.patcog.2011.06.019"
    yields_to = ("spurious-cue", "label-shift")

    def evidence(self, case: Case) -> Evidence:
        """Whether images of one class differ where images as a whole do not, and what a linear head loses."""
        found = apart(case)
        if found is None:
            return NOTHING
        likely = found.kind.probabilities["concept"]
        words = (
            f"images as a whole are alike in both domains, those of one class are not; a linear head that gets "
            f"{found.here:.0%} right on the one gets {found.there:.0%} on the other"
        )
        strength = likely * rising(found.drop, 0.1, 0.05)
        numbers, drawn = {"concept": likely, "drop": found.drop}, compared("linear head right", found.accuracies)
        return Evidence(strength, words, numbers, drawn)

    def data_without(self, case: Case) -> Any:
        """Training images of both domains, with the labels of each."""
        return of_both(case)
