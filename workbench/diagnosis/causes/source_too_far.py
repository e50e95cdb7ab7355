"""The source has little to do with these images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, SUSPECT, Cause, Evidence, causes, rising
from workbench.diagnosis.other_backbones import nearer, others, ranked, with_another
from workbench.diagnosis.stage_gaps import from_source

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.plan import Plan

UNKNOWN = 0.8  # stands for the distance where nobody knows what the backbone learnt from


@causes.add("source-too-far")
class SourceTooFar(Cause):
    """The backbone's features tell these classes apart hardly better than random ones; another's do."""

    means = "the source is too far from these images for its features to serve"
    advice = "take a backbone whose source is nearer, by the ranking"
    source = "Cui et al. 2018, arXiv:1806.06193"
    yields_to = ("preprocessing-mismatch", "foreign-batch-norm", "poor-source", "noisy-labels", "spurious-cue")

    def evidence(self, case: Case) -> Evidence:
        """Whether the features serve better than random ones, how far the source lies, whether another is nearer."""
        if not case.pretrained:
            return NOTHING
        gain, noise = case.gains["features"], float(np.sqrt(0.25 / len(case.images)))
        helpless = rising(-gain, -0.05, 0.03 + noise)
        words = f"a linear head gains {100 * gain:+.0f} points by the weights"
        distance = from_source(case) if helpless >= SUSPECT else 0.0
        apart = UNKNOWN if np.isnan(distance) else rising(distance, 1.1, 0.25)
        if helpless * apart < SUSPECT:
            return Evidence(0.0, words, {"gain": gain})
        better = nearer(case)
        name = str(others(case)["name"].iloc[0])
        words += f", and {100 * better:+.0f} on {name}"
        numbers = {"gain": gain, "gain of another": better}
        if np.isfinite(distance):
            numbers["proxy A-distance"] = distance
            words += f"; these images lie {distance:.2f} of 2 from those that it learnt from (proxy A-distance)"
        strength = helpless * apart * rising(better, 0.05, 0.03)
        return Evidence(strength, words, numbers, {"linear heads on other backbones": ranked(case)})

    def without(self, case: Case) -> Plan | None:
        """The best of the other built-in backbones for these images."""
        return with_another(case)
