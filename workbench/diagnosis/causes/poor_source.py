"""The backbone's weights hold nothing that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising
from workbench.diagnosis.other_backbones import with_another

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.plan import Plan


@causes.add("poor-source")
class PoorSource(Cause):
    """Damaged, random or shuffled-label weights: no stage of the backbone serves better than an untrained one."""

    means = "the backbone's weights hold nothing that helps: no stage serves better than an untrained one"
    advice = "take another backbone, or train from scratch"
    source = "random labels: Zhang et al. 2017, arXiv:1611.03530"
    yields_to = ("preprocessing-mismatch", "foreign-batch-norm")

    def evidence(self, case: Case) -> Evidence:
        """Linear heads on every stage, with the weights and without; and weights that are not numbers."""
        if case.broken:
            words = f"{len(case.broken)} tensors hold what is no number, such as {case.broken[0]}"
            return Evidence(1.0, words, {"broken": len(case.broken)})
        if not case.pretrained:
            return NOTHING
        gains = case.gains
        best, last = max(gains.values()), gains["features"]
        noise = float(np.sqrt(0.25 / len(case.images)))
        words = f"a linear head gains {100 * last:+.0f} points by the weights, at the best stage {100 * best:+.0f}"
        strength = rising(-best, -0.06, 0.03 + noise) * rising(-last, -0.03, 0.03 + noise)
        return Evidence(strength, words, {"gain": last, "gain of the best stage": best})

    def without(self, case: Case) -> Plan | None:
        """Another backbone, the best of the built-in ones for these images."""
        return with_another(case)
