"""The images that are judged by look different from those that are trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, compared, rising
from workbench.diagnosis.domains import apart, of_both

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case


@causes.add("domain-gap")
class GapOfDomains(Cause):
    """What is learnt on one domain is asked of another that looks different."""

    means = "the images judged by look different from those trained on"
    advice = "train on images of the target domain too, or adapt to it (strategy dann)"
    source = "Ben-David et al. 2010, doi:10.1007/s10994-009-5152-4"
    yields_to = ("spurious-cue", "label-shift")

    def evidence(self, case: Case) -> Evidence:
        """Whether the shift is one of looks, how far the domains lie apart, and what a linear head loses on the way."""
        found = apart(case)
        if found is None:
            return NOTHING
        looks = found.kind.probabilities["covariate"]
        words = (
            f"the domains lie {found.gap.distance:.2f} of 2 apart (proxy A-distance); a linear head that gets "
            f"{found.here:.0%} right on the one gets {found.there:.0%} on the other"
        )
        numbers = {"covariate": looks, "proxy A-distance": found.gap.distance, "drop": found.drop}
        strength = looks * rising(found.gap.distance, 0.8, 0.4) * rising(found.drop, 0.08, 0.05)
        return Evidence(strength, words, numbers, compared("linear head right", found.accuracies))

    def data_without(self, case: Case) -> Any:
        """Training images of both domains."""
        return of_both(case)
