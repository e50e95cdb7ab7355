"""The source has little to do with these images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising
from workbench.diagnosis.other_backbones import with_another

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.plan import Plan


@causes.add("source-too-far")
class SourceTooFar(Cause):
    """The backbone's features tell these classes apart hardly better than random ones, though early stages serve."""

    means = "the source is too far from these images for its features to serve"
    advice = "take a backbone whose source is nearer, by the ranking"
    source = "Cui et al. 2018, arXiv:1806.06193"
    yields_to = ("preprocessing-mismatch", "foreign-batch-norm", "poor-source", "noisy-labels")

    def evidence(self, case: Case) -> Evidence:
        """The share of what a linear head knows that it does not know from random features."""
        if not case.pretrained:
            return NOTHING
        chance = float(case.counts.max() / case.counts.sum())
        known, last = case.told(), case.gains["features"]
        share = last / max(known - chance, 0.05)
        words = (
            f"a linear head gets {known:.0%} right, {100 * last:+.0f} points of it by the weights; "
            f"the best stage gains {100 * max(case.gains.values()):+.0f}"
        )
        noise = float(np.sqrt(0.25 / len(case.images)))
        strength = rising(-share, -0.05, 0.1) * rising(max(case.gains.values()), 0.02, 0.02 + noise)
        return Evidence(strength, words, {"share": share, "gain": last, "linear head": known})

    def without(self, case: Case) -> Plan | None:
        """The best of the other built-in backbones for these images."""
        return with_another(case)
