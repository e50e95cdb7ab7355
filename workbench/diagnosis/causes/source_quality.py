"""The backbone's features are worth no more than random ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising
from workbench.diagnosis.control_plans import unpretrained

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.plan import Plan


@causes.add("poor-source")
class PoorSource(Cause):
    """Damaged, random or shuffled-label weights: no stage of the backbone serves better than an untrained one."""

    means = "the backbone's weights hold nothing that helps: no stage serves better than an untrained one"
    source = "random labels: Zhang et al. 2017, arXiv:1611.03530"

    def evidence(self, case: Case) -> Evidence:
        """Linear heads on every stage, with the weights and without; and weights that are not numbers."""
        broken = [
            n for n, t in case.net.backbone.state_dict().items() if t.is_floating_point() and not t.isfinite().all()
        ]
        if broken:
            return Evidence(
                1.0, f"{len(broken)} tensors hold what is no number, such as {broken[0]}", {"broken": len(broken)}
            )
        stages = [s for s in case.features("train") if s in case.features("train", pretrained=False)]
        gains = {s: case.probe(s) - case.probe(s, pretrained=False) for s in stages}
        best, last = max(gains.values()), gains["features"]
        if last >= 0.1:
            return NOTHING
        noise = float(np.sqrt(0.5 / len(case.images.part("valid"))))
        words = f"a linear head gains {100 * last:+.0f} points by the weights, at the best stage {100 * best:+.0f}"
        strength = rising(-best, -0.04, 0.03 + noise) * rising(-last, 0.0, 0.03 + noise)
        return Evidence(strength, words, {"gain": last, "gain of the best stage": best})

    def without(self, case: Case) -> Plan | None:
        """From scratch: where the weights hold nothing, their lack costs nothing."""
        return unpretrained(case.plan).but(tuning="full", strategy="fine-tune", lr=None)
